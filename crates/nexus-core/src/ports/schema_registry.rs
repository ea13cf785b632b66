use std::fmt;

use serde_json::Value;

use crate::{error::ErrorKind, event::Digest, json::Json};

/// Knows the schema of every command and event. Answers from memory, without blocking.
pub trait SchemaRegistry: Send + Sync + 'static {
    /// Checks a document against a registered schema; `None` means the newest version.
    ///
    /// # Errors
    /// [`SchemaRefusal`] when there is no such schema or the document breaks it, with every violation at once.
    fn check(
        &self,
        kind: SchemaKind,
        name: &str,
        version: Option<u32>,
        document: &Json,
    ) -> Result<SchemaRef, SchemaRefusal>;

    /// Registers a schema. The same schema again answers the first registration.
    ///
    /// # Errors
    /// When the document is not a usable schema.
    fn register(&self, kind: SchemaKind, name: &str, schema: &Value) -> Result<SchemaRef, RegisterError>;

    /// Registers a schema as this very version, which is higher than all there are of its name; versions may be left
    /// out. The same schema again answers the first registration, whatever its version.
    ///
    /// # Errors
    /// When the document is not a usable schema, or the version is taken or passed.
    fn register_at(
        &self,
        kind: SchemaKind,
        name: &str,
        version: u32,
        schema: &Value,
    ) -> Result<SchemaRef, RegisterError> {
        let reference = self.register(kind, name, schema)?;
        if reference.version == version {
            return Ok(reference);
        }
        let reason = format!("it became version {} of `{name}`, not {version}", reference.version);
        Err(RegisterError::Invalid { reason })
    }

    /// A registered schema; `None` as version means the newest.
    fn find(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Option<SchemaDocument>;

    /// The newest version of every schema, by kind and name.
    fn list(&self) -> Vec<SchemaDocument>;
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemaKind {
    /// The payload of an event type.
    Event,
    /// The payload of a command type.
    Command,
}

impl fmt::Display for SchemaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "event",
            Self::Command => "command",
        })
    }
}

/// One registered version of a schema, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaRef {
    /// Unique id over all schemas, stable for ever, 1-based.
    pub id: u32,
    /// What it describes.
    pub kind: SchemaKind,
    /// The type it describes.
    pub name: String,
    /// Version of the schema of that type, 1-based.
    pub version: u32,
    /// SHA-256 over the schema's canonical text.
    pub digest: Digest,
}

/// One registered version of a schema with its text.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaDocument {
    /// Which one it is.
    pub reference: SchemaRef,
    /// JSON Schema.
    pub schema: Value,
}

/// Why a document is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaRefusal {
    /// There is no schema for this type.
    #[error("no schema is registered for the {kind} type `{name}`")]
    UnknownType {
        /// What was looked for.
        kind: SchemaKind,
        /// The type.
        name: String,
        /// Registered names that look like it, nearest first.
        nearest: Vec<String>,
    },
    /// The type is known, this version of its schema is not.
    #[error("`{name}` has no schema version {version}, the newest is {newest}")]
    UnknownVersion {
        /// The type.
        name: String,
        /// The version asked for.
        version: u32,
        /// The newest there is.
        newest: u32,
    },
    /// The document breaks its schema.
    #[error("`{}` version {} is broken in {} place(s)", schema.name, schema.version, violations.len())]
    Invalid {
        /// The schema.
        schema: SchemaRef,
        /// Every violation, up to 100.
        violations: Vec<Violation>,
    },
}

impl SchemaRefusal {
    /// The generic kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownType { .. } | Self::UnknownVersion { .. } => ErrorKind::NotFound,
            Self::Invalid { .. } => ErrorKind::Invalid,
        }
    }
}

/// One place where a document breaks its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer into the document; empty for the document itself.
    pub pointer: String,
    /// The schema keyword that failed: `required`, `minimum`, …
    pub keyword: String,
    /// What is wrong, for a person: what was expected and what was found.
    pub message: String,
}

/// Why a schema is not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The document is not a usable JSON Schema.
    #[error("not a usable JSON Schema: {reason}")]
    Invalid {
        /// What is wrong, with the place in the schema.
        reason: String,
    },
    /// The name is not acceptable.
    #[error("`{name}` is not an acceptable name: {reason}")]
    InvalidName {
        /// The name.
        name: String,
        /// The rule it breaks.
        reason: String,
    },
}
