//! From a schema document to something that checks documents.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Retrieve, ValidationError, ValidationOptions, Validator};
use nexus_core::{Json, ports::Violation};
use serde_json::Value;

use crate::{
    close::{Closed, close},
    explain,
    flat::{Borrowing, Flat},
    graph::{Graph, shown},
    limits,
};

/// A schema that was read: it is usable as far as that can be said without compiling it.
pub(crate) struct Outline {
    pub(crate) draft: Draft,
    pub(crate) graph: Graph,
    pub(crate) closed: Closed,
    /// The graph of the closed form.
    pub(crate) closed_graph: Graph,
    /// Most levels a document may have before the schema as it is written would cost too much.
    pub(crate) open_limit: Option<usize>,
    /// The same for the closed form.
    closed_limit: Option<usize>,
}

impl Outline {
    /// # Errors
    /// A sentence that says what is wrong with the schema, and where.
    pub(crate) fn read(schema: &Value) -> Result<Self, String> {
        if !schema.is_object() && !schema.is_boolean() {
            return Err("a schema is a JSON object or a boolean".to_owned());
        }
        limits::check_size(schema)?;
        let draft = draft_of(schema)?;
        let graph = Graph::read(schema, draft)?;
        limits::check_parts(schema, &graph, draft)?;
        let open_limit = limits::depth_limit(&graph)?;
        let closed = close(schema, &graph, draft)?;
        let closed_graph = Graph::read(&closed.schema, draft)?;
        let closed_limit = limits::depth_limit(&closed_graph)?;
        Ok(Self { draft, graph, closed, closed_graph, open_limit, closed_limit })
    }
}

/// A schema ready to check documents.
pub(crate) struct Compiled {
    /// The writer-closed form.
    closed: Check,
    /// The schema as it was written, where the closed form alone could accept more.
    original: Option<Check>,
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
        Self::of(schema, &Outline::read(schema)?)
    }

    /// Compiles a schema that was read.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the schema.
    pub(crate) fn of(schema: &Value, outline: &Outline) -> Result<Self, String> {
        let Outline { draft, closed, open_limit, closed_limit, .. } = outline;
        Ok(Self {
            original: closed.check_original.then(|| Check::new(schema, *draft)).transpose()?,
            closed: Check::new(&closed.schema, *draft)?,
            depth_limit: open_limit.iter().chain(closed_limit).min().copied(),
        })
    }

    /// Whether the append path lets a document in.
    pub(crate) fn lets_in(&self, document: &Value) -> bool {
        !self.depth_limit.is_some_and(|limit| limits::deeper_than(document, limit))
            && std::iter::once(&self.closed).chain(&self.original).all(|check| check.accepts(document))
    }

    /// Most levels of a document that is let in.
    pub(crate) fn depth_limit(&self) -> Option<usize> {
        self.depth_limit
    }

    /// Every way in which a document breaks the schema, at most 100; empty when it is valid.
    pub(crate) fn violations(&self, document: &Json) -> Vec<Violation> {
        let document = match Flat::read(document.as_bytes()) {
            Ok(document) => document,
            Err(error) => return single("json", format!("expected a JSON document: {error}")),
        };
        if let Some(limit) = self.depth_limit.filter(|limit| document.is_deeper_than(*limit)) {
            let message =
                format!("expected at most {limit} levels of nesting, which this schema can check at bounded cost");
            return single("depth", message);
        }
        // The closed form comes first because it tells of undeclared members as well.
        let mut checks = std::iter::once(&self.closed).chain(&self.original);
        let Some(Check(broken)) = checks.find(|check| !check.0.is_valid(document.root())) else {
            return Vec::new();
        };
        let mut violations = Vec::new();
        for error in broken.iter_errors(document.root()) {
            explain::push(&error, &mut violations);
            if violations.len() >= Self::MAX_VIOLATIONS {
                violations.truncate(Self::MAX_VIOLATIONS);
                break;
            }
        }
        violations
    }
}

/// One violation of the document as a whole.
fn single(keyword: &str, message: String) -> Vec<Violation> {
    vec![Violation { pointer: String::new(), keyword: keyword.to_owned(), message }]
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

/// Checks documents against a schema exactly as it is written.
pub(crate) struct Check(Validator<Borrowing>);

impl Check {
    /// # Errors
    /// A sentence that says what is wrong with the schema.
    pub(crate) fn new(schema: &Value, draft: Draft) -> Result<Self, String> {
        options(draft).build(schema).map(Self).map_err(|error| explain::schema_error(&error))
    }

    pub(crate) fn accepts(&self, document: &Value) -> bool {
        self.0.is_valid(Flat::of(document).root())
    }

    /// Says in which ways a document does not fit, at most `most` of them.
    pub(crate) fn complain(&self, document: &Value, most: usize, tell: impl FnMut(&ValidationError<'_>)) {
        let document = Flat::of(document);
        self.0.iter_errors(document.root()).take(most).collect::<Vec<_>>().iter().for_each(tell);
    }
}

/// How every schema is compiled.
pub(crate) fn options(draft: Draft) -> ValidationOptions<'static, Arc<dyn Retrieve>, Borrowing> {
    jsonschema::options_for::<Borrowing>()
        .with_draft(draft)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(
            PatternOptions::regex().size_limit(limits::PATTERN_BYTES).dfa_size_limit(limits::PATTERN_CACHE_BYTES),
        )
}
