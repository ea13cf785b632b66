use nexus_core::{ports::SchemaUpcaster, upcast::Steps};
use nexus_runtime::Proof;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The upcaster that was registered with a version and leads to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SchemaUpcasterDto {
    /// The version it begins at.
    pub from: u32,
    /// What it does, step by step: `{"op": "rename", "from": "/total", "to": "/totalMinor"}`, ….
    #[schema(value_type = Vec<Object>)]
    pub steps: Steps,
}

/// How an upcaster was tried, and the first that it does not bring to the new version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpcasterProofDto {
    /// The version it leads to.
    pub to: u32,
    /// How many samples were tried.
    pub samples: u64,
    /// The first sample that failed.
    #[schema(required = true)]
    pub failed_sample: Option<FailedSampleDto>,
    /// How many stored events were tried.
    pub events: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The first of those.
    #[schema(required = true)]
    pub first: Option<FailedEventDto>,
}

/// A payload that a version of the schema allows, and that an upcaster fails on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedSampleDto {
    /// The version of the schema it is of.
    pub schema_version: u32,
    /// The payload.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// What happened.
    pub reason: String,
}

/// A stored event that an upcaster fails on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedEventDto {
    /// Its position.
    pub position: u64,
    /// Its stream.
    pub aggregate_id: String,
    /// Its version there.
    pub aggregate_version: u64,
    /// The version of the schema it is stored with.
    pub schema_version: u32,
    /// JSON Pointer to the part of its payload that is to blame, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What happened.
    pub reason: String,
}

impl UpcasterProofDto {
    /// What a proof of an upcaster to this version found.
    #[must_use]
    pub fn of(to: u32, proof: &Proof) -> Self {
        let failed_sample = proof.failed_sample.as_ref().map(|failed| FailedSampleDto {
            schema_version: failed.sample.version,
            payload: failed.sample.payload.clone(),
            reason: failed.fault.to_string(),
        });
        let first = proof.first_failure.as_ref().map(|error| FailedEventDto {
            position: error.position.get(),
            aggregate_id: error.stream.to_string(),
            aggregate_version: error.version.get(),
            schema_version: error.stored,
            pointer: error.pointer().map(str::to_owned),
            reason: error.fault.to_string(),
        });
        let Proof { samples, events, failed, .. } = *proof;
        Self { to, samples, failed_sample, events, failed, first }
    }
}

impl From<&SchemaUpcaster> for SchemaUpcasterDto {
    fn from(upcaster: &SchemaUpcaster) -> Self {
        Self { from: upcaster.from, steps: upcaster.steps.clone() }
    }
}
