//! The two shapes of a command's body: an envelope with a `payload`, or the payload itself.

use nexus_core::{ExpectedVersion, Json, StreamId, Text, Timestamp};
use serde_json::Value;

use crate::{
    problem::{Code, Problem},
    request::{Conversation, Object, document, expected_version, member_text, typed},
};

/// What a command's body says.
#[derive(Debug)]
pub(crate) struct CommandBody {
    pub(crate) aggregate_id: Option<StreamId>,
    pub(crate) expected: Option<ExpectedVersion>,
    pub(crate) conversation: Conversation,
    pub(crate) payload: Json,
    /// JSON Pointer of the payload in the body.
    pub(crate) payload_place: &'static str,
}

const ENVELOPE: [&str; 6] = ["commandId", "aggregateId", "timestamp", "payload", "metadata", "expectedVersion"];

impl CommandBody {
    /// Reads a body whose command has the JSON Schema `schema`. It is an envelope if it has a member `payload` that
    /// the command itself does not declare.
    pub(crate) fn read(body: &Json, schema: &Value) -> Result<Self, Problem> {
        let object = Object::of_body(body.as_bytes())?;
        if object.has("payload") && !declares(schema, "payload") {
            Self::envelope(object)
        } else {
            Self::flat(body, object, schema)
        }
    }

    fn envelope(mut object: Object<'_>) -> Result<Self, Problem> {
        let payload = document(object.required("payload")?);
        let command_id = member_text(&mut object, "commandId")?;
        check_timestamp(&mut object)?;
        let aggregate_id = aggregate_id(&mut object)?;
        let expected = expected(&mut object)?;
        let conversation = conversation(&mut object, command_id)?;
        object.finish(&ENVELOPE)?;
        Ok(Self { aggregate_id, expected, conversation, payload, payload_place: "/payload" })
    }

    /// Takes the members that are about the command, not of it, out of the payload; unless the command declares them.
    fn flat(body: &Json, mut object: Object<'_>, schema: &Value) -> Result<Self, Problem> {
        let count = object.len();
        let aggregate_id = if declares(schema, "aggregateId") {
            aggregate_id(&mut Object::of_body(body.as_bytes())?).unwrap_or_default()
        } else {
            aggregate_id(&mut object)?
        };
        let expected = if declares(schema, "expectedVersion") { None } else { expected(&mut object)? };
        let conversation =
            if declares(schema, "metadata") { Conversation::default() } else { conversation(&mut object, None)? };
        let untouched = object.len() == count;
        let payload = if untouched { body.clone() } else { object.rest().unwrap_or_else(Json::empty_object) };
        Ok(Self { aggregate_id, expected, conversation, payload, payload_place: "" })
    }
}

fn declares(schema: &Value, member: &str) -> bool {
    schema.get("properties").is_some_and(|properties| properties.get(member).is_some())
}

fn aggregate_id(object: &mut Object<'_>) -> Result<Option<StreamId>, Problem> {
    let place = object.place("aggregateId");
    let Some(text) = object.text("aggregateId")? else {
        return Ok(None);
    };
    let id = StreamId::new(text).map_err(|error| Problem::invalid(place, "aggregateId", error.to_string()))?;
    writable(&id).map(|()| Some(id))
}

/// Clients do not write to the platform's own streams.
pub(crate) fn writable(stream: &StreamId) -> Result<(), Problem> {
    if stream.is_system() {
        let detail = format!("`{stream}` starts with `$`: such streams are written by the platform only");
        return Err(Problem::new(Code::ReservedStream, detail));
    }
    Ok(())
}

fn expected(object: &mut Object<'_>) -> Result<Option<ExpectedVersion>, Problem> {
    let raw = object.take("expectedVersion");
    raw.map(|raw| expected_version(raw, || object.place("expectedVersion"))).transpose()
}

/// What the metadata say; a command's id is what caused its events, unless the client names something else.
fn conversation(object: &mut Object<'_>, command_id: Option<Text>) -> Result<Conversation, Problem> {
    let place = object.place("metadata");
    let mut conversation = match object.take("metadata") {
        Some(raw) => Conversation::of_metadata(raw, &place)?,
        None => Conversation::default(),
    };
    conversation.causation_id = conversation.causation_id.or(command_id);
    Ok(conversation)
}

/// The client's own time is checked and then left alone: the log has its own.
fn check_timestamp(object: &mut Object<'_>) -> Result<(), Problem> {
    let place = object.place("timestamp");
    let Some(raw) = object.take("timestamp") else {
        return Ok(());
    };
    typed::<Timestamp>(raw, place, "must be a moment in RFC 3339 with an offset, such as 2026-01-31T12:00:00Z")
        .map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &str, schema: &Value) -> Result<CommandBody, Problem> {
        CommandBody::read(&Json::parse(body.to_owned()).unwrap(), schema)
    }

    #[test]
    fn an_envelope_is_known_by_a_payload_the_command_does_not_declare() {
        let schema = json!({ "properties": { "amount": {} } });
        let body =
            read(r#"{"aggregateId":"a","payload":{"amount" : 1.50},"expectedVersion":"none"}"#, &schema).unwrap();
        assert_eq!(body.payload.as_str(), r#"{"amount" : 1.50}"#);
        assert_eq!(body.expected, Some(ExpectedVersion::NoStream));
        assert_eq!(body.payload_place, "/payload");

        let schema = json!({ "properties": { "payload": {} } });
        let body = read(r#"{"payload":{"x":1}}"#, &schema).unwrap();
        assert_eq!(body.payload.as_str(), r#"{"payload":{"x":1}}"#);
    }

    #[test]
    fn a_flat_payload_keeps_its_bytes_but_for_what_is_lifted_out() {
        let schema = json!({ "properties": { "amount": {} } });
        let whole = r#"{ "amount": 1.50 }"#;
        assert_eq!(read(whole, &schema).unwrap().payload.as_str(), whole);
        let body =
            read(r#"{"aggregateId":"a","expectedVersion":3,"amount":12345678901234567890123}"#, &schema).unwrap();
        assert_eq!(body.payload.as_str(), r#"{"amount":12345678901234567890123}"#);
        assert_eq!(body.aggregate_id.unwrap().as_str(), "a");
    }

    #[test]
    fn a_declared_member_stays_in_the_payload_and_an_id_counts_as_well() {
        let schema = json!({ "properties": { "aggregateId": {}, "metadata": {} } });
        let text = r#"{"aggregateId":"a","metadata":{"userId":"x"}}"#;
        let body = read(text, &schema).unwrap();
        assert_eq!(body.payload.as_str(), text);
        assert_eq!(body.aggregate_id.unwrap().as_str(), "a");
        assert!(body.conversation.extra.is_none());
    }

    #[test]
    fn unknown_members_of_an_envelope_are_refused() {
        for bad in [
            r#"{"payload":{},"userId":"root"}"#,
            r#"{"payload":{},"version":7}"#,
            r#"{"payload":{},"timestamp":"yesterday"}"#,
            r#"{"payload":{},"expectedVersion":null}"#,
            r#"{"payload":{},"expectedVersion":-2}"#,
            r#"{"payload":{},"expectedVersion":1.5}"#,
            r#"{"payload":{},"expectedVersion":18446744073709551616}"#,
            r#"{"payload":{},"aggregateId":"$schemas"}"#,
            r#"{"payload":{},"metadata":[]}"#,
            r#"{"payload":{},"metadata":{"correlationId":"a\nb"}}"#,
        ] {
            assert!(read(bad, &json!({})).is_err(), "{bad}");
        }
    }
}
