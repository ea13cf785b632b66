use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use nexus_core::{AggregateType, EventId, EventType, StreamId, json::check_strict};
use serde_json::{Value, json, value::RawValue};

/// Members of metadata that the platform sets itself; a copy under these names would not be taken.
const RESERVED: [&str; 7] =
    ["userId", "schemaVersion", "idempotencyKey", "idempotencyRequest", "correlationId", "causationId", "traceparent"];
/// The member of metadata that says where an imported event comes from.
const ORIGIN: &str = "origin";

/// One event of a file, checked as far as it can be without a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// 1-based number of the line.
    pub(crate) number: u64,
    pub(crate) event_id: EventId,
    pub(crate) event_type: EventType,
    pub(crate) aggregate_type: AggregateType,
    pub(crate) stream: StreamId,
    /// Version in its stream; `None` when the file does not say.
    pub(crate) version: Option<u64>,
    /// Version of its schema; `None` is the newest.
    pub(crate) schema_version: Option<u32>,
    /// The payload as it was written.
    pub(crate) payload: String,
    /// The `metadata` of the append, as a JSON object.
    pub(crate) metadata: String,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

impl Line {
    /// Reads one line.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub(crate) fn parse(number: u64, text: &[u8]) -> Result<Self, String> {
        check_strict(text).map_err(|error| format!("it is not JSON: {error}"))?;
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err("it is not a JSON object".to_owned());
        }
        let members: Members<'_> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if required(&members, "specversion")? != "1.0" {
            return Err("`specversion` is not 1.0".to_owned());
        }
        let id = required(&members, "id")?;
        Ok(Self {
            number,
            event_id: id.parse().map_err(|_| "`id` is not a UUID".to_owned())?,
            event_type: named(EventType::new(required(&members, "type")?))?,
            aggregate_type: named(AggregateType::new(required(&members, "aggregatetype")?))?,
            stream: named(StreamId::new(required(&members, "subject")?))?,
            version: count(&members, "aggregateversion")?,
            schema_version: schema_version(&members)?,
            payload: payload(&members)?,
            metadata: metadata(&members)?,
        })
    }
}

fn named<T>(name: Result<T, nexus_core::InvalidName>) -> Result<T, String> {
    name.map_err(|error| error.to_string())
}

fn text(members: &Members<'_>, name: &str) -> Result<Option<String>, String> {
    let Some(raw) = members.get(name).filter(|raw| raw.get() != "null") else {
        return Ok(None);
    };
    serde_json::from_str(raw.get()).map(Some).map_err(|_| format!("`{name}` is not a text"))
}

fn required(members: &Members<'_>, name: &str) -> Result<String, String> {
    text(members, name)?.ok_or_else(|| format!("`{name}` is missing"))
}

/// A whole number from 1, as a number or as the text that CloudEvents need for large ones.
fn count(members: &Members<'_>, name: &str) -> Result<Option<u64>, String> {
    let Some(raw) = members.get(name).filter(|raw| raw.get() != "null") else {
        return Ok(None);
    };
    let number = raw.get().trim_matches('"').parse().ok().filter(|number| *number > 0);
    number.map(Some).ok_or_else(|| format!("`{name}` is not a whole number from 1"))
}

/// `dataschema` ends with `/versions/N`; another form of it is somebody else's and says nothing here.
fn schema_version(members: &Members<'_>) -> Result<Option<u32>, String> {
    let schema = text(members, "dataschema")?;
    let version = schema.as_deref().and_then(|schema| schema.rsplit_once("/versions/"));
    Ok(version.and_then(|(_, version)| version.parse().ok()).filter(|version| *version > 0))
}

fn payload(members: &Members<'_>) -> Result<String, String> {
    if let Some(kind) = text(members, "datacontenttype")?
        && !kind.starts_with("application/json")
    {
        return Err("`datacontenttype` is not application/json".to_owned());
    }
    match (members.get("data"), text(members, "data_base64")?) {
        (Some(data), None) => Ok(data.get().to_owned()),
        (None, Some(encoded)) => {
            let bytes = STANDARD.decode(encoded).map_err(|_| "`data_base64` is not base64".to_owned())?;
            check_strict(&bytes).map_err(|error| format!("`data_base64` holds no JSON: {error}"))?;
            String::from_utf8(bytes).map_err(|_| "`data_base64` holds no text".to_owned())
        }
        (None, None) => Err("`data` is missing".to_owned()),
        (Some(_), Some(_)) => Err("`data` and `data_base64` exclude each other".to_owned()),
    }
}

/// The metadata of the event, with what a log cannot take over from another one under `origin`.
fn metadata(members: &Members<'_>) -> Result<String, String> {
    let own = text(members, "metadata")?.unwrap_or_else(|| "{}".to_owned());
    let wrong = |reason: &dyn std::fmt::Display| format!("`metadata` is not the text of a JSON object: {reason}");
    check_strict(own.as_bytes()).map_err(|error| wrong(&error))?;
    let own: Members<'_> = serde_json::from_str(&own).map_err(|error| wrong(&error))?;
    let mut parts: Vec<(String, String)> = own
        .into_iter()
        .filter(|(name, _)| !RESERVED.contains(&name.as_str()))
        .map(|(name, raw)| (name, raw.get().to_owned()))
        .collect();
    for (attribute, name) in
        [("correlationid", "correlationId"), ("causationid", "causationId"), ("traceparent", "traceparent")]
    {
        if let Some(value) = text(members, attribute)? {
            parts.push((name.to_owned(), Value::from(value).to_string()));
        }
    }
    // An event that was imported before keeps its first origin.
    if !parts.iter().any(|(name, _)| name == ORIGIN) {
        parts.push((ORIGIN.to_owned(), origin(members)?.to_string()));
    }
    let rendered: Vec<String> =
        parts.iter().map(|(name, raw)| format!("{}:{raw}", Value::from(name.as_str()))).collect();
    Ok(format!("{{{}}}", rendered.join(",")))
}

fn origin(members: &Members<'_>) -> Result<Value, String> {
    let mut origin = serde_json::Map::new();
    for (attribute, name) in [("source", "source"), ("time", "time"), ("userid", "userId")] {
        if let Some(value) = text(members, attribute)? {
            origin.insert(name.to_owned(), Value::from(value));
        }
    }
    if let Some(position) = count(members, "sequence")? {
        origin.insert("position".to_owned(), json!(position));
    }
    Ok(Value::Object(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"specversion":"1.0","id":"018f8a2e-0000-7000-8000-000000000001","source":"urn:nexus:shop",
        "type":"OrderPlaced","subject":"order-1","time":"2026-01-31T12:00:00Z","datacontenttype":"application/json",
        "dataschema":"/api/schemas/OrderPlaced/versions/2","sequence":"00000000000000000042","aggregatetype":"Order",
        "aggregateversion":"3","correlationid":"c-1","userid":"ann","metadata":"{\"tenant\":7,\"userId\":\"forged\"}",
        "data":{"b" : 1.50}}"#;

    #[test]
    fn a_line_keeps_payload_bytes_and_metadata_and_says_where_it_comes_from() {
        let line = Line::parse(9, LINE.as_bytes()).unwrap();
        assert_eq!((line.number, line.version, line.schema_version), (9, Some(3), Some(2)));
        assert_eq!(line.payload, r#"{"b" : 1.50}"#);
        let metadata: Value = serde_json::from_str(&line.metadata).unwrap();
        let origin =
            json!({ "source": "urn:nexus:shop", "time": "2026-01-31T12:00:00Z", "userId": "ann", "position": 42 });
        assert_eq!(metadata, json!({ "tenant": 7, "correlationId": "c-1", "origin": origin }));
    }

    #[test]
    fn an_event_that_was_imported_before_keeps_its_first_origin() {
        let again = LINE.replace(r#"{\"tenant\":7,"#, r#"{\"origin\":{\"position\":5},"#);
        let line = Line::parse(1, again.as_bytes()).unwrap();
        let metadata: Value = serde_json::from_str(&line.metadata).unwrap();
        assert_eq!(metadata["origin"], json!({ "position": 5 }));
    }

    #[test]
    fn a_payload_with_line_breaks_travels_in_base64() {
        let payload = "{\n  \"b\": 1\n}";
        let line = LINE.replace(r#""data":{"b" : 1.50}"#, &format!(r#""data_base64":"{}""#, STANDARD.encode(payload)));
        assert_eq!(Line::parse(1, line.as_bytes()).unwrap().payload, payload);
    }

    #[test]
    fn every_unusable_line_says_why() {
        let cases = [
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            (r#"{"specversion":"1.0","specversion":"1.0"}"#, "appears twice"),
            (r#"{"specversion":"0.3"}"#, "`specversion` is not 1.0"),
            (r#"{"specversion":1}"#, "`specversion` is not a text"),
            (r#"{"specversion":"1.0"}"#, "`id` is missing"),
        ];
        for (line, reason) in cases {
            let refused = Line::parse(1, line.as_bytes()).unwrap_err();
            assert!(refused.contains(reason), "{line}: {refused}");
        }
        let changes = [
            (r#""018f8a2e-0000-7000-8000-000000000001""#, r#""17""#, "`id` is not a UUID"),
            (r#""OrderPlaced","#, r#""Order Placed","#, "event type"),
            (r#""subject":"order-1","#, "", "`subject` is missing"),
            (r#""aggregatetype":"Order","#, "", "`aggregatetype` is missing"),
            (r#""aggregateversion":"3""#, r#""aggregateversion":"-3""#, "`aggregateversion` is not"),
            (r#""sequence":"00000000000000000042""#, r#""sequence":{}"#, "`sequence` is not"),
            (r#""application/json""#, r#""text/xml""#, "`datacontenttype` is not"),
            (r#""data":{"b" : 1.50}"#, r#""data_base64":"%%""#, "not base64"),
            (r#""data":{"b" : 1.50}"#, r#""data_base64":"e30K","data":{}"#, "exclude each other"),
            (r#""{\"tenant\":7,\"userId\":\"forged\"}""#, r#""[1]""#, "`metadata` is not"),
        ];
        for (from, to, reason) in changes {
            assert!(LINE.contains(from), "{from}");
            let refused = Line::parse(1, LINE.replace(from, to).as_bytes()).unwrap_err();
            assert!(refused.contains(reason), "{to}: {refused}");
        }
    }
}
