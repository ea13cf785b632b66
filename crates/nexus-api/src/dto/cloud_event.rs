use nexus_core::{Json, RecordedEvent, Timestamp};
use serde::Serialize;

/// A stored event as a CloudEvent 1.0 in its JSON format.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: &'a str,
    subject: &'a str,
    time: Timestamp,
    datacontenttype: &'static str,
    dataschema: String,
    /// Place in the whole log; padded so that it also sorts as text.
    sequence: String,
    aggregatetype: &'a str,
    aggregateversion: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    userid: Option<&'a str>,
    /// Further members of the metadata. An extension attribute cannot be an object, so this is its JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    data: &'a Json,
}

impl<'a> CloudEvent<'a> {
    /// The event as `service` publishes it.
    pub(crate) fn of(event: &'a RecordedEvent, service: &str) -> Self {
        let metadata = &event.metadata;
        let event_type = event.event_type.as_str();
        Self {
            specversion: "1.0",
            id: event.event_id.to_string(),
            source: format!("urn:nexus:{service}"),
            event_type,
            subject: event.aggregate_id.as_str(),
            time: event.timestamp,
            datacontenttype: "application/json",
            dataschema: format!("/api/schemas/{event_type}/versions/{}", metadata.schema_version),
            sequence: format!("{:020}", event.position.get()),
            aggregatetype: event.aggregate_type.as_str(),
            aggregateversion: event.version.to_string(),
            correlationid: metadata.correlation_id.as_deref(),
            causationid: metadata.causation_id.as_deref(),
            traceparent: metadata.traceparent.as_deref(),
            userid: metadata.user_id.as_deref(),
            metadata: metadata.extra.as_ref().map(Json::as_str),
            data: &event.payload,
        }
    }
}
