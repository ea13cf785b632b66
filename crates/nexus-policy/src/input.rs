//! What a policy sees of a request.

use nexus_core::ports::PolicyInput;
use regorus::Value;

use crate::{document, memo::Picks, reads::Reads};

/// Renders a request as `input`, with the whole payloads.
///
/// # Errors
/// When a payload or the claims are not JSON.
pub(crate) fn whole(input: &PolicyInput<'_>) -> Result<Value, String> {
    let payload = input.payload.map(document::value).transpose().map_err(not_json)?;
    let event = input.event.map(|event| document::value(event.payload)).transpose().map_err(not_json)?;
    render(input, payload, event)
}

/// Renders a request as `input`, with nothing of the payloads but what the bundle reads.
///
/// # Errors
/// When a part of a payload is not JSON.
pub(crate) fn read_parts(input: &PolicyInput<'_>, reads: &Reads, picks: &Picks<'_>) -> Result<Value, String> {
    let payload = reads.payload.render(&picks.payload).map_err(not_json)?;
    let event = reads.event.render(&picks.event).map_err(not_json)?;
    render(input, payload, event)
}

fn render(input: &PolicyInput<'_>, payload: Option<Value>, event_payload: Option<Value>) -> Result<Value, String> {
    let mut members = vec![
        ("kind", Value::from(input.kind.as_str())),
        ("action", Value::from(input.action)),
        (
            "resource",
            object(vec![("type", Value::from(input.resource.resource_type)), ("id", Value::from(input.resource.id))]),
        ),
        ("actor", actor(input)?),
        ("context", context(input)),
    ];
    if let Some(payload) = payload {
        members.push(("payload", payload));
    }
    if let Some(event) = &input.event {
        let mut parts = vec![("type", Value::from(event.event_type))];
        if let Some(payload) = event_payload {
            parts.push(("payload", payload));
        }
        members.push(("event", object(parts)));
    }
    if let Some(schema) = &input.schema {
        members.push((
            "schema",
            object(vec![
                ("id", Value::from(schema.id)),
                ("version", Value::from(schema.version)),
                ("registered", Value::from(schema.registered)),
            ]),
        ));
    }
    Ok(object(members))
}

fn actor(input: &PolicyInput<'_>) -> Result<Value, String> {
    let mut members = vec![("id", Value::from(&*input.actor.id)), ("roles", Value::from(roles(input)))];
    if let Some(claims) = &input.actor.claims {
        members.push(("claims", document::value(claims).map_err(not_json)?));
    }
    Ok(object(members))
}

fn roles(input: &PolicyInput<'_>) -> Vec<Value> {
    input.actor.roles.iter().map(|role| Value::from(&**role)).collect()
}

fn context(input: &PolicyInput<'_>) -> Value {
    let request = input.request;
    let mut members = vec![
        ("service", Value::from(&*request.service)),
        ("environment", Value::from(&*request.environment)),
        ("time", Value::from(request.time.to_string())),
    ];
    if let Some(client) = &request.client_id {
        members.push(("clientId", Value::from(&**client)));
    }
    object(members)
}

fn object(members: Vec<(&str, Value)>) -> Value {
    let members: std::collections::BTreeMap<Value, Value> =
        members.into_iter().map(|(name, value)| (Value::from(name), value)).collect();
    Value::from(members)
}

/// The message for a payload that does not parse.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err, which hands the error over")]
pub(crate) fn not_json(error: serde_json::Error) -> String {
    format!("a payload is not JSON: {error}")
}
