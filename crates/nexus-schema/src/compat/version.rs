//! One version of a schema, made ready to be compared.

use std::cell::OnceCell;

use jsonschema::{Draft, Validator};
use serde_json::Value;

use super::normal::normal;
use crate::{
    close::{Closed, close},
    compile::{build, draft_of},
    graph::Graph,
    limits,
};

/// A version as the two sides see it: the writer, who is held to the closed form, and the reader, who takes it as it
/// is written. Each side is made when it is first asked for.
pub(super) struct Version<'a> {
    pub(super) draft: Draft,
    /// The normal form of what is written.
    pub(super) open: Value,
    document: &'a Value,
    closed: Closed,
    depth_limit: Option<usize>,
    writer: OnceCell<Result<Writer, String>>,
    reader: OnceCell<Result<Validator, String>>,
}

/// What the append path lets in.
pub(super) struct Writer {
    /// The normal form of the closed schema.
    pub(super) closed: Value,
    validator: Validator,
    /// The schema as it is written, where the closed form alone could accept more.
    original: Option<Validator>,
    depth_limit: Option<usize>,
}

impl<'a> Version<'a> {
    /// # Errors
    /// A sentence that says why the registry would not accept this schema.
    pub(super) fn new(document: &'a Value) -> Result<Self, String> {
        if !document.is_object() && !document.is_boolean() {
            return Err("a schema is a JSON object or a boolean".to_owned());
        }
        limits::check_size(document)?;
        let draft = draft_of(document)?;
        let graph = Graph::read(document, draft)?;
        limits::check_parts(document, &graph, draft)?;
        Ok(Self {
            draft,
            open: normal(document, &graph, draft),
            document,
            closed: close(document, &graph, draft)?,
            depth_limit: limits::depth_limit(&graph)?,
            writer: OnceCell::new(),
            reader: OnceCell::new(),
        })
    }

    /// The writer's side.
    ///
    /// # Errors
    /// A sentence that says why the closed schema is not usable.
    pub(super) fn writer(&self) -> Result<&Writer, String> {
        self.writer.get_or_init(|| self.make_writer()).as_ref().map_err(Clone::clone)
    }

    fn make_writer(&self) -> Result<Writer, String> {
        let graph = Graph::read(&self.closed.schema, self.draft)?;
        let depth_limit = limits::depth_limit(&graph)?;
        Ok(Writer {
            closed: normal(&self.closed.schema, &graph, self.draft),
            validator: build(&self.closed.schema, self.draft)?,
            original: self.closed.check_original.then(|| build(self.document, self.draft)).transpose()?,
            depth_limit: depth_limit.into_iter().chain(self.depth_limit).min(),
        })
    }

    /// What checks documents against this version as it is written.
    ///
    /// # Errors
    /// A sentence that says why the schema is not usable.
    pub(super) fn reader(&self) -> Result<&Validator, String> {
        self.reader.get_or_init(|| build(self.document, self.draft)).as_ref().map_err(Clone::clone)
    }

    /// Whether this version, as it is written, refuses `document`.
    pub(super) fn refuses(&self, document: &Value) -> bool {
        self.is_too_deep(document) || self.reader().is_ok_and(|reader| !reader.is_valid(document))
    }

    /// Whether checking `document` would cost more than the registry spends.
    pub(super) fn is_too_deep(&self, document: &Value) -> bool {
        self.depth_limit.is_some_and(|limit| limits::deeper_than(document, limit))
    }

    /// The deepest document this version is checked for.
    pub(super) fn depth_limit(&self) -> Option<usize> {
        self.depth_limit
    }
}

impl Writer {
    /// Whether the append path lets `document` in.
    pub(super) fn lets_in(&self, document: &Value) -> bool {
        !self.depth_limit.is_some_and(|limit| limits::deeper_than(document, limit))
            && std::iter::once(&self.validator).chain(&self.original).all(|validator| validator.is_valid(document))
    }

    /// The deepest document that is let in.
    pub(super) fn depth_limit(&self) -> Option<usize> {
        self.depth_limit
    }
}
