//! The body of a frame: where an event was placed, then its content.
//!
//! The content is encoded (and hashed) by whoever appends; the writer adds only the placement. The chain hash covers
//! the hash before it, the placement and the hash of the content, so that the writer hashes 88 bytes per event.

use bytes::Bytes;
use nexus_core::{
    AdmittedEvent, AdmittedStream, AggregateType, DecisionId, Digest, EventId, EventType, IdempotencyMark, Json,
    Metadata, Position, Receipt, RecordedEvent, StreamId, Text, Timestamp, Version,
};

use super::{
    frame::{FRAME_HEADER, padded},
    reader::Reader,
};

/// Chain hash, time and version.
const PLACEMENT: usize = 32 + 8 + 8;
/// Ids, schema, digests, presence bits and three lengths.
const FIXED: usize = 16 + 16 + 4 + 4 + 32 + 32 + 2 + 3 * 2;

const CORRELATION: u16 = 1;
const CAUSATION: u16 = 2;
const USER: u16 = 4;
const TRACEPARENT: u16 = 8;
const IDEMPOTENCY: u16 = 16;
const EXTRA: u16 = 32;

/// Fewest bytes that a frame with an event takes.
pub(crate) const SMALLEST_RECORD: usize = FRAME_HEADER + PLACEMENT + FIXED;

/// Why a body is not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DecodeError(pub(crate) &'static str);

/// Where and when the writer put an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) position: u64,
    pub(crate) version: u64,
    /// Microseconds since the Unix epoch.
    pub(crate) timestamp: i64,
}

impl Placement {
    /// The chain hash of an event placed here after the event with hash `previous`.
    pub(crate) fn chain(&self, previous: &[u8; 32], content: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(previous)
            .update(content)
            .update(&self.position.to_le_bytes())
            .update(&self.version.to_le_bytes())
            .update(&self.timestamp.to_le_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Appends what stands before the content in the body.
    pub(crate) fn encode(&self, hash: &[u8; 32], out: &mut Vec<u8>) {
        out.extend_from_slice(hash);
        out.extend_from_slice(&self.timestamp.to_le_bytes());
        out.extend_from_slice(&self.version.to_le_bytes());
    }
}

/// Bytes of a frame that holds `content` bytes of content.
pub(crate) fn record_size(content: usize) -> usize {
    FRAME_HEADER + padded(PLACEMENT + content)
}

/// Bytes that [`encode_content`] will write.
pub(crate) fn content_size(part: &AdmittedStream, event: &AdmittedEvent) -> usize {
    let sized = |len: Option<usize>| len.map_or(0, |len| 4 + len);
    let (new, metadata) = (event.event(), &event.event().metadata);
    FIXED
        + part.stream().as_str().len()
        + part.aggregate_type().as_str().len()
        + new.event_type.as_str().len()
        + sized(metadata.correlation_id.as_ref().map(|text| text.len()))
        + sized(metadata.causation_id.as_ref().map(|text| text.len()))
        + sized(metadata.user_id.as_ref().map(|text| text.len()))
        + sized(metadata.traceparent.as_ref().map(|text| text.len()))
        + sized(metadata.idempotency.as_ref().map(|mark| 32 + mark.key.len()))
        + sized(metadata.extra.as_ref().map(Json::len))
        + sized(Some(event.receipt().actor.len()))
        + new.payload.len()
}

/// Appends the content of one event.
///
/// Lengths that do not fit their field are cut at its maximum; the caller refuses such batches by
/// [`content_size`] before.
pub(crate) fn encode_content(part: &AdmittedStream, event: &AdmittedEvent, out: &mut Vec<u8>) {
    let (new, receipt) = (event.event(), event.receipt());
    let metadata = &new.metadata;
    out.extend_from_slice(new.event_id.as_uuid().as_bytes());
    out.extend_from_slice(receipt.decision_id.as_uuid().as_bytes());
    out.extend_from_slice(&receipt.schema_id.to_le_bytes());
    out.extend_from_slice(&metadata.schema_version.to_le_bytes());
    out.extend_from_slice(receipt.schema_digest.as_bytes());
    out.extend_from_slice(receipt.policy_digest.as_bytes());
    out.extend_from_slice(&present(metadata).to_le_bytes());
    let names = [part.stream().as_str(), part.aggregate_type().as_str(), new.event_type.as_str()];
    for name in names {
        out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    }
    for name in names {
        out.extend_from_slice(name.as_bytes());
    }
    let texts = [&metadata.correlation_id, &metadata.causation_id, &metadata.user_id, &metadata.traceparent];
    for text in texts.into_iter().flatten() {
        put_sized(text.as_bytes(), out);
    }
    if let Some(mark) = &metadata.idempotency {
        put_len(32 + mark.key.len(), out);
        out.extend_from_slice(mark.request.as_bytes());
        out.extend_from_slice(mark.key.as_bytes());
    }
    if let Some(extra) = &metadata.extra {
        put_sized(extra.as_bytes(), out);
    }
    put_sized(receipt.actor.as_bytes(), out);
    out.extend_from_slice(new.payload.as_bytes());
}

fn present(metadata: &Metadata) -> u16 {
    let bit = |set: bool, bit: u16| if set { bit } else { 0 };
    bit(metadata.correlation_id.is_some(), CORRELATION)
        | bit(metadata.causation_id.is_some(), CAUSATION)
        | bit(metadata.user_id.is_some(), USER)
        | bit(metadata.traceparent.is_some(), TRACEPARENT)
        | bit(metadata.idempotency.is_some(), IDEMPOTENCY)
        | bit(metadata.extra.is_some(), EXTRA)
}

fn put_len(len: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    put_len(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// A record that is looked at where it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordView<'a> {
    pub(crate) hash: [u8; 32],
    pub(crate) timestamp: i64,
    pub(crate) version: u64,
    pub(crate) event_id: [u8; 16],
    pub(crate) stream: &'a [u8],
    pub(crate) aggregate_type: &'a [u8],
    pub(crate) event_type: &'a [u8],
    pub(crate) correlation_id: Option<&'a [u8]>,
    content: &'a [u8],
    rest: Rest<'a>,
}

/// What only the whole event needs.
#[derive(Debug, Clone, Copy)]
struct Rest<'a> {
    decision_id: [u8; 16],
    schema_id: u32,
    schema_version: u32,
    schema_digest: [u8; 32],
    policy_digest: [u8; 32],
    causation_id: Option<&'a [u8]>,
    user_id: Option<&'a [u8]>,
    traceparent: Option<&'a [u8]>,
    idempotency: Option<&'a [u8]>,
    extra: Option<&'a [u8]>,
    actor: &'a [u8],
    payload: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// Finds the fields in a body. Lengths are checked, texts are not yet.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        Self::read(Reader(body)).ok_or(DecodeError("the record is shorter than its fields"))
    }

    fn read(mut reader: Reader<'a>) -> Option<Self> {
        let hash = reader.array()?;
        let timestamp = reader.i64()?;
        let version = reader.u64()?;
        let content = reader.0;
        let event_id = reader.array()?;
        let decision_id = reader.array()?;
        let (schema_id, schema_version) = (reader.u32()?, reader.u32()?);
        let (schema_digest, policy_digest) = (reader.array()?, reader.array()?);
        let present = reader.u16()?;
        let lengths = [reader.u16()?, reader.u16()?, reader.u16()?];
        let [stream, aggregate_type, event_type] = lengths.map(|len| reader.bytes(usize::from(len)));
        let mut optional = |bit: u16| match present & bit {
            0 => Some(None),
            _ => reader.sized().map(Some),
        };
        let correlation_id = optional(CORRELATION)?;
        let rest = Rest {
            decision_id,
            schema_id,
            schema_version,
            schema_digest,
            policy_digest,
            causation_id: optional(CAUSATION)?,
            user_id: optional(USER)?,
            traceparent: optional(TRACEPARENT)?,
            idempotency: optional(IDEMPOTENCY)?,
            extra: optional(EXTRA)?,
            actor: reader.sized()?,
            payload: reader.0,
        };
        Some(Self {
            hash,
            timestamp,
            version,
            event_id,
            stream: stream?,
            aggregate_type: aggregate_type?,
            event_type: event_type?,
            correlation_id,
            content,
            rest,
        })
    }

    /// Hash of the content, as the chain covers it.
    pub(crate) fn content_hash(&self) -> [u8; 32] {
        *blake3::hash(self.content).as_bytes()
    }

    /// The id of the event.
    pub(crate) fn id(&self) -> EventId {
        EventId::from_uuid(uuid::Uuid::from_bytes(self.event_id))
    }

    /// What is wrong with the names and the receipt of an event that was stored, if something is.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let text = |bytes| std::str::from_utf8(bytes).ok().map(str::to_owned);
        let names = text(self.stream).is_some_and(|name| StreamId::new(name).is_ok())
            && text(self.aggregate_type).is_some_and(|name| AggregateType::new(name).is_ok())
            && text(self.event_type).is_some_and(|name| EventType::new(name).is_ok());
        let rest = &self.rest;
        if !names {
            Some("a name in it is not valid")
        } else if rest.schema_id == 0 || rest.schema_version == 0 || rest.schema_digest == [0; 32] {
            Some("its receipt names no schema")
        } else if rest.policy_digest == [0; 32] || rest.decision_id == [0; 16] {
            Some("its receipt names no decision of a policy")
        } else if rest.actor.is_empty() || std::str::from_utf8(rest.actor).is_err() {
            Some("its receipt names nobody who asked")
        } else {
            None
        }
    }

    /// The stream, checked.
    pub(crate) fn stream_id(&self) -> Result<StreamId, DecodeError> {
        let text = std::str::from_utf8(self.stream).map_err(|_| DecodeError("the stream id is not UTF-8"))?;
        StreamId::new(text.to_owned()).map_err(|_| DecodeError("the stream id is not valid"))
    }

    /// The whole event. Its texts and documents share `buffer`, which this view must borrow from.
    pub(crate) fn to_event(self, position: u64, buffer: &Bytes) -> Result<RecordedEvent, DecodeError> {
        let text =
            |bytes: &[u8]| Text::try_from(buffer.slice_ref(bytes)).map_err(|_| DecodeError("a text is not UTF-8"));
        let optional = |bytes: Option<&[u8]>| bytes.map(text).transpose();
        let json = |bytes: &[u8]| Json::from_stored(buffer.slice_ref(bytes));
        let invalid = |_| DecodeError("a name is not valid");
        let rest = self.rest;
        Ok(RecordedEvent {
            position: Position::new(position),
            event_id: self.id(),
            event_type: EventType::new(text(self.event_type)?).map_err(invalid)?,
            aggregate_type: AggregateType::new(text(self.aggregate_type)?).map_err(invalid)?,
            aggregate_id: StreamId::new(text(self.stream)?).map_err(invalid)?,
            version: Version::new(self.version),
            timestamp: Timestamp::from_micros(self.timestamp)
                .ok_or(DecodeError("the time is outside the supported years"))?,
            payload: json(rest.payload),
            metadata: Metadata {
                correlation_id: optional(self.correlation_id)?,
                causation_id: optional(rest.causation_id)?,
                user_id: optional(rest.user_id)?,
                schema_version: rest.schema_version,
                traceparent: optional(rest.traceparent)?,
                idempotency: rest.idempotency.map(|bytes| mark(bytes, text)).transpose()?,
                extra: rest.extra.map(json),
            },
            receipt: Receipt {
                schema_id: rest.schema_id,
                schema_digest: Digest::from_bytes(rest.schema_digest),
                policy_digest: Digest::from_bytes(rest.policy_digest),
                decision_id: DecisionId::from_uuid(uuid::Uuid::from_bytes(rest.decision_id)),
                actor: text(rest.actor)?,
            },
            hash: Digest::from_bytes(self.hash),
        })
    }
}

fn mark(bytes: &[u8], text: impl Fn(&[u8]) -> Result<Text, DecodeError>) -> Result<IdempotencyMark, DecodeError> {
    let (request, key) = bytes.split_first_chunk::<32>().ok_or(DecodeError("the idempotency mark is too short"))?;
    Ok(IdempotencyMark { key: text(key)?, request: Digest::from_bytes(*request) })
}

#[cfg(test)]
mod tests {
    use nexus_core::ExpectedVersion;
    use nexus_testkit::fixture::{admitted, full_metadata, new_event, part, part_of, proposal_of};
    use proptest::prelude::*;

    use super::*;

    fn encoded(full: bool) -> (AdmittedStream, Vec<u8>) {
        let mut event = new_event("OrderPlaced", &serde_json::json!({ "amount": 1.5, "name": "Ünï" }));
        if full {
            event.metadata = full_metadata();
        }
        let batch = admitted(proposal_of([part_of("order-1", ExpectedVersion::Any, [event])]));
        let stream = batch.streams()[0].clone();
        let mut body = Vec::new();
        let place = Placement { position: 7, version: 3, timestamp: 1_700_000_000_000_000 };
        place.encode(&[9; 32], &mut body);
        let before = body.len();
        encode_content(&stream, &stream.events()[0], &mut body);
        assert_eq!(body.len() - before, content_size(&stream, &stream.events()[0]));
        (stream, body)
    }

    #[test]
    fn a_record_comes_back_with_every_member() {
        for full in [false, true] {
            let (stream, body) = encoded(full);
            let new = stream.events()[0].event().clone();
            let buffer = Bytes::from(body);
            let event = RecordView::parse(&buffer).unwrap().to_event(7, &buffer).unwrap();
            assert_eq!(event.position, Position::new(7));
            assert_eq!(event.version, Version::new(3));
            assert_eq!(event.event_id, new.event_id);
            assert_eq!(event.aggregate_id, *stream.stream());
            assert_eq!(event.payload, new.payload);
            assert_eq!(event.metadata, new.metadata);
            assert_eq!(event.receipt, *stream.events()[0].receipt());
            assert_eq!(event.hash, Digest::from_bytes([9; 32]));
        }
    }

    #[test]
    fn the_chain_covers_hash_content_and_place() {
        let place = Placement { position: 1, version: 1, timestamp: 1 };
        let hash = place.chain(&[0; 32], &[1; 32]);
        let others = [
            place.chain(&[2; 32], &[1; 32]),
            place.chain(&[0; 32], &[2; 32]),
            Placement { position: 2, ..place }.chain(&[0; 32], &[1; 32]),
            Placement { version: 2, ..place }.chain(&[0; 32], &[1; 32]),
            Placement { timestamp: 2, ..place }.chain(&[0; 32], &[1; 32]),
        ];
        assert!(others.iter().all(|other| *other != hash));
    }

    #[test]
    fn a_cut_record_is_refused_or_lacks_payload_only() {
        let (stream, body) = encoded(true);
        let payload = stream.events()[0].event().payload.len();
        for len in 0..body.len() {
            let parsed = RecordView::parse(&body[..len]);
            assert_eq!(parsed.is_ok(), len >= body.len() - payload, "{len}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let buffer = Bytes::from(bytes);
            if let Ok(view) = RecordView::parse(&buffer) {
                let _ = view.content_hash();
                let _ = view.stream_id();
                let _ = view.to_event(1, &buffer);
            }
        }

        #[test]
        fn a_changed_record_never_panics(
            full in any::<bool>(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let (_, mut body) = encoded(full);
            for (place, byte) in changes {
                let at = place.index(body.len());
                body[at] = byte;
            }
            let buffer = Bytes::from(body);
            if let Ok(view) = RecordView::parse(&buffer) {
                let _ = view.to_event(1, &buffer);
            }
        }

        #[test]
        fn the_size_is_known_before_encoding(count in 1_usize..5) {
            let batch = admitted(proposal_of([part("order-1", ExpectedVersion::Any, count)]));
            for (stream, event) in batch.streams().iter().flat_map(|s| s.events().iter().map(move |e| (s, e))) {
                let mut out = Vec::new();
                encode_content(stream, event, &mut out);
                prop_assert_eq!(out.len(), content_size(stream, event));
                prop_assert_eq!(record_size(out.len()) % 8, 0);
            }
        }
    }
}
