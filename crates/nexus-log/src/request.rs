//! An append on its way to the writer, with everything prepared that does not depend on its place in the log.

use nexus_core::{
    Admitted, AggregateType, AppendCondition, Appended, EventId, ExpectedVersion, StreamId, ports::AppendError,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::format::{content_size, encode_content, record_size};

/// An append with encoded events.
pub(crate) struct Request {
    pub(crate) batch: EncodedBatch,
    /// Bytes it will take in the log.
    pub(crate) size: u64,
    /// Who waits for the answer.
    pub(crate) reply: oneshot::Sender<Result<Appended, AppendError>>,
    /// Its share of the queue, given back when the request is dropped.
    pub(crate) _share: OwnedSemaphorePermit,
}

/// The events of an append, encoded.
pub(crate) struct EncodedBatch {
    pub(crate) parts: Vec<Part>,
    /// The events of all parts, in order.
    pub(crate) events: Vec<EncodedEvent>,
    /// Their contents, one after the other.
    pub(crate) content: Vec<u8>,
}

/// The events of one stream.
pub(crate) struct Part {
    pub(crate) stream: StreamId,
    pub(crate) aggregate_type: AggregateType,
    pub(crate) expected: ExpectedVersion,
    /// How many events.
    pub(crate) count: usize,
}

/// One event.
pub(crate) struct EncodedEvent {
    pub(crate) id: EventId,
    /// Bytes of its content.
    pub(crate) len: usize,
    /// Hash of its content.
    pub(crate) hash: [u8; 32],
}

impl EncodedBatch {
    /// Bytes that `batch` will take in the log.
    pub(crate) fn size_of(batch: &Admitted) -> usize {
        let parts = batch.streams().iter();
        parts.flat_map(|part| part.events().iter().map(move |event| record_size(content_size(part, event)))).sum()
    }

    /// Encodes and hashes every event.
    pub(crate) fn new(batch: &Admitted, size: usize) -> Result<Self, AppendError> {
        let mut encoded = Self {
            parts: Vec::with_capacity(batch.streams().len()),
            events: Vec::with_capacity(batch.event_count()),
            content: Vec::with_capacity(size),
        };
        for part in batch.streams() {
            let AppendCondition::Version(expected) = part.condition() else {
                let reason = "this log does not know the append condition".to_owned();
                return Err(AppendError::Unavailable { reason });
            };
            for event in part.events() {
                let start = encoded.content.len();
                encode_content(part, event, &mut encoded.content);
                let content = encoded.content.get(start..).unwrap_or_default();
                encoded.events.push(EncodedEvent {
                    id: event.event().event_id,
                    len: content.len(),
                    hash: *blake3::hash(content).as_bytes(),
                });
            }
            encoded.parts.push(Part {
                stream: part.stream().clone(),
                aggregate_type: part.aggregate_type().clone(),
                expected,
                count: part.events().len(),
            });
        }
        Ok(encoded)
    }

    /// Every event with its part and its content.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Part, &EncodedEvent, &[u8])> {
        let mut rest = self.content.as_slice();
        let parts = self.parts.iter().flat_map(|part| std::iter::repeat_n(part, part.count));
        parts.zip(&self.events).map(move |(part, event)| {
            let (content, after) = rest.split_at_checked(event.len).unwrap_or_default();
            rest = after;
            (part, event, content)
        })
    }
}
