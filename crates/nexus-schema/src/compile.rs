//! From a schema document to something that checks documents.

use jsonschema::{Draft, PatternOptions, ValidationOptions, Validator};
use nexus_core::ports::Violation;
use serde_json::Value;

use crate::{
    close::close,
    explain,
    graph::{Graph, shown},
    limits,
};

/// A schema ready to check documents.
pub(crate) struct Compiled {
    /// The writer-closed form.
    closed: Validator,
    /// The schema as it was written, where the closed form alone could accept more.
    original: Option<Validator>,
    /// Most levels a document may have before its check would cost too much.
    depth_limit: Option<usize>,
}

impl Compiled {
    /// Most violations reported for one document.
    const MAX_VIOLATIONS: usize = 100;

    /// Judges and compiles a schema.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the schema, and where.
    pub(crate) fn new(schema: &Value) -> Result<Self, String> {
        if !schema.is_object() && !schema.is_boolean() {
            return Err("a schema is a JSON object or a boolean".to_owned());
        }
        limits::check_size(schema)?;
        let draft = draft_of(schema)?;
        let graph = Graph::read(schema, draft)?;
        limits::check_parts(schema, &graph, draft)?;
        let original = limits::depth_limit(&graph)?;
        let closed = close(schema, &graph, draft)?;
        let closed_limit = limits::depth_limit(&Graph::read(&closed.schema, draft)?)?;
        Ok(Self {
            original: closed.check_original.then(|| build(schema, draft)).transpose()?,
            closed: build(&closed.schema, draft)?,
            depth_limit: original.into_iter().chain(closed_limit).min(),
        })
    }

    /// Whether a document fits, without saying why not.
    pub(crate) fn accepts(&self, document: &Value) -> bool {
        !self.depth_limit.is_some_and(|limit| limits::deeper_than(document, limit))
            && std::iter::once(&self.closed).chain(&self.original).all(|validator| validator.is_valid(document))
    }

    /// Every way in which a document breaks the schema, at most 100; empty when it is valid.
    pub(crate) fn violations(&self, document: &Value) -> Vec<Violation> {
        if let Some(limit) = self.depth_limit.filter(|limit| limits::deeper_than(document, *limit)) {
            return vec![Violation {
                pointer: String::new(),
                keyword: "depth".to_owned(),
                message: format!(
                    "expected at most {limit} levels of nesting, which this schema can check at bounded cost"
                ),
            }];
        }
        // The closed form comes first because it tells of undeclared members as well.
        let mut validators = std::iter::once(&self.closed).chain(&self.original);
        let Some(broken) = validators.find(|validator| !validator.is_valid(document)) else {
            return Vec::new();
        };
        let mut violations = Vec::new();
        for error in broken.iter_errors(document) {
            explain::push(&error, &mut violations);
            if violations.len() >= Self::MAX_VIOLATIONS {
                violations.truncate(Self::MAX_VIOLATIONS);
                break;
            }
        }
        violations
    }
}

/// The dialect a schema names, or the newest.
///
/// # Errors
/// A sentence when it names one that is not known.
pub(crate) fn draft_of(schema: &Value) -> Result<Draft, String> {
    let dialect = schema.get("$schema").filter(|dialect| !dialect.is_null());
    let named = dialect.map(|dialect| dialect.as_str().ok_or("`$schema` is not a text".to_owned()));
    let draft = named.transpose()?.map_or(Draft::Draft202012, Draft::from_schema_uri);
    if draft == Draft::Unknown {
        let named = dialect.and_then(Value::as_str).unwrap_or_default();
        return Err(format!(
            "`$schema` names `{}`; known are the drafts 4, 6, 7, 2019-09 and 2020-12 of json-schema.org",
            shown(named)
        ));
    }
    Ok(draft)
}

/// What checks documents against `schema` exactly as it is written.
///
/// # Errors
/// A sentence that says what is wrong with the schema.
pub(crate) fn build(schema: &Value, draft: Draft) -> Result<Validator, String> {
    options(draft).build(schema).map_err(|error| explain::schema_error(&error))
}

/// How every schema is compiled.
pub(crate) fn options(draft: Draft) -> ValidationOptions<'static> {
    jsonschema::options().with_draft(draft).offline().should_validate_formats(true).with_pattern_options(
        PatternOptions::regex().size_limit(limits::PATTERN_BYTES).dfa_size_limit(limits::PATTERN_CACHE_BYTES),
    )
}
