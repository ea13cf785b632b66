use std::{collections::BTreeSet, future::Future, pin::Pin};

use crate::{
    admission::Admitted,
    append::{Appended, ExpectedVersion},
    error::ErrorKind,
    event::RecordedEvent,
    name::{AggregateType, EventId, EventType, Position, StreamId, Text, Version},
    time::Timestamp,
};

/// A boxed future that an asynchronous port answers with.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Stores events for ever, in one total order.
///
/// What every adapter must hold, each with the contract case that proves it:
/// - an append is all or nothing, over all its streams (`a_batch_is_all_or_nothing`);
/// - the expectation is checked by the writer itself (`of_concurrent_appends_exactly_one_wins`);
/// - positions are dense and 1-based, versions are dense and 1-based per stream (`positions_and_versions_are_dense`);
/// - what is acknowledged is durable and readable (`acknowledged_events_survive_a_restart`);
/// - readers never see what is not durable and never skip what is (`a_tailing_reader_skips_nothing`);
/// - the same events again at the same place are answered with the first result (`the_same_append_again_is_a_replay`).
pub trait EventStore: Send + Sync + 'static {
    /// Stores an admitted batch and answers once it is durable.
    fn append(&self, batch: Admitted) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Reads one stream by version. A stream that does not exist has version 0 and no events.
    fn read_stream(&self, read: StreamRead) -> BoxFuture<'_, Result<StreamPage, ReadError>>;

    /// Reads the whole log by position.
    fn read_log(&self, read: LogRead) -> BoxFuture<'_, Result<LogPage, ReadError>>;

    /// Finds one event by its id.
    fn event(&self, id: EventId) -> BoxFuture<'_, Result<Option<RecordedEvent>, ReadError>>;

    /// Lists streams in order of their ids.
    fn streams(&self, list: StreamList) -> BoxFuture<'_, Result<StreamListPage, ReadError>>;

    /// The position of the newest durable event; 0 when there is none.
    fn head(&self) -> Position;

    /// Waits until the head is past `seen`, and answers the head. Answers at once when it already is.
    fn wait_past(&self, seen: Position) -> BoxFuture<'_, Result<Position, ReadError>>;
}

/// Which way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Oldest first.
    #[default]
    Forward,
    /// Newest first.
    Backward,
}

/// A range of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRead {
    /// The stream.
    pub stream: StreamId,
    /// Lowest version wanted, inclusive.
    pub from: Version,
    /// Highest version wanted, inclusive.
    pub to: Version,
    /// Which end comes first.
    pub direction: Direction,
    /// Most events to answer, at least 1.
    pub limit: usize,
}

impl StreamRead {
    /// The whole stream, oldest first, at most `limit` events.
    #[must_use]
    pub fn all(stream: StreamId, limit: usize) -> Self {
        Self { stream, from: Version::new(1), to: Version::new(u64::MAX), direction: Direction::Forward, limit }
    }
}

/// Events of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPage {
    /// The stream's version now; 0 when it does not exist.
    pub version: Version,
    /// The type of its aggregate; `None` when it does not exist.
    pub aggregate_type: Option<AggregateType>,
    /// The events, in the direction asked.
    pub events: Vec<RecordedEvent>,
    /// The version to go on from in the same direction; `None` at the end.
    pub next: Option<Version>,
}

/// A range of the whole log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogRead {
    /// Forward: events after this position. Backward: events before it (0 = from the head).
    pub from: Position,
    /// Which end comes first.
    pub direction: Direction,
    /// Most events to answer, at least 1.
    pub limit: usize,
    /// Which events are wanted.
    pub filter: EventFilter,
}

/// Which events of the log are wanted. What is `None`, empty or false does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of these types.
    pub event_types: BTreeSet<EventType>,
    /// Of this type of aggregate.
    pub aggregate_type: Option<AggregateType>,
    /// Of this conversation.
    pub correlation_id: Option<Text>,
    /// Not recorded before this moment.
    pub since: Option<Timestamp>,
    /// Not recorded after this moment.
    pub until: Option<Timestamp>,
    /// Not of the platform's own streams.
    pub without_system_streams: bool,
}

impl EventFilter {
    /// Whether `event` is wanted.
    #[must_use]
    pub fn matches(&self, event: &RecordedEvent) -> bool {
        (self.event_types.is_empty() || self.event_types.contains(&event.event_type))
            && self.aggregate_type.as_ref().is_none_or(|wanted| *wanted == event.aggregate_type)
            && self.correlation_id.as_ref().is_none_or(|id| Some(id) == event.metadata.correlation_id.as_ref())
            && self.since.is_none_or(|since| event.timestamp >= since)
            && self.until.is_none_or(|until| event.timestamp <= until)
            && !(self.without_system_streams && event.aggregate_id.is_system())
    }
}

/// Events of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The events, in the direction asked. May be fewer than the limit, even none, before the end is reached.
    pub events: Vec<RecordedEvent>,
    /// Where to go on from in the same direction: everything up to here has been looked at.
    pub next: Position,
    /// The newest durable position at the time of reading.
    pub head: Position,
}

/// Which streams to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamList {
    /// Only ids that start with this.
    pub prefix: String,
    /// Only aggregates of this type.
    pub aggregate_type: Option<AggregateType>,
    /// Only ids greater than this one.
    pub after: Option<StreamId>,
    /// Without the platform's own streams.
    pub without_system_streams: bool,
    /// Most streams to answer, at least 1.
    pub limit: usize,
}

/// Streams in order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamListPage {
    /// The streams.
    pub streams: Vec<StreamInfo>,
    /// Whether more follow the last one.
    pub more: bool,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its id.
    pub stream: StreamId,
    /// The type of its aggregate.
    pub aggregate_type: AggregateType,
    /// Its version.
    pub version: Version,
    /// When its last event was recorded.
    pub last_event_at: Timestamp,
}

/// Why an append did not happen. Unless it says otherwise, nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The stream is not at the expected version. Handling: read the stream again and decide again.
    #[error("stream `{stream}` is at version {actual}, expected {expected}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// What was expected.
        expected: ExpectedVersion,
        /// What is.
        actual: Version,
    },
    /// The stream holds another type of aggregate. Final.
    #[error("stream `{stream}` holds aggregates of type `{actual}`, not `{given}`")]
    WrongAggregateType {
        /// The stream.
        stream: StreamId,
        /// The type it holds.
        actual: AggregateType,
        /// The type that was given.
        given: AggregateType,
    },
    /// An event id is already stored elsewhere. Final.
    #[error("event id {event_id} is already stored in stream `{stream}` at version {version}")]
    DuplicateEvent {
        /// The id.
        event_id: EventId,
        /// Where it is.
        stream: StreamId,
        /// At which version.
        version: Version,
    },
    /// The batch is larger than the store accepts. Final.
    #[error("the append is {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Size of the batch as stored.
        bytes: usize,
        /// Largest size the store accepts.
        limit: usize,
    },
    /// There is no room; reads go on, appends may succeed once there is. Handling: retry later.
    #[error("the store is read-only: {reason}")]
    ReadOnly {
        /// Why, for a person.
        reason: String,
    },
    /// A write failed in a way that leaves its outcome unknown until the store was restarted and recovered.
    #[error("the store accepts no more writes until it is restarted: {reason}")]
    Poisoned {
        /// Why, for a person.
        reason: String,
    },
    /// The store cannot be reached or is shutting down. Handling: retry later.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// Why, for a person.
        reason: String,
    },
}

impl AppendError {
    /// The generic kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict { .. } | Self::WrongAggregateType { .. } | Self::DuplicateEvent { .. } => {
                ErrorKind::Conflict
            }
            Self::TooLarge { .. } => ErrorKind::Invalid,
            Self::ReadOnly { .. } | Self::Poisoned { .. } | Self::Unavailable { .. } => ErrorKind::Unavailable,
        }
    }
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Stored bytes fail their checksum or cannot be decoded; they are not served.
    #[error("stored data is damaged: {reason}")]
    Corrupt {
        /// What and where, without file system paths.
        reason: String,
    },
    /// The store cannot be reached or is shutting down. Handling: retry later.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// Why, for a person.
        reason: String,
    },
}

impl ReadError {
    /// The generic kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
        }
    }
}
