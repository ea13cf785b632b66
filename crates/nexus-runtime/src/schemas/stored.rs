//! How changes of the registry are written in the events of `$schemas`.

use std::fmt;

use nexus_core::{
    Json, RecordedEvent, Timestamp,
    ports::{
        ChosenMode, CompatibilityMode, RegisteredSchema, RegistryChange, SchemaKind, SchemaLink, SchemaRef,
        SchemaUpcaster, SemanticVersion, Subject, SubjectAccess, SubjectRules,
    },
    upcast::Steps,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The stream of the registry.
pub(crate) const SCHEMAS: &str = "$schemas";
pub(crate) const SCHEMA_REGISTERED: &str = "SchemaRegistered";
const SCHEMA_CONFIGURED: &str = "SchemaConfigured";
const SCHEMA_DELETED: &str = "SchemaDeleted";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaRegistered {
    id: u32,
    kind: String,
    name: String,
    version: u32,
    digest: String,
    schema: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    semantic_version: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upcaster: Option<StoredUpcaster>,
}

#[derive(Serialize, Deserialize)]
struct StoredUpcaster {
    from: u32,
    steps: Steps,
}

#[derive(Serialize, Deserialize)]
struct Reference {
    name: String,
    kind: String,
    subject: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaConfigured {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compatibility: Option<Compatibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Compatibility {
    mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaDeleted {
    kind: String,
    name: String,
    versions: Vec<u32>,
    in_use: Vec<u32>,
    for_good: bool,
}

/// The type and the payload of the event that records a change.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn event_of(change: &RegistryChange) -> Result<(&'static str, Json), serde_json::Error> {
    match change {
        RegistryChange::Registered(schema) => Ok((SCHEMA_REGISTERED, Json::from_serialize(&registered(schema))?)),
        RegistryChange::Configured { subject, rules } => {
            let compatibility = rules.compatibility.as_ref().map(|chosen| Compatibility {
                mode: chosen.mode.to_string(),
                reason: chosen.reason.clone(),
                expires_at: chosen.expires,
            });
            let configured = SchemaConfigured {
                kind: subject.as_ref().map(|subject| subject.kind.to_string()),
                name: subject.as_ref().map(|subject| subject.name.clone()),
                compatibility,
                access: rules.access.map(|access| access_name(access).to_owned()),
            };
            Ok((SCHEMA_CONFIGURED, Json::from_serialize(&configured)?))
        }
        RegistryChange::Deleted { subject, versions, in_use, for_good } => {
            let deleted = SchemaDeleted {
                kind: subject.kind.to_string(),
                name: subject.name.clone(),
                versions: versions.clone(),
                in_use: in_use.clone(),
                for_good: *for_good,
            };
            Ok((SCHEMA_DELETED, Json::from_serialize(&deleted)?))
        }
    }
}

fn registered(schema: &RegisteredSchema) -> SchemaRegistered {
    let reference = &schema.reference;
    let link = |link: &SchemaLink| Reference {
        name: link.name.clone(),
        kind: link.subject.kind.to_string(),
        subject: link.subject.name.clone(),
        version: link.version,
    };
    SchemaRegistered {
        id: reference.id,
        kind: reference.kind.to_string(),
        name: reference.name.clone(),
        version: reference.version,
        digest: reference.digest.to_string(),
        schema: schema.schema.clone(),
        text: schema.text.clone(),
        semantic_version: Some(schema.semantic.to_string()),
        references: schema.links.iter().map(link).collect(),
        owner: schema.owner.clone(),
        upcaster: schema.upcaster.clone().map(|SchemaUpcaster { from, steps }| StoredUpcaster { from, steps }),
    }
}

/// The change that a stored event records.
///
/// # Errors
/// A sentence that says which event cannot be understood, and why.
pub(crate) fn change_of(event: &RecordedEvent) -> Result<RegistryChange, String> {
    let damaged = |error: &dyn fmt::Display| format!("event at position {}: {error}", event.position);
    match event.event_type.as_str() {
        SCHEMA_REGISTERED => {
            let stored: SchemaRegistered = event.payload.to().map_err(|error| damaged(&error))?;
            restored(stored).map_err(|error| damaged(&error))
        }
        SCHEMA_CONFIGURED => {
            let stored: SchemaConfigured = event.payload.to().map_err(|error| damaged(&error))?;
            configured(stored).map_err(|error| damaged(&error))
        }
        SCHEMA_DELETED => {
            let stored: SchemaDeleted = event.payload.to().map_err(|error| damaged(&error))?;
            let subject = subject(&stored.kind, stored.name).map_err(|error| damaged(&error))?;
            let SchemaDeleted { versions, in_use, for_good, .. } = stored;
            Ok(RegistryChange::Deleted { subject, versions, in_use, for_good })
        }
        other => Err(damaged(&format_args!("`{other}` is no change of the registry that this version knows"))),
    }
}

fn restored(stored: SchemaRegistered) -> Result<RegistryChange, String> {
    let digest = stored.digest.parse().map_err(|error| format!("{error}"))?;
    let semantic = match stored.semantic_version {
        Some(text) => text.parse().map_err(|error| format!("{error}"))?,
        // Registered before changes were judged: nothing is known, so each counts as the largest.
        None => SemanticVersion { major: stored.version, minor: 0, patch: 0 },
    };
    let link = |link: Reference| {
        Ok(SchemaLink { name: link.name, subject: subject(&link.kind, link.subject)?, version: link.version })
    };
    let links = stored.references.into_iter().map(link).collect::<Result<_, String>>()?;
    let Subject { kind, name } = subject(&stored.kind, stored.name)?;
    let reference = SchemaRef { id: stored.id, kind, name, version: stored.version, digest };
    Ok(RegistryChange::Registered(Box::new(RegisteredSchema {
        reference,
        semantic,
        schema: stored.schema,
        text: stored.text,
        links,
        owner: stored.owner,
        upcaster: stored.upcaster.map(|StoredUpcaster { from, steps }| SchemaUpcaster { from, steps }),
        deleted: None,
    })))
}

fn configured(stored: SchemaConfigured) -> Result<RegistryChange, String> {
    let subject = match (stored.kind, stored.name) {
        (Some(kind), Some(name)) => Some(subject(&kind, name)?),
        (None, None) => None,
        _ => return Err("a subject has a kind and a name".to_owned()),
    };
    let chosen = |chosen: Compatibility| {
        let mode: CompatibilityMode = chosen.mode.parse().map_err(|error| format!("{error}"))?;
        Ok::<_, String>(ChosenMode { mode, reason: chosen.reason, expires: chosen.expires_at })
    };
    let rules = SubjectRules {
        compatibility: stored.compatibility.map(chosen).transpose()?,
        access: stored.access.map(|name| access(&name)).transpose()?,
    };
    Ok(RegistryChange::Configured { subject, rules })
}

fn subject(kind: &str, name: String) -> Result<Subject, String> {
    match kind {
        "event" => Ok(Subject::new(SchemaKind::Event, name)),
        "command" => Ok(Subject::new(SchemaKind::Command, name)),
        other => Err(format!("unknown kind `{other}`")),
    }
}

const fn access_name(access: SubjectAccess) -> &'static str {
    match access {
        SubjectAccess::ReadWrite => "read-write",
        SubjectAccess::ReadOnly => "read-only",
        SubjectAccess::Import => "import",
    }
}

fn access(name: &str) -> Result<SubjectAccess, String> {
    let all = [SubjectAccess::ReadWrite, SubjectAccess::ReadOnly, SubjectAccess::Import];
    all.into_iter().find(|access| access_name(*access) == name).ok_or_else(|| format!("unknown access `{name}`"))
}

/// The types of these events with their schemas, in the order in which they became known. The first one is that of
/// [`schema_registered_schema`], which every store has had from the beginning.
pub(crate) fn own_schemas() -> [(&'static str, Value); 3] {
    [
        (SCHEMA_REGISTERED, schema_registered_now()),
        (SCHEMA_CONFIGURED, schema_configured_schema()),
        (SCHEMA_DELETED, schema_deleted_schema()),
    ]
}

/// The first version of the schema of `SchemaRegistered`.
pub(crate) fn schema_registered_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA_REGISTERED,
        "description": "A schema version became known; its id and version never change.",
        "type": "object",
        "properties": {
            "id": { "type": "integer", "minimum": 1 },
            "kind": { "enum": ["event", "command"] },
            "name": { "type": "string", "minLength": 1 },
            "version": { "type": "integer", "minimum": 1 },
            "digest": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "schema": {}
        },
        "required": ["id", "kind", "name", "version", "digest", "schema"]
    })
}

/// The same with what was added since.
fn schema_registered_now() -> Value {
    let mut schema = schema_registered_schema();
    let added = json!({
        "text": { "type": "string" },
        "semanticVersion": { "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$" },
        "references": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": { "type": "string" },
                    "kind": { "enum": ["event", "command"] },
                    "subject": { "type": "string", "minLength": 1 },
                    "version": { "type": "integer", "minimum": 1 }
                },
                "required": ["name", "kind", "subject", "version"]
            }
        },
        "owner": { "type": "string" },
        "upcaster": {
            "type": "object",
            "properties": {
                "from": { "type": "integer", "minimum": 1 },
                "steps": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": { "op": { "type": "string" } },
                        "required": ["op"],
                        "additionalProperties": true
                    }
                }
            },
            "required": ["from", "steps"]
        }
    });
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    if let (Some(properties), Value::Object(added)) = (properties, added) {
        properties.extend(added);
    }
    schema
}

fn schema_configured_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA_CONFIGURED,
        "description": "The rules of a subject, or those for all subjects, were replaced.",
        "type": "object",
        "properties": {
            "kind": { "enum": ["event", "command"] },
            "name": { "type": "string", "minLength": 1 },
            "compatibility": {
                "type": "object",
                "properties": {
                    "mode": { "enum": CompatibilityMode::ALL.map(CompatibilityMode::name) },
                    "reason": { "type": "string" },
                    "expiresAt": { "type": "string", "format": "date-time" }
                },
                "required": ["mode"]
            },
            "access": { "enum": ["read-write", "read-only", "import"] }
        }
    })
}

fn schema_deleted_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA_DELETED,
        "description": "Versions of a subject are not written under any more; for good, they are not found either.",
        "type": "object",
        "properties": {
            "kind": { "enum": ["event", "command"] },
            "name": { "type": "string", "minLength": 1 },
            "versions": { "type": "array", "items": { "type": "integer", "minimum": 1 } },
            "inUse": { "type": "array", "items": { "type": "integer", "minimum": 1 } },
            "forGood": { "type": "boolean" }
        },
        "required": ["kind", "name", "versions", "inUse", "forGood"]
    })
}
