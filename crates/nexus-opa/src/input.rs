//! What the server is told of a request: the same `input` that embedded policies see.

use nexus_core::{Json, Timestamp, ports::PolicyInput};
use serde::Serialize;

#[derive(Serialize)]
struct Body<'a> {
    input: Input<'a>,
}

#[derive(Serialize)]
struct Input<'a> {
    kind: &'a str,
    action: &'a str,
    resource: Resource<'a>,
    actor: Actor<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Event<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Schema>,
    context: Context<'a>,
}

#[derive(Serialize)]
struct Resource<'a> {
    #[serde(rename = "type")]
    resource_type: &'a str,
    id: &'a str,
}

#[derive(Serialize)]
struct Actor<'a> {
    id: &'a str,
    roles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<&'a Json>,
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    payload: &'a Json,
}

#[derive(Serialize)]
struct Schema {
    id: u32,
    version: u32,
    registered: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    service: &'a str,
    environment: &'a str,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
}

fn of<'a>(input: &'a PolicyInput<'a>) -> Input<'a> {
    Input {
        kind: input.kind.as_str(),
        action: input.action,
        resource: Resource { resource_type: input.resource.resource_type, id: input.resource.id },
        actor: Actor {
            id: &input.actor.id,
            roles: input.actor.roles.iter().map(|role| &**role).collect(),
            claims: input.actor.claims.as_ref(),
        },
        payload: input.payload,
        event: input.event.map(|event| Event { event_type: event.event_type, payload: event.payload }),
        schema: input.schema.map(|schema| Schema {
            id: schema.id,
            version: schema.version,
            registered: schema.registered,
        }),
        context: Context {
            service: &input.request.service,
            environment: &input.request.environment,
            time: input.request.time,
            client_id: input.request.client_id.as_deref(),
        },
    }
}

/// The body of a question.
///
/// # Errors
/// When a payload that came from the log is not JSON.
pub(crate) fn body(input: &PolicyInput<'_>) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Body { input: of(input) })
}

/// The input itself.
///
/// # Errors
/// As [`body`].
pub(crate) fn document(input: &PolicyInput<'_>) -> Result<Json, serde_json::Error> {
    Json::from_serialize(&of(input))
}
