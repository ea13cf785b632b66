use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use nexus_runtime::{CommandAnswer, CommandEntry, CommandFailure, CommandRequest, DryRun};

use crate::{
    dto::{CommandAccepted, DecisionDto, DryRunAnswer, DryRunEvent},
    problem::{BodyPlaces, Problem, command_problem, unknown_command},
    request::{PathArgs, WriteRequest},
    routes::{
        answer::{DECISION_ID, POSITION, REPLAYED, encoded, header_value, json, version_tag},
        commands::envelope::CommandBody,
    },
    state::Api,
};

/// Sends a command and answers once its events are durable.
///
/// The body is the command's payload, or an envelope `{commandId?, aggregateId?, timestamp?, payload, metadata?,
/// expectedVersion?}`. In a bare payload, `aggregateId`, `metadata` and `expectedVersion` are taken out unless the
/// command declares members of these names.
#[utoipa::path(
    post,
    path = "/api/commands/{commandType}",
    tag = "commands",
    params(
        ("commandType" = String, Path, description = "Command type, such as `PlaceOrder`."),
        ("dryRun" = Option<bool>, Query, description = "Decide and judge, but write nothing."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the request safe for 24 hours."),
        ("If-Match" = Option<String>, Header, description = "The version decided on, in quotes, or `*`."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: the aggregate must not exist."),
    ),
    request_body(content = serde_json::Value, description = "Payload or envelope.", content_type = "application/json"),
    responses(
        (status = 202, description = "Carried out; the events are durable.", body = CommandAccepted, headers(
            ("Location" = String, description = "The aggregate's events."),
            ("ETag" = String, description = "The aggregate's version, for `If-Match`."),
            ("Nexus-Position" = u64, description = "Position of the last event, for `consistentWith`."),
            ("Nexus-Decision-Id" = String, description = "The governance decision."),
            ("Idempotency-Replayed" = bool, description = "Present when an earlier request did it."),
        )),
        (status = 200, description = "With `dryRun=true`: what would be stored.", body = DryRunAnswer),
    )
)]
pub(crate) async fn send_command(
    State(api): State<Api>,
    PathArgs(command_type): PathArgs<String>,
    request: Request,
) -> Result<Response, Problem> {
    let catalogue = api.node.commands().catalogue();
    let Some(entry) = catalogue.command(&command_type) else {
        return Err(unknown_command(&command_type, catalogue.nearest_commands(&command_type)));
    };
    let write = WriteRequest::read(&api, request, api.config.max_body_bytes).await?;
    write.params.only(&["dryRun"])?;
    let dry = write.params.flag("dryRun")?;
    let (request, places) = command_request(&api, entry, write)?;
    let refused = |failure: CommandFailure| {
        if let CommandFailure::Append(error) = &failure {
            api.writes.failed(error);
        }
        command_problem(failure, &command_type, &places)
    };
    if dry {
        return would_do(api.node.commands().dry_run(request).await.map_err(refused)?);
    }
    let answer = api.node.commands().execute(request).await.map_err(refused)?;
    api.writes.succeeded();
    accepted(&answer)
}

/// The command as the runtime wants it, and where its payload was.
fn command_request(
    api: &Api,
    entry: &CommandEntry,
    write: WriteRequest,
) -> Result<(CommandRequest, BodyPlaces), Problem> {
    let body = CommandBody::read(&write.body, &entry.spec.schema)?;
    let condition = write.condition(body.expected)?;
    let request = CommandRequest {
        command_type: entry.spec.command_type.to_owned(),
        aggregate_id: body.aggregate_id,
        payload: body.payload,
        expected: condition.expected,
        idempotent: write.idempotent(),
        info: write.caller.info(api, body.conversation),
    };
    Ok((request, condition.places(vec![body.payload_place.to_owned()])))
}

fn accepted(answer: &CommandAnswer) -> Result<Response, Problem> {
    let body = CommandAccepted {
        success: true,
        aggregate_id: answer.aggregate_id.to_string(),
        version: answer.version.get(),
        event_ids: answer.event_ids.iter().map(ToString::to_string).collect(),
        position: answer.position.get(),
    };
    let mut response = json(StatusCode::ACCEPTED, &body)?;
    let headers = response.headers_mut();
    let location = format!("/api/streams/{}/events", encoded(answer.aggregate_id.as_str()));
    headers.insert(header::LOCATION, header_value(&location));
    headers.insert(header::ETAG, version_tag(body.version));
    headers.insert(POSITION, HeaderValue::from(body.position));
    headers.insert(DECISION_ID, header_value(&answer.decision_id.to_string()));
    if answer.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn would_do(run: DryRun) -> Result<Response, Problem> {
    let decision_id = run.decision_id.to_string();
    let events = run.events.into_iter();
    let body = DryRunAnswer {
        aggregate_id: run.aggregate_id.to_string(),
        version: run.version.get(),
        events: events
            .map(|event| DryRunEvent { event_type: event.event_type.to_owned(), payload: event.payload })
            .collect(),
        decision: DecisionDto {
            decision_id: decision_id.clone(),
            result: "allow".to_owned(),
            policy_digest: run.verdict.policy_digest.to_string(),
            elapsed_micros: u64::try_from(run.verdict.elapsed.as_micros()).unwrap_or(u64::MAX),
        },
    };
    let mut response = json(StatusCode::OK, &body)?;
    response.headers_mut().insert(DECISION_ID, header_value(&decision_id));
    Ok(response)
}
