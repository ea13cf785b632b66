use nexus_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The commands that can be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandList {
    /// The commands, by type.
    pub commands: Vec<CommandDto>,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandDto {
    /// Its type.
    pub command_type: String,
    /// The aggregate that decides it.
    pub aggregate: String,
    /// Whether the aggregate must exist: `create` (it must not), `exists` (it must) or `upsert` (either).
    pub when: String,
    /// The events its aggregate may decide.
    pub events: Vec<String>,
    /// JSON Schema of its payload.
    #[schema(value_type = Object)]
    pub schema: Value,
    /// A payload that fits the schema.
    #[schema(value_type = Object)]
    pub example: Value,
    /// Digest of the policy bundle that judges it.
    pub policy_digest: String,
}

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyList {
    /// Digest of everything that is evaluated.
    pub digest: String,
    /// The bundles in force.
    pub bundles: Vec<PolicyBundleDto>,
}

/// A policy bundle as it came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyBundleDto {
    /// Its name.
    pub name: String,
    /// Digest of its modules.
    pub digest: String,
    /// How many bundles had come into force when it did, itself included.
    pub revision: u64,
    /// Who brought it into force.
    pub author: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub activated_at: Timestamp,
    /// Names of its modules.
    pub modules: Vec<String>,
}
