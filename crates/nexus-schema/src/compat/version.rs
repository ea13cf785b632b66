//! One version of a schema, made ready to be compared.

use std::sync::{Arc, OnceLock};

use jsonschema::{Draft, canonical::CanonicalSchema};
use serde_json::Value;

use super::{algebra, normal::normal};
use crate::{
    compile::{Check, Compiled, Outline},
    limits,
};

/// A version as the two sides see it: the writer, who is held to the closed form, and the reader, who takes it as it
/// is written. Each side is made when it is first asked for, and kept.
pub(crate) struct Version {
    pub(super) draft: Draft,
    /// The normal form of what is written.
    pub(super) open: Value,
    document: Value,
    outline: Outline,
    writer: OnceLock<Result<Writer, String>>,
    reader: OnceLock<Result<Check, String>>,
    compiled: OnceLock<Result<Arc<Compiled>, String>>,
    /// What the algebra makes of it as it is written; `None` when it cannot model it.
    reads: OnceLock<Option<CanonicalSchema>>,
    /// The same for what is let in.
    writes: OnceLock<Vec<CanonicalSchema>>,
}

/// What the append path lets in.
pub(super) struct Writer {
    /// The normal form of the closed schema.
    pub(super) closed: Value,
    compiled: Arc<Compiled>,
}

impl Version {
    /// # Errors
    /// A sentence that says why the registry would not accept this schema.
    pub(crate) fn new(document: Value) -> Result<Self, String> {
        let outline = Outline::read(&document)?;
        Ok(Self {
            draft: outline.draft,
            open: normal(&document, &outline.graph, outline.draft),
            document,
            outline,
            writer: OnceLock::new(),
            reader: OnceLock::new(),
            compiled: OnceLock::new(),
            reads: OnceLock::new(),
            writes: OnceLock::new(),
        })
    }

    /// The document itself.
    pub(super) fn document(&self) -> &Value {
        &self.document
    }

    /// What checks documents that are written.
    ///
    /// # Errors
    /// A sentence that says why the schema is not usable.
    pub(crate) fn compiled(&self) -> Result<&Arc<Compiled>, String> {
        let compile = || Compiled::of(&self.document, &self.outline).map(Arc::new);
        self.compiled.get_or_init(compile).as_ref().map_err(Clone::clone)
    }

    /// The writer's side.
    ///
    /// # Errors
    /// A sentence that says why the closed schema is not usable.
    pub(super) fn writer(&self) -> Result<&Writer, String> {
        let make = || {
            let Outline { closed, closed_graph, draft, .. } = &self.outline;
            Ok(Writer { closed: normal(&closed.schema, closed_graph, *draft), compiled: Arc::clone(self.compiled()?) })
        };
        self.writer.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// What checks documents against this version as it is written.
    ///
    /// # Errors
    /// A sentence that says why the schema is not usable.
    pub(super) fn reader(&self) -> Result<&Check, String> {
        self.reader.get_or_init(|| Check::new(&self.document, self.draft)).as_ref().map_err(Clone::clone)
    }

    /// What the algebra makes of this version as a reader takes it.
    pub(super) fn reads(&self) -> Option<&CanonicalSchema> {
        self.reads.get_or_init(|| algebra::canonical(&self.open, self.draft)).as_ref()
    }

    /// What the algebra makes of what is let in. Each form holds at least that, so covering one is enough.
    pub(super) fn writes(&self, writer: &Writer) -> &[CanonicalSchema] {
        self.writes.get_or_init(|| {
            let open = Some(&self.open).filter(|open| **open != writer.closed);
            let forms = [Some(&writer.closed), open].into_iter().flatten();
            forms.filter_map(|form| algebra::canonical(form, self.draft)).collect()
        })
    }

    /// Whether this version, as it is written, refuses `document`.
    pub(super) fn refuses(&self, document: &Value) -> bool {
        self.is_too_deep(document) || self.reader().is_ok_and(|reader| !reader.accepts(document))
    }

    /// Whether checking `document` would cost more than the registry spends.
    pub(super) fn is_too_deep(&self, document: &Value) -> bool {
        self.depth_limit().is_some_and(|limit| limits::deeper_than(document, limit))
    }

    /// The deepest document this version is checked for.
    pub(super) fn depth_limit(&self) -> Option<usize> {
        self.outline.open_limit
    }
}

impl Writer {
    /// Whether the append path lets `document` in.
    pub(super) fn lets_in(&self, document: &Value) -> bool {
        self.compiled.lets_in(document)
    }

    /// The deepest document that is let in.
    pub(super) fn depth_limit(&self) -> Option<usize> {
        self.compiled.depth_limit()
    }
}
