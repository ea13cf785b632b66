//! What an index answers with.

use nexus_core::{AggregateType, StreamId, Timestamp};

/// The newest state of one stream that a segment knows.
#[derive(Debug, Clone)]
pub(crate) struct StreamSpan {
    /// The type of its aggregate.
    pub(crate) aggregate_type: AggregateType,
    /// Version of its last event in the segment.
    pub(crate) last_version: u64,
    /// When that was recorded.
    pub(crate) last_time: Timestamp,
}

/// A stream in a listing.
#[derive(Debug, Clone)]
pub(crate) struct ListedStream {
    pub(crate) stream: StreamId,
    pub(crate) span: StreamSpan,
}

/// Consecutive events of a segment and the bytes they lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    /// Ordinal of the first event.
    pub(crate) first: u32,
    /// How many events.
    pub(crate) count: u32,
    /// Offset in the file of the first byte.
    pub(crate) start: u64,
    /// Offset in the file after the last byte.
    pub(crate) end: u64,
}
