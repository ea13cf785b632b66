use std::fmt;

use nexus_core::{
    AggregateType, EventId, EventType, Json, Position, Receipt, RecordedEvent, StreamId, Timestamp, Version,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dto::MetadataDto;

/// A stored event, everywhere in the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventDto {
    /// Place in the whole log, from 1.
    pub position: u64,
    /// Unique id.
    pub event_id: String,
    /// What happened.
    pub event_type: String,
    /// Type of the aggregate it happened to.
    pub aggregate_type: String,
    /// The aggregate it happened to, which is also its stream.
    pub aggregate_id: String,
    /// Place in that stream, from 1.
    pub aggregate_version: u64,
    /// When the log accepted it, in RFC 3339.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// The facts, byte for byte as they were admitted.
    #[schema(value_type = Object)]
    pub payload: Json,
    /// Where it came from.
    pub metadata: MetadataDto,
    /// Why it was let in.
    pub receipt: ReceiptDto,
    /// Hash over this event and the one before it, in hexadecimal.
    pub hash: String,
}

/// Why an event was let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptDto {
    /// Id of the schema the payload was checked against.
    pub schema_id: u32,
    /// Digest of that schema.
    pub schema_digest: String,
    /// Digest of the policy bundle that allowed it.
    pub policy_digest: String,
    /// The decision that allowed it.
    pub decision_id: String,
    /// Who asked.
    pub actor: String,
}

/// A document is not a stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEvent {
    /// The member that is wrong.
    pub member: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for InvalidEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a stored event: `{}`: {}", self.member, self.reason)
    }
}

impl std::error::Error for InvalidEvent {}

/// Names the member in which a conversion failed.
pub(crate) fn at<T, E: fmt::Display>(member: &'static str, result: Result<T, E>) -> Result<T, InvalidEvent> {
    result.map_err(|error| InvalidEvent { member, reason: error.to_string() })
}

impl From<&RecordedEvent> for EventDto {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            position: event.position.get(),
            event_id: event.event_id.to_string(),
            event_type: event.event_type.to_string(),
            aggregate_type: event.aggregate_type.to_string(),
            aggregate_id: event.aggregate_id.to_string(),
            aggregate_version: event.version.get(),
            timestamp: event.timestamp,
            payload: event.payload.clone(),
            metadata: (&event.metadata).into(),
            receipt: (&event.receipt).into(),
            hash: event.hash.to_string(),
        }
    }
}

impl TryFrom<EventDto> for RecordedEvent {
    type Error = InvalidEvent;

    fn try_from(event: EventDto) -> Result<Self, InvalidEvent> {
        Ok(Self {
            position: Position::new(event.position),
            event_id: at("eventId", event.event_id.parse::<EventId>())?,
            event_type: at("eventType", EventType::new(event.event_type))?,
            aggregate_type: at("aggregateType", AggregateType::new(event.aggregate_type))?,
            aggregate_id: at("aggregateId", StreamId::new(event.aggregate_id))?,
            version: Version::new(event.aggregate_version),
            timestamp: event.timestamp,
            payload: event.payload,
            metadata: event.metadata.try_into()?,
            receipt: event.receipt.try_into()?,
            hash: at("hash", event.hash.parse())?,
        })
    }
}

impl From<&Receipt> for ReceiptDto {
    fn from(receipt: &Receipt) -> Self {
        Self {
            schema_id: receipt.schema_id,
            schema_digest: receipt.schema_digest.to_string(),
            policy_digest: receipt.policy_digest.to_string(),
            decision_id: receipt.decision_id.to_string(),
            actor: receipt.actor.to_string(),
        }
    }
}

impl TryFrom<ReceiptDto> for Receipt {
    type Error = InvalidEvent;

    fn try_from(receipt: ReceiptDto) -> Result<Self, InvalidEvent> {
        Ok(Self {
            schema_id: receipt.schema_id,
            schema_digest: at("receipt.schemaDigest", receipt.schema_digest.parse())?,
            policy_digest: at("receipt.policyDigest", receipt.policy_digest.parse())?,
            decision_id: at("receipt.decisionId", receipt.decision_id.parse())?,
            actor: receipt.actor.into(),
        })
    }
}
