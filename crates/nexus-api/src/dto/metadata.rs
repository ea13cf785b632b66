use std::fmt;

use nexus_core::{IdempotencyMark, Json, Metadata};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    dto::event::{InvalidEvent, at},
    members::{Members, object_of},
};

/// Where an event came from. Members of the client's own stand beside the platform's.
#[derive(Debug, Clone, PartialEq, Eq, Default, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MetadataDto {
    /// The conversation the event belongs to.
    #[schema(required = true, nullable = true)]
    pub correlation_id: Option<String>,
    /// The command or event that directly caused it.
    #[schema(required = true, nullable = true)]
    pub causation_id: Option<String>,
    /// The user on whose behalf it happened.
    #[schema(required = true, nullable = true)]
    pub user_id: Option<String>,
    /// The version of the event's schema that the payload follows.
    pub schema_version: u32,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
    /// The idempotency key of the request, scoped by who sent it; on the first event of an append.
    pub idempotency_key: Option<String>,
    /// Digest of that request.
    pub idempotency_request: Option<String>,
    /// Further members the client sent, as one JSON object; written beside the others.
    #[schema(ignore)]
    pub extra: Option<Json>,
}

const KNOWN: [&str; 7] =
    ["correlationId", "causationId", "userId", "schemaVersion", "traceparent", "idempotencyKey", "idempotencyRequest"];

impl From<&Metadata> for MetadataDto {
    fn from(metadata: &Metadata) -> Self {
        let mark = metadata.idempotency.as_ref();
        Self {
            correlation_id: metadata.correlation_id.as_ref().map(ToString::to_string),
            causation_id: metadata.causation_id.as_ref().map(ToString::to_string),
            user_id: metadata.user_id.as_ref().map(ToString::to_string),
            schema_version: metadata.schema_version,
            traceparent: metadata.traceparent.as_ref().map(ToString::to_string),
            idempotency_key: mark.map(|mark| mark.key.to_string()),
            idempotency_request: mark.map(|mark| mark.request.to_string()),
            extra: metadata.extra.clone(),
        }
    }
}

impl TryFrom<MetadataDto> for Metadata {
    type Error = InvalidEvent;

    fn try_from(metadata: MetadataDto) -> Result<Self, InvalidEvent> {
        let idempotency = match (metadata.idempotency_key, metadata.idempotency_request) {
            (Some(key), Some(request)) => {
                let request = at("metadata.idempotencyRequest", request.parse())?;
                Some(IdempotencyMark { key: key.into(), request })
            }
            _ => None,
        };
        Ok(Self {
            correlation_id: metadata.correlation_id.map(Into::into),
            causation_id: metadata.causation_id.map(Into::into),
            user_id: metadata.user_id.map(Into::into),
            schema_version: metadata.schema_version,
            traceparent: metadata.traceparent.map(Into::into),
            idempotency,
            extra: metadata.extra,
        })
    }
}

impl Serialize for MetadataDto {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("correlationId", &self.correlation_id)?;
        map.serialize_entry("causationId", &self.causation_id)?;
        map.serialize_entry("userId", &self.user_id)?;
        map.serialize_entry("schemaVersion", &self.schema_version)?;
        let optional = [
            ("traceparent", &self.traceparent),
            ("idempotencyKey", &self.idempotency_key),
            ("idempotencyRequest", &self.idempotency_request),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        if let Some(extra) = &self.extra {
            let Members(members) = extra.to().map_err(serde::ser::Error::custom)?;
            for (name, value) in members.iter().filter(|(name, _)| !KNOWN.contains(&name.as_ref())) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for MetadataDto {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor)
    }
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = MetadataDto;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the metadata of an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<MetadataDto, A::Error> {
        let mut metadata = MetadataDto::default();
        let mut extra: Vec<(String, Box<RawValue>)> = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            match name.as_str() {
                "correlationId" => metadata.correlation_id = access.next_value()?,
                "causationId" => metadata.causation_id = access.next_value()?,
                "userId" => metadata.user_id = access.next_value()?,
                "schemaVersion" => metadata.schema_version = access.next_value()?,
                "traceparent" => metadata.traceparent = access.next_value()?,
                "idempotencyKey" => metadata.idempotency_key = access.next_value()?,
                "idempotencyRequest" => metadata.idempotency_request = access.next_value()?,
                _ => extra.push((name, access.next_value()?)),
            }
        }
        if !extra.is_empty() {
            metadata.extra = Some(object_of(extra.iter().map(|(name, raw)| (name.as_str(), raw.get()))));
        }
        Ok(metadata)
    }
}
