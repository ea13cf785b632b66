//! What every index of a segment answers, be it in memory or a file.

use nexus_core::{
    AggregateType, EventId, StreamId, Timestamp,
    ports::{Direction, ReadError},
};

use super::{FileIndex, Key, MemoryIndex, Region};

/// The newest state of one stream that a segment knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamSpan {
    /// The type of its aggregate.
    pub(crate) aggregate_type: AggregateType,
    /// Version of its first event in the segment.
    pub(crate) first_version: u64,
    /// Version of its last event in the segment.
    pub(crate) last_version: u64,
    /// When that was recorded.
    pub(crate) last_time: Timestamp,
}

/// A stream in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedStream {
    pub(crate) stream: StreamId,
    pub(crate) span: StreamSpan,
}

/// Versions of one stream, inclusive, from one end or the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VersionRange {
    pub(crate) low: u64,
    pub(crate) high: u64,
    pub(crate) direction: Direction,
    pub(crate) limit: usize,
}

/// Why an index gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    #[error("the index of the segment that begins at position {0} is damaged; reopening the log rebuilds it")]
    Damaged(u64),
    #[error("reading the index failed: {}", .0.kind())]
    Io(#[from] std::io::Error),
}

impl From<IndexError> for ReadError {
    fn from(error: IndexError) -> Self {
        let reason = error.to_string();
        match error {
            IndexError::Damaged(_) => Self::Corrupt { reason },
            IndexError::Io(_) => Self::Unavailable { reason },
        }
    }
}

/// The index of one segment.
#[derive(Debug)]
pub(crate) enum SegmentIndex {
    /// Of a segment that is written to, or that waits for its file.
    Memory(MemoryIndex),
    /// Of a sealed segment.
    File(FileIndex),
}

impl SegmentIndex {
    /// What is known of a stream.
    pub(crate) fn stream(&self, stream: &Key<&StreamId>) -> Result<Option<StreamSpan>, IndexError> {
        match self {
            Self::Memory(index) => Ok(index.stream(stream.key)),
            Self::File(index) => index.stream(stream),
        }
    }

    /// The ordinal of an event.
    pub(crate) fn event(&self, id: &Key<EventId>) -> Result<Option<u32>, IndexError> {
        match self {
            Self::Memory(index) => Ok(index.event(id.key)),
            Self::File(index) => index.event(id),
        }
    }

    /// The events of a stream in a range of versions, each a region of its own.
    pub(crate) fn places(&self, stream: &Key<&StreamId>, range: VersionRange) -> Result<Vec<Region>, IndexError> {
        match self {
            Self::Memory(index) => Ok(index.places(stream.key, range)),
            Self::File(index) => index.places(stream, range),
        }
    }

    /// Events from `first` on: at most `count`, and at most `bytes` of them unless the first alone is larger.
    pub(crate) fn forward(&self, first: u32, count: usize, bytes: u64) -> Result<Option<Region>, IndexError> {
        match self {
            Self::Memory(index) => Ok(index.forward(first, count, bytes)),
            Self::File(index) => index.forward(first, count, bytes),
        }
    }

    /// Events up to and including `last`: at most `count`, and at most `bytes` unless the last alone is larger.
    pub(crate) fn backward(&self, last: u32, count: usize, bytes: u64) -> Result<Option<Region>, IndexError> {
        match self {
            Self::Memory(index) => Ok(index.backward(last, count, bytes)),
            Self::File(index) => index.backward(last, count, bytes),
        }
    }

    /// At most `limit` streams in order of their names, of those that start with `prefix` and are greater than `after`.
    pub(crate) fn list(
        &self,
        prefix: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<ListedStream>, IndexError> {
        match self {
            Self::Memory(index) => Ok(index.list(prefix, after, limit)),
            Self::File(index) => index.list(prefix, after, limit),
        }
    }
}
