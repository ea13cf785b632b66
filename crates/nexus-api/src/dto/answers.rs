use nexus_core::{Json, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;

use crate::{dto::EventDto, problem::ProblemBody};

/// A command was carried out; its events are durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandAccepted {
    /// Always true.
    pub success: bool,
    /// The aggregate.
    pub aggregate_id: String,
    /// Its version now.
    pub version: u64,
    /// The events stored, in order; empty when nothing needed to happen.
    pub event_ids: Vec<String>,
    /// Position of the last of them.
    pub position: u64,
}

/// What a command would do; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRunAnswer {
    /// The aggregate.
    pub aggregate_id: String,
    /// Its version, which is not changed.
    pub version: u64,
    /// The events that would be stored.
    pub events: Vec<DryRunEvent>,
    /// The governance decision.
    pub decision: DecisionDto,
}

/// An event that would be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRunEvent {
    /// Its type.
    pub event_type: String,
    /// Its payload.
    #[schema(value_type = Object)]
    pub payload: Json,
}

/// A governance decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionDto {
    /// Its id.
    pub decision_id: String,
    /// `allow`; a refusal is a problem document.
    pub result: String,
    /// Digest of the policy bundle that was asked.
    pub policy_digest: String,
    /// How long the policy took, in microseconds.
    pub elapsed_micros: u64,
}

/// Events were stored in one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamAppendAccepted {
    /// The stream.
    pub aggregate_id: String,
    /// Version of the first event.
    pub first_version: u64,
    /// Version of the last event, which is now the stream's.
    pub version: u64,
    /// Ids of the events, in order.
    pub event_ids: Vec<String>,
    /// Position of the first event.
    pub first_position: u64,
    /// Position of the last event.
    pub position: u64,
}

/// Events were stored in several streams, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppendAccepted {
    /// Position of the first event.
    pub first_position: u64,
    /// Position of the last event.
    pub position: u64,
    /// One part per stream, in the order asked.
    pub streams: Vec<AppendedStreamDto>,
}

/// Where the events of one stream went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppendedStreamDto {
    /// The stream.
    pub aggregate_id: String,
    /// Version of the first event.
    pub first_version: u64,
    /// Version of the last event, which is now the stream's.
    pub version: u64,
    /// Ids of the events, in order.
    pub event_ids: Vec<String>,
}

/// One line of a stream of appends was stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppendLineAccepted {
    /// The `id` of the line, when it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub id: Option<Box<RawValue>>,
    /// Position of the first event.
    pub first_position: u64,
    /// Position of the last event.
    pub position: u64,
    /// One part per stream, in the order asked.
    pub streams: Vec<AppendLineStream>,
    /// Present and true when the same events were stored before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// Where the events of one stream went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppendLineStream {
    /// The stream.
    pub aggregate_id: String,
    /// Version of the first event.
    pub first_version: u64,
    /// Version of the last event, which is now the stream's.
    pub version: u64,
    /// Ids of the events, in order; left out when the line named them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_ids: Option<Vec<String>>,
}

/// One line of a stream of appends was refused; nothing of it was stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppendLineRefused {
    /// The `id` of the line, when it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub id: Option<Box<RawValue>>,
    /// Which line, counted from 1 without empty ones.
    pub line: u64,
    /// Why.
    pub problem: ProblemBody,
}

/// Streams in order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamList {
    /// The streams.
    pub streams: Vec<StreamSummary>,
    /// The `cursor` of the next page; null at the end.
    #[schema(required = true)]
    pub next: Option<String>,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamSummary {
    /// Its id.
    pub aggregate_id: String,
    /// The type of its aggregate.
    pub aggregate_type: String,
    /// Its version, which is also how many events it has.
    pub version: u64,
    /// When its last event was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub last_event_at: Timestamp,
}

/// Events of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamEvents {
    /// The stream.
    pub aggregate_id: String,
    /// The type of its aggregate.
    pub aggregate_type: String,
    /// The stream's version now.
    pub version: u64,
    /// The events, in the direction asked.
    pub events: Vec<EventDto>,
    /// The version to go on from in the same direction: as `from` forward, as `to` backward; null at the end.
    #[schema(required = true)]
    pub next: Option<u64>,
}

/// Events of the whole log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// The events; may be fewer than the limit, even none, before the end is reached.
    pub events: Vec<EventDto>,
    /// The `after` (or `before`, when reading backward) of the next page. Reading forward, the end is reached when
    /// it equals `head`; reading backward, when it is at most 1.
    pub next: u64,
    /// The newest durable position.
    pub head: u64,
}

/// What caused what in one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CausationTree {
    /// The event that was asked about.
    pub event_id: String,
    /// The conversation; null when the event names none.
    #[schema(required = true)]
    pub correlation_id: Option<String>,
    /// Ids of the events that no other event of the conversation caused.
    pub roots: Vec<String>,
    /// The events, in order of position.
    pub nodes: Vec<CausationNode>,
    /// Whether the conversation has more events than are shown, or was not searched to its end.
    pub truncated: bool,
}

/// One event of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CausationNode {
    /// The event.
    pub event: EventDto,
    /// What caused it: the id of an event or of a command.
    #[schema(required = true)]
    pub caused_by: Option<String>,
    /// Ids of the events it caused.
    pub children: Vec<String>,
}

/// Rows of a read model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowList {
    /// The rows.
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<Map<String, Value>>,
    /// How many rows match in all.
    pub total: u64,
    /// The `cursor` of the next page; null at the end.
    #[schema(required = true)]
    pub next_token: Option<String>,
    /// The page.
    pub pagination: PageInfo,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    /// Most items on a page.
    pub limit: u64,
    /// Items on this page.
    pub count: u64,
    /// Items in all.
    pub total: u64,
    /// Whether another page follows.
    pub has_more: bool,
    /// The same as `nextToken`.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}
