use std::fmt;

use super::upcaster::UpcastFailure;
use crate::{
    error::ErrorKind,
    name::{Position, StreamId, Version},
    ports::SchemaRefusal,
};

/// A stored event could not be brought to the version its reader knows. Whoever reads stops here; nothing is skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpcastError {
    /// The event type.
    pub event_type: String,
    /// The schema version it is stored with.
    pub stored: u32,
    /// The schema version the reader knows.
    pub wanted: u32,
    /// The stream it is in.
    pub stream: StreamId,
    /// Its place in that stream.
    pub version: Version,
    /// Its place in the log.
    pub position: Position,
    /// What went wrong.
    pub fault: UpcastFault,
}

/// Why a stored payload did not reach the version that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpcastFault {
    /// Nothing leads on from this version.
    Missing {
        /// The version that was reached.
        from: u32,
    },
    /// An upcaster leads past the version that is wanted.
    Overshoots {
        /// The version it begins at.
        from: u32,
        /// The version it leads to.
        to: u32,
    },
    /// It was stored by a newer application, with a breaking version that this one does not know.
    Newer,
    /// The stored payload is not JSON.
    NotJson(String),
    /// An upcaster said no, or panicked.
    Failed {
        /// The version it begins at.
        from: u32,
        /// The version it leads to.
        to: u32,
        /// What happened.
        failure: UpcastFailure,
    },
    /// What an upcaster produced breaks the schema of the version it leads to.
    Invalid {
        /// The version it begins at.
        from: u32,
        /// The version it leads to.
        to: u32,
        /// What the schema says.
        refusal: Box<SchemaRefusal>,
    },
}

impl UpcastError {
    /// The generic kind. It is a defect of the application; trying again does not help.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    /// Which event it is and what was wanted of it, without why that failed.
    #[must_use]
    pub fn place(&self) -> String {
        let Self { event_type, stored, wanted, stream, version, position, .. } = self;
        format!(
            "`{event_type}` in stream `{stream}` at version {version} (position {position}) is stored with schema \
             version {stored} and cannot be brought to {wanted}"
        )
    }

    /// JSON Pointer to the part of the payload that is to blame, where that is known.
    #[must_use]
    pub fn pointer(&self) -> Option<&str> {
        match &self.fault {
            UpcastFault::Failed { failure, .. } => failure.pointer.as_deref(),
            UpcastFault::Invalid { refusal, .. } => match &**refusal {
                SchemaRefusal::Invalid { violations, .. } => violations.first().map(|first| first.pointer.as_str()),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for UpcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.fault)
    }
}

impl std::error::Error for UpcastError {}

impl fmt::Display for UpcastFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { from } => write!(f, "no upcaster leads on from {from}; add one"),
            Self::Overshoots { from, to } => write!(f, "the upcaster from {from} leads past it, to {to}"),
            Self::Newer => f.write_str("a newer application stored it; run that one"),
            Self::NotJson(reason) => write!(f, "the payload is not JSON: {reason}"),
            Self::Failed { from, to, failure } => write!(f, "the upcaster from {from} to {to} failed: {failure}"),
            Self::Invalid { from, to, refusal } => {
                write!(f, "the upcaster from {from} to {to} made what schema version {to} refuses: {refusal}")?;
                let SchemaRefusal::Invalid { violations, .. } = &**refusal else {
                    return Ok(());
                };
                violations.iter().take(3).try_for_each(|violation| {
                    let place = if violation.pointer.is_empty() { "/" } else { &violation.pointer };
                    write!(f, "; {place}: {}", violation.message)
                })
            }
        }
    }
}
