use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::StorageInfo;

/// The read models and how far each has followed the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProjectionList {
    /// The projections, by name.
    pub projections: Vec<ProjectionStatus>,
}

/// How far one projection is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionStatus {
    /// Its name, which is also the resource it serves.
    pub name: String,
    /// `catching-up`, `live`, `retrying`, or `stopped` before an event that no trying again helps with.
    pub state: String,
    /// Everything up to here is in the rows.
    pub checkpoint: u64,
    /// The newest durable position.
    pub head: u64,
    /// Events it has not looked at yet.
    pub lag_events: u64,
    /// Age of the newest event in the rows, when there are events it has not looked at; else 0.
    pub lag_seconds: f64,
    /// Events per second while catching up; null when it is not measured.
    #[schema(required = true)]
    pub drain_rate: Option<f64>,
    /// The last failure, until the next success.
    #[schema(required = true)]
    pub last_error: Option<ProjectionErrorDto>,
    /// The event types it follows.
    pub event_types: Vec<String>,
    /// The fields of its rows.
    pub fields: Vec<String>,
}

/// Why a projection cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionErrorDto {
    /// What happened.
    pub reason: String,
    /// The event that was being applied, if it was one.
    #[schema(required = true)]
    pub position: Option<u64>,
    /// How often it has been tried in a row.
    pub attempts: u32,
}

/// Whether a projection is well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionHealth {
    /// Its name.
    pub name: String,
    /// Whether it follows the log without trouble.
    pub healthy: bool,
    /// `healthy`, `catching-up` or `unhealthy`.
    pub status: String,
    /// Why it is not healthy; empty when it is.
    pub reason: String,
    /// Events it has not looked at yet.
    pub lag_events: u64,
    /// As in the status.
    pub lag_seconds: f64,
}

/// What is running, and where its data is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionInfo {
    /// Name of the application.
    pub service: String,
    /// `dev`, `production`, ….
    pub environment: String,
    /// Version of the program.
    pub version: String,
    /// Revision of its source, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Where data is kept.
    pub storage: StorageInfo,
}

/// Whether the server takes traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// `ready`; otherwise the answer is a problem document.
    pub status: String,
    /// What was looked at; only when asked with `verbose`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<ReadinessCheck>,
}

/// One thing readiness looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadinessCheck {
    /// What.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// Whether traffic must stay away when it is not.
    pub required: bool,
    /// What was found.
    pub detail: String,
}
