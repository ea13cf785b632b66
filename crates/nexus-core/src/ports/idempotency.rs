use crate::{
    event::Digest,
    name::{DecisionId, EventId, Position, StreamId, Text, Version},
    ports::ReadStoreError,
    time::Timestamp,
};

/// Finds the result of an earlier request by its idempotency key.
///
/// The truth is in the log ([`IdempotencyMark`](crate::IdempotencyMark)); this index only follows it, with its own
/// checkpoint in the same transaction, and can be rebuilt. Calls block on a local file.
pub trait IdempotencyIndex: Send + Sync + 'static {
    /// Everything up to here is in the index.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn checkpoint(&self) -> Result<Position, ReadStoreError>;

    /// Adds records and moves the checkpoint, in one transaction.
    ///
    /// # Errors
    /// When the index cannot be written; nothing changed.
    fn commit(&self, records: &[IdempotencyRecord], checkpoint: Position) -> Result<(), ReadStoreError>;

    /// The record of a key, if there is one.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn find(&self, key: &str) -> Result<Option<IdempotencyRecord>, ReadStoreError>;

    /// Forgets records of appends made before `moment`; answers how many.
    ///
    /// # Errors
    /// When the index cannot be written.
    fn forget_before(&self, moment: Timestamp) -> Result<u64, ReadStoreError>;
}

/// What an earlier request did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The key, scoped by who sent it.
    pub key: Text,
    /// Digest of the request.
    pub request: Digest,
    /// The stream it wrote to.
    pub stream: StreamId,
    /// Version of the stream after it.
    pub version: Version,
    /// Ids of the events it wrote, in order.
    pub event_ids: Vec<EventId>,
    /// Position of the last of them.
    pub position: Position,
    /// The decision that allowed it.
    pub decision_id: DecisionId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}
