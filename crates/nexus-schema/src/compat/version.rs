//! One version of a schema, made ready to be compared.

use jsonschema::{Draft, Validator};
use serde_json::Value;

use super::normal::normal;
use crate::{
    close::close,
    compile::{Compiled, build, draft_of},
    graph::Graph,
    limits,
};

/// A version as the two sides see it: the writer, who is held to the closed form, and the reader, who takes it as it
/// is written.
pub(super) struct Version {
    pub(super) draft: Draft,
    /// As it is written.
    pub(super) open: Value,
    /// As the append path enforces it. A document also has to pass `open` where that is not implied.
    pub(super) closed: Value,
    writer: Compiled,
    reader: Validator,
    depth_limit: Option<usize>,
}

impl Version {
    /// # Errors
    /// A sentence that says why the registry would not accept this schema.
    pub(super) fn new(document: &Value) -> Result<Self, String> {
        let writer = Compiled::new(document)?;
        let draft = draft_of(document)?;
        let graph = Graph::read(document, draft)?;
        let closed = close(document, &graph, draft)?.schema;
        let closed_graph = Graph::read(&closed, draft)?;
        Ok(Self {
            draft,
            open: normal(document, &graph, draft),
            closed: normal(&closed, &closed_graph, draft),
            writer,
            reader: build(document, draft)?,
            depth_limit: limits::depth_limit(&graph)?,
        })
    }

    /// Whether the append path lets `document` in under this version.
    pub(super) fn lets_in(&self, document: &Value) -> bool {
        self.writer.accepts(document)
    }

    /// Whether this version, as it is written, accepts `document`.
    pub(super) fn accepts(&self, document: &Value) -> bool {
        !self.is_too_deep(document) && self.reader.is_valid(document)
    }

    /// What checks documents against this version as it is written.
    pub(super) fn reader(&self) -> &Validator {
        &self.reader
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
