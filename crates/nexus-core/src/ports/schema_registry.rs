use std::fmt;

use serde_json::Value;

use crate::{
    error::ErrorKind,
    event::Digest,
    json::Json,
    ports::{CompatibilityReport, SemanticVersion, Subject, SubjectAccess},
};

/// Knows the schema of every command and event. Answers from memory, without blocking.
pub trait SchemaRegistry: Send + Sync + 'static {
    /// Checks a document against a registered schema; `None` means the newest version. What was deleted is unknown.
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

    /// Makes a schema known in memory, without judging or recording it. The same schema again answers the first
    /// registration.
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
    /// The schema is kept elsewhere and was not fetched yet. Handling: the same again a little later.
    #[error("the schema of the {kind} type `{name}` is not known yet: {reason}; try again in a moment")]
    NotYet {
        /// What was looked for.
        kind: SchemaKind,
        /// The type.
        name: String,
        /// What is being done, or what stood against it last.
        reason: String,
    },
    /// The document breaks its schema.
    #[error("`{}` version {} is broken in {} place(s)", schema.name, schema.version, violations.len())]
    Invalid {
        /// The schema.
        schema: SchemaRef,
        /// Every violation, up to 100.
        violations: Vec<Violation>,
    },
    /// The schema was registered once and cannot be used now.
    #[error("the schema of `{}` version {} cannot be used: {reason}", schema.name, schema.version)]
    Unusable {
        /// The schema.
        schema: SchemaRef,
        /// Why.
        reason: String,
    },
}

impl SchemaRefusal {
    /// The generic kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownType { .. } | Self::UnknownVersion { .. } => ErrorKind::NotFound,
            Self::NotYet { .. } => ErrorKind::Unavailable,
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Unusable { .. } => ErrorKind::Internal,
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

/// Why a schema is not registered, or a registered one not changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
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
    /// A reference to another schema cannot be followed.
    #[error("the reference `{name}` cannot be followed: {reason}")]
    Reference {
        /// What stands in `$ref`.
        name: String,
        /// Why it leads nowhere.
        reason: String,
    },
    /// The mode of the subject does not accept the change.
    #[error("{subject}: {}", describe(report))]
    Incompatible {
        /// The subject.
        subject: Subject,
        /// Everything that stands against the schema.
        report: Box<CompatibilityReport>,
    },
    /// The version asked for is not the one it becomes.
    #[error("{subject}: {reason}")]
    Version {
        /// The subject.
        subject: Subject,
        /// The semantic version it becomes at least.
        computed: SemanticVersion,
        /// What was asked for, and what would do.
        reason: String,
    },
    /// An upcaster cannot stand where it was given.
    #[error("{subject}: {reason}")]
    Upcaster {
        /// The subject.
        subject: Subject,
        /// Why not, and what would do.
        reason: String,
    },
    /// An upcaster leads through the version that was to be deleted for good.
    #[error(
        "the {subject} version {version} is on the way by which upcasters lead to version {to}; it stays as long as \
         that, or goes with the whole subject"
    )]
    LedThrough {
        /// The subject.
        subject: Subject,
        /// The version.
        version: u32,
        /// The version that needs it.
        to: u32,
    },
    /// The subject does not accept this kind of write.
    #[error("{subject} {reason}")]
    NotAllowed {
        /// The subject.
        subject: Subject,
        /// How it may be written.
        access: SubjectAccess,
        /// What is not allowed, and what to do.
        reason: &'static str,
    },
    /// Nothing is registered under this name.
    #[error("there is no schema for the {subject}")]
    UnknownSubject {
        /// What was looked for.
        subject: Subject,
    },
    /// The subject is known, this version of it is not.
    #[error("the {subject} has no schema version {version}")]
    UnknownVersion {
        /// The subject.
        subject: Subject,
        /// The version.
        version: u32,
    },
    /// It was deleted before; only deleting it for good is left.
    #[error("the {subject} was deleted before")]
    AlreadyDeleted {
        /// The subject.
        subject: Subject,
        /// The version; `None` means all of it.
        version: Option<u32>,
    },
    /// It is deleted for good only after it was deleted.
    #[error("the {subject} is not deleted yet; delete it first, then for good")]
    NotDeletedBefore {
        /// The subject.
        subject: Subject,
        /// The version; `None` means all of it.
        version: Option<u32>,
    },
    /// Another schema refers to it.
    #[error("the {subject} version {version} is referred to by {by}; delete that first")]
    Referenced {
        /// The subject.
        subject: Subject,
        /// The version.
        version: u32,
        /// A subject that refers to it.
        by: Subject,
    },
}

/// A report in as many lines as it has reasons: what, where, how to mend it, and a document that shows it.
fn describe(report: &CompatibilityReport) -> String {
    let mut text = format!("the schema is not compatible under the mode {}", report.mode);
    for breach in report.breaches.iter().take(20) {
        let place = if breach.pointer.is_empty() { "the top" } else { &breach.pointer };
        text.push_str(&format!(
            "\n  {} at {place} (against version {}): {}\n    fix: {}",
            breach.rule, breach.version, breach.message, breach.fix
        ));
        if let Some(example) = &breach.counter_example {
            text.push_str(&format!("\n    for example: {example}"));
        }
    }
    text
}
