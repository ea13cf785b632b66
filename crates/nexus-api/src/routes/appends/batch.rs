use nexus_core::{AggregateType, EventType, ExpectedVersion, Metadata, NewEvent, StreamAppend, StreamId};
use serde_json::value::RawValue;

use crate::{
    problem::{BodyPlaces, Problem},
    request::{Caller, Conversation, Object, agreed, document, expected_version, typed},
    routes::commands::writable,
    state::Api,
};

/// The events of one request as they are read, and where each payload was.
pub(super) struct Batch<'a> {
    api: &'a Api,
    caller: &'a Caller,
    /// What the request's headers expect of the stream's version.
    header: Option<ExpectedVersion>,
    pub(super) places: BodyPlaces,
    /// Every event came with its id.
    pub(super) all_named: bool,
}

impl<'a> Batch<'a> {
    pub(super) fn new(api: &'a Api, caller: &'a Caller, header: Option<ExpectedVersion>) -> Self {
        let places = BodyPlaces { from_header: header.is_some(), ..BodyPlaces::default() };
        Self { api, caller, header, places, all_named: true }
    }

    /// Reads the member `streams`: the parts of several streams.
    pub(super) fn streams(&mut self, object: &mut Object<'_>) -> Result<Vec<StreamAppend>, Problem> {
        let mut streams = Vec::new();
        for (index, raw) in object.required_array("streams")?.into_iter().enumerate() {
            let mut part = Object::read(raw, format!("/streams/{index}"))?;
            streams.push(self.named_part(&mut part)?);
            part.finish(&["aggregateId", "aggregateType", "expectedVersion", "events"])?;
        }
        Ok(streams)
    }

    /// Reads the part of one stream, which it names.
    pub(super) fn named_part(&mut self, object: &mut Object<'_>) -> Result<StreamAppend, Problem> {
        let id = StreamId::new(object.required_text("aggregateId")?);
        let id = id.map_err(|error| Problem::invalid(object.place("aggregateId"), "aggregateId", error.to_string()))?;
        writable(&id)?;
        self.part(object, id)
    }

    /// Reads the part of one stream.
    pub(super) fn part(&mut self, object: &mut Object<'_>, stream: StreamId) -> Result<StreamAppend, Problem> {
        let aggregate_type = AggregateType::new(object.required_text("aggregateType")?)
            .map_err(|error| Problem::invalid(object.place("aggregateType"), "aggregateType", error.to_string()))?;
        let expected = self.expected(object)?;
        let events_place = object.place("events");
        let mut events = Vec::new();
        for (index, raw) in object.required_array("events")?.into_iter().enumerate() {
            events.push(self.event(raw, format!("{events_place}/{index}"))?);
        }
        Ok(StreamAppend { stream, aggregate_type, condition: expected.into(), events })
    }

    /// A writer says what it expects, in the body or in a header.
    fn expected(&self, object: &mut Object<'_>) -> Result<ExpectedVersion, Problem> {
        let raw = object.take("expectedVersion");
        let place = || object.place("expectedVersion");
        let body = raw.map(|raw| expected_version(raw, place)).transpose()?;
        let missing = r#"`expectedVersion` is missing; "any" appends whatever the version is"#;
        agreed(self.header, body)?.ok_or_else(|| Problem::invalid(place(), "required", missing))
    }

    fn event(&mut self, raw: &RawValue, place: String) -> Result<NewEvent, Problem> {
        let mut object = Object::read(raw, place)?;
        let event_type = EventType::new(object.required_text("eventType")?)
            .map_err(|error| Problem::invalid(object.place("eventType"), "eventType", error.to_string()))?;
        let event_id = match object.text("eventId")? {
            Some(text) => {
                text.parse().map_err(|_| Problem::invalid(object.place("eventId"), "eventId", "must be a UUID"))?
            }
            None => {
                self.all_named = false;
                self.api.node.ids().event_id()
            }
        };
        let schema_version = match object.take("schemaVersion") {
            Some(raw) => positive(raw, &object)?,
            None => 0,
        };
        let said = object.take("metadata");
        let said = said.map(|raw| Conversation::of_metadata(raw, &object.place("metadata"))).transpose()?;
        let said = self.caller.overrule(said.unwrap_or_default());
        self.places.payloads.push(object.place("payload"));
        let payload = document(object.required("payload")?);
        object.finish(&["eventId", "eventType", "schemaVersion", "payload", "metadata"])?;
        let metadata = Metadata {
            correlation_id: said.correlation_id,
            causation_id: said.causation_id,
            traceparent: said.traceparent,
            extra: said.extra,
            schema_version,
            ..Metadata::default()
        };
        Ok(NewEvent { event_id, event_type, payload, metadata })
    }
}

const POSITIVE: &str = "must be a whole number from 1";

fn positive(raw: &RawValue, event: &Object<'_>) -> Result<u32, Problem> {
    let place = || event.place("schemaVersion");
    match typed(raw, place(), POSITIVE)? {
        0 => Err(Problem::invalid(place(), "schemaVersion", POSITIVE)),
        version => Ok(version),
    }
}
