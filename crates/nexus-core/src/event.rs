//! Events: `NewEvent` before it is stored, `RecordedEvent` after, and what travels with both.

use std::{fmt, str::FromStr};

use crate::{
    json::Json,
    name::{AggregateType, DecisionId, EventId, EventType, Position, StreamId, Text, Version},
    time::Timestamp,
};

/// A fact that somebody wants stored. It becomes storable only through [`admission`](crate::admission).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Unique id; appending the same id again at the same place is the same append.
    pub event_id: EventId,
    /// What happened.
    pub event_type: EventType,
    /// The facts, valid under the schema of the event type.
    pub payload: Json,
    /// Where it came from.
    pub metadata: Metadata,
}

/// Where an event came from and how it is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The conversation this event belongs to.
    pub correlation_id: Option<Text>,
    /// The command or event that directly caused it.
    pub causation_id: Option<Text>,
    /// The user on whose behalf it happened, as authentication established it.
    pub user_id: Option<Text>,
    /// The version of the event's schema that the payload follows. 0 = "the newest", resolved by admission.
    pub schema_version: u32,
    /// W3C trace context of the request.
    pub traceparent: Option<Text>,
    /// The idempotency key under which the append was asked; set on the first event of an append.
    pub idempotency: Option<IdempotencyMark>,
    /// Further members the client sent, as a JSON object.
    pub extra: Option<Json>,
}

/// The idempotency key of a request and what the request was.
///
/// Stored with the events themselves, so that key and effect are one atomic write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyMark {
    /// The key the client sent, scoped by who sent it.
    pub key: Text,
    /// Digest of the request, to tell a replay from a reuse.
    pub request: Digest,
}

/// Why an event was let in: stored with it, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Id of the schema the payload was checked against.
    pub schema_id: u32,
    /// Digest of that schema.
    pub schema_digest: Digest,
    /// Digest of the policy bundle that allowed it.
    pub policy_digest: Digest,
    /// The decision that allowed it.
    pub decision_id: DecisionId,
    /// Who asked.
    pub actor: Text,
}

/// Who asks, as authentication established it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Stable id of the person or service.
    pub id: Text,
    /// Granted roles.
    pub roles: Vec<Text>,
    /// What else the credentials say about the actor, as a JSON object: what policies see as `input.actor.claims`.
    pub claims: Option<Json>,
}

impl Actor {
    /// An actor of whom nothing but id and roles is known.
    #[must_use]
    pub fn new(id: Text, roles: Vec<Text>) -> Self {
        Self { id, roles, claims: None }
    }

    /// The platform itself, for what it writes to its own `$` streams.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Text::from_static("$nexus"), vec![Text::from_static("system")])
    }
}

/// A stored event with its place and its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Place in the whole log.
    pub position: Position,
    /// Unique id.
    pub event_id: EventId,
    /// What happened.
    pub event_type: EventType,
    /// Type of the aggregate it happened to.
    pub aggregate_type: AggregateType,
    /// The aggregate it happened to, which is also its stream.
    pub aggregate_id: StreamId,
    /// Place in that stream.
    pub version: Version,
    /// When the log accepted it; never earlier than the event before it.
    pub timestamp: Timestamp,
    /// The facts, byte for byte as they were admitted.
    pub payload: Json,
    /// Where it came from.
    pub metadata: Metadata,
    /// Why it was let in.
    pub receipt: Receipt,
    /// Hash over this event and the hash of the one before it in the log.
    pub hash: Digest,
}

/// 32 bytes of a cryptographic hash, written in lowercase hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits")]
pub struct InvalidDigest;

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        if text.len() != 64 || !text.is_ascii() {
            return Err(InvalidDigest);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = text.get(index * 2..index * 2 + 2).ok_or(InvalidDigest)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidDigest)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_round_trip_as_text() {
        let digest = Digest::from_bytes(std::array::from_fn(|i| u8::try_from(i * 7).unwrap()));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("é".repeat(32).parse::<Digest>().is_err());
        assert!("0".repeat(63).parse::<Digest>().is_err());
    }
}
