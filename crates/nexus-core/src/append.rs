//! What an append asks for and what it answers.

use std::fmt;

use crate::{
    event::NewEvent,
    name::{AggregateType, EventId, Position, StreamId, Version},
};

/// Events for one or more streams, stored all together or not at all, once admitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proposal {
    /// One part per stream; no stream twice.
    pub streams: Vec<StreamAppend>,
}

impl Proposal {
    /// A proposal for one stream.
    #[must_use]
    pub fn single(part: StreamAppend) -> Self {
        Self { streams: vec![part] }
    }
}

/// The events proposed for one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamAppend {
    /// Where the events go.
    pub stream: StreamId,
    /// The type of the aggregate; fixed by the first event of a stream.
    pub aggregate_type: AggregateType,
    /// What must hold at the moment of writing.
    pub condition: AppendCondition,
    /// The events, in order; at least one.
    pub events: Vec<NewEvent>,
}

/// What must hold, at the moment of writing, for an append to happen.
///
/// A type of its own so that a condition over a query can join the one over versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendCondition {
    /// The stream is at this version.
    Version(ExpectedVersion),
}

impl From<ExpectedVersion> for AppendCondition {
    fn from(expected: ExpectedVersion) -> Self {
        Self::Version(expected)
    }
}

/// The version a writer believes a stream to be at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Whatever it is.
    Any,
    /// The stream must not exist.
    NoStream,
    /// The stream must exist.
    Exists,
    /// Exactly this version; `Exact(Version::NONE)` is the same as [`NoStream`](Self::NoStream).
    Exact(Version),
}

impl ExpectedVersion {
    /// Whether a stream at `actual` meets the expectation.
    #[must_use]
    pub fn accepts(self, actual: Version) -> bool {
        match self {
            Self::Any => true,
            Self::NoStream => actual == Version::NONE,
            Self::Exists => actual != Version::NONE,
            Self::Exact(expected) => actual == expected,
        }
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::NoStream => f.write_str("none"),
            Self::Exists => f.write_str("exists"),
            Self::Exact(version) => version.fmt(f),
        }
    }
}

/// Where an append went. It is durable once this exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first event.
    pub first_position: Position,
    /// Position of the last event.
    pub position: Position,
    /// One part per stream, in the order they were proposed.
    pub streams: Vec<AppendedStream>,
    /// True when these very events had been stored before and nothing was written now.
    pub replayed: bool,
}

/// Where the events of one stream went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendedStream {
    /// The stream.
    pub stream: StreamId,
    /// Version of the first event.
    pub first_version: Version,
    /// Version of the last event, which is now the stream's.
    pub version: Version,
    /// Ids of the events, in order.
    pub event_ids: Vec<EventId>,
}
