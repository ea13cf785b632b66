use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use nexus_core::{AppendedStream, Proposal};
use nexus_runtime::{AppendAnswer, AppendFailure};

use super::batch::Batch;
use crate::{
    dto::{AppendAccepted, AppendedStreamDto, StreamAppendAccepted},
    problem::{BodyPlaces, Problem, append_problem},
    request::{Conversation, Object, PathArgs, WriteRequest},
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
    let mut batch = Batch::new(&api, &write.caller, write.condition);
    let part = batch.part(&mut object, stream)?;
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
    let mut batch = Batch::new(&api, &write.caller, None);
    let streams = batch.streams(&mut object)?;
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
