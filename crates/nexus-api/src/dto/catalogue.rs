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
