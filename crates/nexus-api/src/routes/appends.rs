use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use nexus_core::{
    AggregateType, AppendedStream, EventType, ExpectedVersion, Metadata, NewEvent, Proposal, StreamAppend, StreamId,
};
use nexus_runtime::{AppendAnswer, AppendFailure};
use serde_json::value::RawValue;

use crate::{
    dto::{AppendAccepted, AppendedStreamDto, StreamAppendAccepted},
    problem::{BodyPlaces, Problem, append_problem},
    request::{Caller, Condition, Conversation, Object, PathArgs, WriteRequest, document, expected_version, typed},
    routes::{
        answer::{DECISION_ID, POSITION, REPLAYED, encoded, header_value, json, stream_id, version_tag},
        commands::writable,
    },
    state::Api,
};

/// Appends events to one stream, under the same schemas and policies as commands.
///
/// `expectedVersion` is a number, `"any"`, `"none"` (the stream must not exist) or `"exists"`. Repeating an append
/// with the same event ids answers the first result.
#[utoipa::path(
    post,
    path = "/api/streams/{aggregateId}/events",
    tag = "events",
    params(
        ("aggregateId" = String, Path, description = "The stream."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the request safe for 24 hours."),
        ("If-Match" = Option<String>, Header, description = "The version decided on, in quotes, or `*`."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: the stream must not exist."),
    ),
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{aggregateType, expectedVersion, events: [{eventId?, eventType, schemaVersion?, payload, metadata?}]}`",
    ),
    responses((status = 201, description = "Stored and durable.", body = StreamAppendAccepted, headers(
        ("Location" = String, description = "The stream's events."),
        ("ETag" = String, description = "The stream's version, for `If-Match`."),
        ("Nexus-Position" = u64, description = "Position of the last event, for `consistentWith`."),
        ("Nexus-Decision-Id" = String, description = "The governance decision."),
        ("Idempotency-Replayed" = bool, description = "Present when an earlier request did it."),
    )))
)]
pub(crate) async fn append_events(
    State(api): State<Api>,
    PathArgs(stream): PathArgs<String>,
    request: Request,
) -> Result<Response, Problem> {
    let stream = stream_id(stream)?;
    writable(&stream)?;
    let write = WriteRequest::read(&api, request, api.config.max_append_bytes).await?;
    write.params.only(&[])?;
    let mut object = Object::of_body(write.body.as_bytes())?;
    let mut batch = Batch::new(&api, &write.caller);
    let part = batch.part(&mut object, stream, &write)?;
    object.finish(&["aggregateType", "expectedVersion", "events"])?;
    let Batch { places, .. } = batch;
    let answer = store(&api, Proposal::single(part), write, places).await?;
    let part = answer.appended.streams.first();
    let part = part.ok_or_else(|| Problem::new(crate::Code::InternalError, "the append answered no stream"))?;
    let body = StreamAppendAccepted {
        aggregate_id: part.stream.to_string(),
        first_version: part.first_version.get(),
        version: part.version.get(),
        event_ids: part.event_ids.iter().map(ToString::to_string).collect(),
        first_position: answer.appended.first_position.get(),
        position: answer.appended.position.get(),
    };
    let mut response = json(StatusCode::CREATED, &body)?;
    let location = format!("/api/streams/{}/events", encoded(&body.aggregate_id));
    response.headers_mut().insert(header::LOCATION, header_value(&location));
    response.headers_mut().insert(header::ETAG, version_tag(body.version));
    Ok(with_facts(response, &answer))
}

/// Appends events to several streams, all of them or none.
#[utoipa::path(
    post,
    path = "/api/append",
    tag = "events",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the request safe for 24 hours.")),
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{streams: [{aggregateId, aggregateType, expectedVersion, events: [{eventId?, eventType, schemaVersion?, payload, metadata?}]}]}`",
    ),
    responses((status = 201, description = "Stored and durable.", body = AppendAccepted, headers(
        ("Nexus-Position" = u64, description = "Position of the last event, for `consistentWith`."),
        ("Nexus-Decision-Id" = String, description = "The governance decision."),
        ("Idempotency-Replayed" = bool, description = "Present when an earlier request did it."),
    )))
)]
pub(crate) async fn append_streams(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_append_bytes).await?;
    write.params.only(&[])?;
    if write.condition.is_some() {
        let detail = "an append to several streams has its conditions in the body: `expectedVersion` of each stream";
        return Err(Problem::header("if-match", detail));
    }
    let mut object = Object::of_body(write.body.as_bytes())?;
    let mut batch = Batch::new(&api, &write.caller);
    let mut streams = Vec::new();
    for (index, raw) in object.required_array("streams")?.into_iter().enumerate() {
        let mut part = Object::read(raw, format!("/streams/{index}"))?;
        let place = part.place("aggregateId");
        let id = StreamId::new(part.required_text("aggregateId")?);
        let id = id.map_err(|error| Problem::invalid(place, "aggregateId", error.to_string()))?;
        writable(&id)?;
        streams.push(batch.part(&mut part, id, &write)?);
        part.finish(&["aggregateId", "aggregateType", "expectedVersion", "events"])?;
    }
    object.finish(&["streams"])?;
    let Batch { places, .. } = batch;
    let answer = store(&api, Proposal { streams }, write, places).await?;
    let body = AppendAccepted {
        first_position: answer.appended.first_position.get(),
        position: answer.appended.position.get(),
        streams: answer.appended.streams.iter().map(appended).collect(),
    };
    Ok(with_facts(json(StatusCode::CREATED, &body)?, &answer))
}

/// The events of one request as they are read, and where each payload was.
struct Batch<'a> {
    api: &'a Api,
    caller: &'a Caller,
    places: BodyPlaces,
}

impl<'a> Batch<'a> {
    fn new(api: &'a Api, caller: &'a Caller) -> Self {
        Self { api, caller, places: BodyPlaces::default() }
    }

    fn part(
        &mut self,
        object: &mut Object<'_>,
        stream: StreamId,
        write: &WriteRequest,
    ) -> Result<StreamAppend, Problem> {
        let place = object.place("aggregateType");
        let aggregate_type = AggregateType::new(object.required_text("aggregateType")?)
            .map_err(|error| Problem::invalid(place, "aggregateType", error.to_string()))?;
        let Condition { expected, from_header } = self.condition(object, write)?;
        self.places.from_header = from_header;
        let events_place = object.place("events");
        let mut events = Vec::new();
        for (index, raw) in object.required_array("events")?.into_iter().enumerate() {
            events.push(self.event(raw, format!("{events_place}/{index}"))?);
        }
        let condition = expected.unwrap_or(ExpectedVersion::Any).into();
        Ok(StreamAppend { stream, aggregate_type, condition, events })
    }

    /// A writer says what it expects, in the body or in a header.
    fn condition(&self, object: &mut Object<'_>, write: &WriteRequest) -> Result<Condition, Problem> {
        let place = object.place("expectedVersion");
        if write.condition.is_none() && !object.has("expectedVersion") {
            let detail = r#"`expectedVersion` is missing; "any" appends whatever the version is"#;
            return Err(Problem::invalid(place, "required", detail));
        }
        let body = object.take("expectedVersion").map(|raw| expected_version(raw, place)).transpose()?;
        write.condition(body)
    }

    fn event(&mut self, raw: &RawValue, place: String) -> Result<NewEvent, Problem> {
        let mut object = Object::read(raw, place)?;
        let type_place = object.place("eventType");
        let event_type = EventType::new(object.required_text("eventType")?)
            .map_err(|error| Problem::invalid(type_place, "eventType", error.to_string()))?;
        let id_place = object.place("eventId");
        let event_id = match object.text("eventId")? {
            Some(text) => text.parse().map_err(|_| Problem::invalid(id_place, "eventId", "must be a UUID"))?,
            None => self.api.node.ids().event_id(),
        };
        let version_place = object.place("schemaVersion");
        let schema_version = match object.take("schemaVersion") {
            Some(raw) => positive(typed(raw, version_place.clone(), POSITIVE)?, version_place)?,
            None => 0,
        };
        let metadata_place = object.place("metadata");
        let said = object.take("metadata").map(|raw| Conversation::of_metadata(raw, &metadata_place)).transpose()?;
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

fn positive(version: u32, place: String) -> Result<u32, Problem> {
    if version == 0 { Err(Problem::invalid(place, "schemaVersion", POSITIVE)) } else { Ok(version) }
}

async fn store(
    api: &Api,
    proposal: Proposal,
    write: WriteRequest,
    places: BodyPlaces,
) -> Result<AppendAnswer, Problem> {
    let idempotent = write.idempotent();
    let info = write.caller.info(api, Conversation::default());
    let outcome = api.node.appends().append(proposal, idempotent, info).await;
    match &outcome {
        Ok(_) => api.writes.succeeded(),
        Err(AppendFailure::Append(error)) => api.writes.failed(error),
        Err(_) => {}
    }
    outcome.map_err(|failure| append_problem(failure, &places))
}

fn appended(part: &AppendedStream) -> AppendedStreamDto {
    AppendedStreamDto {
        aggregate_id: part.stream.to_string(),
        first_version: part.first_version.get(),
        version: part.version.get(),
        event_ids: part.event_ids.iter().map(ToString::to_string).collect(),
    }
}

fn with_facts(mut response: Response, answer: &AppendAnswer) -> Response {
    let headers = response.headers_mut();
    headers.insert(POSITION, HeaderValue::from(answer.appended.position.get()));
    headers.insert(DECISION_ID, header_value(&answer.decision_id.to_string()));
    if answer.appended.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
