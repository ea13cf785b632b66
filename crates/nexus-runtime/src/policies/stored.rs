//! How bundles and decisions are written in the events of `$policies` and `$decisions`.

use std::collections::BTreeMap;

use nexus_core::{Timestamp, ports::PolicyModule};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The stream of the bundles.
pub const POLICIES: &str = "$policies";
/// The stream of the decisions.
pub(crate) const DECISIONS: &str = "$decisions";
pub(crate) const POLICY_ACTIVATED: &str = "PolicyActivated";
pub(crate) const POLICY_COMBINED: &str = "PolicyCombined";
/// The type of the events that tell decisions.
pub const DECISION_RECORDED: &str = "DecisionRecorded";
pub(crate) const DECISIONS_DROPPED: &str = "DecisionsDropped";

/// A bundle came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyActivated {
    /// Digest of everything in force from here on, in hexadecimal; receipts name it.
    pub digest: String,
    /// The modules of the bundle; none when it was taken out of force.
    pub modules: Vec<PolicyModule>,
    /// Which bundle. Records of the first release have none: they tell all modules of the application at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// `declared` by the application or the command line, `pushed`, or `rollback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Who brought it into force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The revision it is a copy of, after a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_to: Option<u64>,
}

/// A policy server beside the embedded policy decided by a policy that had not decided before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyCombined {
    /// Digest of both together, in hexadecimal; receipts name it.
    pub(crate) digest: String,
    /// Digest of the embedded policy.
    pub(crate) embedded: String,
    /// The path that the server is asked.
    pub(crate) path: String,
    /// The revisions of the server's bundles, by name.
    pub(crate) revisions: BTreeMap<String, String>,
    /// Digest of the copy of the server's modules that decided in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mirror: Option<String>,
}

/// What was decided about one request, or about several alike within a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRecorded {
    /// Names the decision; of several, the first.
    pub decision_id: String,
    /// `allowed`, `denied`, `undefined` or `failed`.
    pub outcome: String,
    /// `input.kind`.
    pub kind: String,
    /// `input.action`.
    pub action: String,
    /// `input.resource`; of several, that of the first.
    pub resource: RecordedResource,
    /// Who asked.
    pub actor: RecordedActor,
    /// The circumstances.
    pub context: RecordedContext,
    /// The rules that denied.
    pub rules: Vec<String>,
    /// Why the evaluation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Digest of the bundle that decided.
    pub policy_digest: String,
    /// How long the evaluation took, in microseconds.
    pub elapsed_micros: u64,
    /// The trace the request belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When the first was decided.
    pub at: Timestamp,
    /// How many alike there were.
    pub count: u64,
}

/// On what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedResource {
    /// Its type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Its id.
    pub id: String,
}

/// By whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordedActor {
    /// The actor's id.
    pub id: String,
    /// Its roles.
    pub roles: Vec<String>,
}

/// Under which circumstances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedContext {
    /// The service that was asked.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// The client program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// The types of the platform's own events about policy, with their schemas.
pub(crate) fn own_schemas() -> [(&'static str, Value); 4] {
    [
        (POLICY_ACTIVATED, policy_activated_schema()),
        (DECISION_RECORDED, decision_recorded_schema()),
        (DECISIONS_DROPPED, decisions_dropped_schema()),
        (POLICY_COMBINED, policy_combined_schema()),
    ]
}

fn policy_activated_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": POLICY_ACTIVATED,
        "description": "A policy bundle came into force.",
        "type": "object",
        "properties": {
            "digest": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "modules": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": { "name": { "type": "string" }, "source": { "type": "string" } },
                    "required": ["name", "source"]
                }
            },
            "bundle": { "type": "string" },
            "origin": { "enum": ["declared", "pushed", "rollback"] },
            "author": { "type": "string" },
            "rolledBackTo": { "type": "integer", "minimum": 1 }
        },
        "required": ["digest", "modules"]
    })
}

fn policy_combined_schema() -> Value {
    let digest = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": POLICY_COMBINED,
        "description": "A policy server beside the embedded policy decided by a policy that had not decided before.",
        "type": "object",
        "properties": {
            "digest": digest,
            "embedded": digest,
            "path": { "type": "string" },
            "revisions": { "type": "object", "additionalProperties": { "type": "string" } },
            "mirror": digest
        },
        "required": ["digest", "embedded", "path", "revisions"]
    })
}

fn decision_recorded_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": DECISION_RECORDED,
        "description": "The policy decided about a request, or about several alike within a second.",
        "type": "object",
        "properties": {
            "decisionId": text,
            "outcome": { "enum": ["allowed", "denied", "undefined", "failed"] },
            "kind": { "enum": ["command", "append", "query", "temporal", "subscribe", "admin"] },
            "action": text,
            "resource": { "type": "object", "properties": { "type": text, "id": text }, "required": ["type", "id"] },
            "actor": {
                "type": "object",
                "properties": { "id": text, "roles": { "type": "array", "items": text } },
                "required": ["id", "roles"]
            },
            "context": {
                "type": "object",
                "properties": { "service": text, "environment": text, "clientId": text },
                "required": ["service", "environment"]
            },
            "rules": { "type": "array", "items": text },
            "reason": text,
            "policyDigest": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "elapsedMicros": { "type": "integer", "minimum": 0 },
            "traceId": text,
            "at": { "type": "string", "format": "date-time" },
            "count": { "type": "integer", "minimum": 1 }
        },
        "required": [
            "decisionId", "outcome", "kind", "action", "resource", "actor", "context", "rules", "policyDigest",
            "elapsedMicros", "at", "count"
        ]
    })
}

fn decisions_dropped_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": DECISIONS_DROPPED,
        "description": "More was denied within a second than is written down; only the number is kept.",
        "type": "object",
        "properties": { "count": { "type": "integer", "minimum": 1 } },
        "required": ["count"]
    })
}
