use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use nexus_core::{ExpectedVersion, Json, Version};
use nexus_runtime::Idempotent;
use serde_json::value::RawValue;

use crate::{
    problem::{BodyPlaces, Problem},
    request::{Caller, Params, digits, read_body},
    state::Api,
};

/// A request that wants to write: who asks, under which conditions, and the body, parsed strictly.
pub(crate) struct WriteRequest {
    pub(crate) caller: Caller,
    pub(crate) params: Params,
    pub(crate) condition: Option<ExpectedVersion>,
    pub(crate) body: Json,
    idempotency_key: Option<String>,
    path: String,
}

impl WriteRequest {
    /// Reads and checks everything but what is inside the body.
    pub(crate) async fn read(api: &Api, request: Request, limit: usize) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, api).await?;
        let params = Params::of(&parts.uri)?;
        let condition = precondition(&parts.headers)?;
        let idempotency_key = idempotency_key(&parts)?;
        let bytes: Bytes = read_body(&parts.headers, body, limit).await?;
        let body = Json::parse(bytes)?;
        let path = parts.uri.path().to_owned();
        Ok(Self { caller, params, condition, body, idempotency_key, path })
    }

    /// The idempotency key together with what it is for.
    pub(crate) fn idempotent(&self) -> Option<Idempotent> {
        let key = self.idempotency_key.as_deref()?;
        let condition = self.condition.map(|condition| condition.to_string()).unwrap_or_default();
        let request: [&[u8]; 3] = [self.path.as_bytes(), condition.as_bytes(), self.body.as_bytes()];
        Some(Idempotent::new(&self.caller.actor.id, key, &request))
    }

    /// The condition of the headers or of the body.
    pub(crate) fn condition(&self, body: Option<ExpectedVersion>) -> Result<Condition, Problem> {
        Ok(Condition { expected: agreed(self.condition, body)?, from_header: self.condition.is_some() })
    }
}

/// What the headers or the body of a write expect; they must not contradict each other.
pub(crate) fn agreed(
    header: Option<ExpectedVersion>,
    body: Option<ExpectedVersion>,
) -> Result<Option<ExpectedVersion>, Problem> {
    match (header, body) {
        (Some(header), Some(body)) if header != body => Err(Problem::header(
            "if-match",
            format!("the headers ask for version {header}, the body for {body}; say it once"),
        )),
        (header, body) => Ok(header.or(body)),
    }
}

/// The version a client decided on, and where it said so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition {
    pub(crate) expected: Option<ExpectedVersion>,
    pub(crate) from_header: bool,
}

impl Condition {
    /// For error messages about payloads at these places.
    pub(crate) fn places(self, payloads: Vec<String>) -> BodyPlaces {
        BodyPlaces { payloads, from_header: self.from_header }
    }
}

/// A member `expectedVersion`: a whole number, `"any"`, `"none"` or `"exists"`.
/// `place` is asked for only when it is none of these.
pub(crate) fn expected_version(raw: &RawValue, place: impl FnOnce() -> String) -> Result<ExpectedVersion, Problem> {
    let text = raw.get();
    if let Some(version) = digits(text) {
        return Ok(ExpectedVersion::Exact(Version::new(version)));
    }
    match text {
        "\"any\"" => Ok(ExpectedVersion::Any),
        "\"none\"" => Ok(ExpectedVersion::NoStream),
        "\"exists\"" => Ok(ExpectedVersion::Exists),
        _ => {
            let detail = r#"must be a whole number from 0, or "any", "none" or "exists""#;
            Err(Problem::invalid(place(), "expectedVersion", detail))
        }
    }
}

/// What `If-Match` and `If-None-Match` ask for.
fn precondition(headers: &HeaderMap) -> Result<Option<ExpectedVersion>, Problem> {
    let if_match = single(headers, header::IF_MATCH.as_str())?;
    let if_none_match = single(headers, header::IF_NONE_MATCH.as_str())?;
    match (if_match, if_none_match) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(Problem::header("if-match", "If-Match and If-None-Match exclude each other; send one"))
        }
        (None, Some("*")) => Ok(Some(ExpectedVersion::NoStream)),
        (None, Some(_)) => Err(Problem::header("if-none-match", "If-None-Match on a write must be `*`")),
        (Some("*"), None) => Ok(Some(ExpectedVersion::Exists)),
        (Some(tag), None) => {
            let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            let version = inner.and_then(digits).map(|version| ExpectedVersion::Exact(Version::new(version)));
            let detail = "If-Match must be `*` or one version in quotes, such as \"3\"";
            version.map(Some).ok_or_else(|| Problem::header("if-match", detail))
        }
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map(str::trim);
            text.map(Some).map_err(|_| Problem::header(name, format!("`{name}` must be visible ASCII")))
        }
        _ => Err(Problem::header(name, format!("`{name}` is given more than once"))),
    }
}

fn idempotency_key(parts: &Parts) -> Result<Option<String>, Problem> {
    let Some(key) = single(&parts.headers, "idempotency-key")? else {
        return Ok(None);
    };
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if (1..=Idempotent::MAX_KEY_BYTES).contains(&key.len()) && visible {
        Ok(Some(key.to_owned()))
    } else {
        let detail = "Idempotency-Key must have 1 to 255 visible ASCII characters without spaces";
        Err(Problem::header("idempotency-key", detail))
    }
}
