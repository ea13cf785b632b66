//! Bodies as clients send them, and answers as they expect them.

use axum::{
    body::Body,
    extract::{FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use nexus_core::{
    Digest, Json,
    ports::{ImportedAs, RegisteredSchema, Registration, SchemaLink, Subject, WantedVersion},
};
use nexus_runtime::RequestInfo;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::{
    refused::Refused,
    subject::{name_of, subject_of},
};
use crate::{
    request::{Caller, Conversation, Params, read_bytes},
    routes::answer::{json_bytes, to_bytes},
    state::Api,
};

/// What answers are declared as.
pub(super) const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// What bodies may be declared as.
const ACCEPTED: [&str; 3] = [MEDIA_TYPE, "application/vnd.schemaregistry+json", "application/json"];

/// A request that changes something or has a body.
pub(super) struct Message<T> {
    pub(super) params: Params,
    pub(super) info: RequestInfo,
    pub(super) body: T,
}

impl<T: DeserializeOwned> Message<T> {
    pub(super) async fn read(api: &Api, request: Request) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, api).await?;
        let params = Params::of(&parts.uri)?;
        let body = Self::body(&parts.headers, body, api.config.max_body_bytes).await?;
        Ok(Self { params, info: caller.info(api, Conversation::default()), body })
    }

    async fn body(headers: &HeaderMap, body: Body, limit: usize) -> Result<T, Refused> {
        let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !ACCEPTED.contains(&essence.as_str()) {
            return Err(Refused::new(415, format!("The Content-Type must be {}", ACCEPTED.join(", "))));
        }
        let bytes = read_bytes(headers, body, limit).await?;
        let strict =
            Json::parse(bytes).map_err(|error| Refused::new(42201, format!("The body is no JSON: {error}")))?;
        strict.to().map_err(|error| Refused::new(42201, format!("The body does not have the expected form: {error}")))
    }
}

/// An answer with a body.
pub(super) fn answer(body: &impl Serialize) -> Result<Response, Refused> {
    Ok(json_bytes(StatusCode::OK, MEDIA_TYPE, to_bytes(body)?))
}

/// A schema as it is sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchemaBody {
    schema: String,
    #[serde(default)]
    schema_type: Option<String>,
    #[serde(default)]
    references: Option<Vec<ReferenceBody>>,
    #[serde(default)]
    metadata: Option<Value>,
    #[serde(default)]
    rule_set: Option<Value>,
    #[serde(default)]
    id: Option<i64>,
    #[serde(default)]
    version: Option<i64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ReferenceBody {
    name: String,
    subject: String,
    version: u32,
}

impl SchemaBody {
    /// The registration it asks for.
    pub(super) fn registration(self, subject: Subject) -> Result<Registration, Refused> {
        match self.schema_type.as_deref() {
            Some("JSON") => {}
            other => {
                let named = other.unwrap_or("AVRO");
                let text =
                    format!("Invalid schema type {named:.32}: only JSON Schema is kept here; send schemaType JSON");
                return Err(Refused::new(42201, text));
            }
        }
        let given = |value: Option<Value>| value.is_some_and(|value| !value.is_null());
        if given(self.metadata) || given(self.rule_set) {
            let text = "Metadata and rule sets are not kept; say it in the schema (x-nexus-…) or in a policy";
            return Err(Refused::new(42201, text));
        }
        let invalid = |error: &dyn std::fmt::Display| Refused::new(42201, format!("Invalid schema: {error}"));
        let document = Json::parse(self.schema.clone().into_bytes()).map_err(|error| invalid(&error))?;
        let schema: Value = document.to_value().map_err(|error| invalid(&error))?;
        let mut wanted = Registration::new(subject, schema);
        wanted.text = Some(self.schema);
        for reference in self.references.unwrap_or_default() {
            let subject = subject_of(&reference.subject)?;
            wanted.links.push(SchemaLink { name: reference.name, subject, version: reference.version });
        }
        let positive = |number: Option<i64>| number.filter(|number| *number > 0).map(u32::try_from).transpose();
        let id = positive(self.id).map_err(|error| invalid(&error))?;
        let version = positive(self.version).map_err(|error| invalid(&error))?;
        match id {
            Some(_) => wanted.import = Some(ImportedAs { id, version }),
            None => wanted.version = version.map(WantedVersion::Number),
        }
        Ok(wanted)
    }
}

/// A schema as it is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchemaAnswer {
    subject: String,
    version: u32,
    id: u32,
    guid: String,
    schema_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<ReferenceBody>,
    schema: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
}

impl SchemaAnswer {
    pub(super) fn of(known: &RegisteredSchema) -> Self {
        let reference = |link: &SchemaLink| ReferenceBody {
            name: link.name.clone(),
            subject: name_of(&link.subject),
            version: link.version,
        };
        Self {
            subject: name_of(&known.subject()),
            version: known.reference.version,
            id: known.reference.id,
            guid: guid_of(known.reference.digest),
            schema_type: "JSON",
            references: known.links.iter().map(reference).collect(),
            schema: text_of(known),
            deleted: known.deleted.is_some(),
        }
    }
}

/// The text of a schema, as it was sent where that is known.
pub(super) fn text_of(known: &RegisteredSchema) -> String {
    known.text.clone().unwrap_or_else(|| known.schema.to_string())
}

/// A digest as a UUID of a custom kind (RFC 9562, version 8): its first 122 bits.
pub(super) fn guid_of(digest: Digest) -> String {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Whether a schema has this guid.
pub(super) fn has_guid(known: &RegisteredSchema, guid: Uuid) -> bool {
    guid_of(known.reference.digest) == guid.to_string()
}

/// One page of a list: `offset` and `limit`.
pub(super) fn page<T>(items: Vec<T>, params: &Params) -> Result<Vec<T>, Refused> {
    let offset = number(params, "offset")?.unwrap_or(0);
    // A negative limit, or none, means everything.
    let limit = number(params, "limit")?.unwrap_or(usize::MAX);
    Ok(items.into_iter().skip(offset).take(limit).collect())
}

fn number(params: &Params, name: &str) -> Result<Option<usize>, Refused> {
    let Some(text) = params.one(name)? else { return Ok(None) };
    let number: i64 = text.parse().map_err(|_| Refused::new(400, format!("{name} must be a whole number")))?;
    Ok(usize::try_from(number).ok())
}

/// `true` or `false`; anything else is the default.
pub(super) fn flag(params: &Params, name: &str) -> bool {
    params.iter().any(|(given, value)| given == name && value.eq_ignore_ascii_case("true"))
}
