use std::collections::BTreeMap;

use nexus_core::{
    Timestamp,
    ports::{Denial, ExplainedRule, PolicyCoverage, PolicyMirrorStatus, PolicyServerStatus, Severity},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyList {
    /// Digest of everything that is evaluated; receipts name it.
    pub digest: String,
    /// The bundles in force, by name.
    pub bundles: Vec<PolicyBundleDto>,
    /// The policy server that is asked beside them, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<PolicyServerDto>,
}

/// A policy server and how it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyServerDto {
    /// Its address.
    pub url: String,
    /// The path that is asked.
    pub path: String,
    /// `unknown` before it is asked, `answering`, `failing`, or `away` while it is left alone.
    pub state: String,
    /// When it answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_answer: Option<Timestamp>,
    /// What went wrong last, unless the last answer was fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The revisions of its bundles, as it named them last.
    pub revisions: BTreeMap<String, String>,
    /// What is done while it cannot be reached: `last-known-good`, `embedded` or `deny`.
    pub when_unreachable: String,
    /// The copy of its modules that is asked meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<PolicyMirrorDto>,
}

/// The copy of the modules of a policy server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyMirrorDto {
    /// Whether there is one that can be asked.
    pub ready: bool,
    /// Its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When the server was last found to have these modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub taken_at: Option<Timestamp>,
    /// Why there is none, or why it could not be renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl From<PolicyServerStatus> for PolicyServerDto {
    fn from(status: PolicyServerStatus) -> Self {
        Self {
            url: status.url,
            path: status.path,
            state: status.reach.as_str().to_owned(),
            last_answer: status.last_answer,
            last_error: status.last_error,
            revisions: status.revisions,
            when_unreachable: status.when_unreachable,
            mirror: status.mirror.map(PolicyMirrorDto::from),
        }
    }
}

impl From<PolicyMirrorStatus> for PolicyMirrorDto {
    fn from(mirror: PolicyMirrorStatus) -> Self {
        Self {
            ready: mirror.digest.is_some(),
            digest: mirror.digest.map(|digest| digest.to_string()),
            taken_at: mirror.taken_at,
            trouble: mirror.trouble,
        }
    }
}

/// A policy bundle as it came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyBundleDto {
    /// Its name.
    pub name: String,
    /// The version of `$policies` that brought it into force.
    pub revision: u64,
    /// `declared` by the application or the command line, `pushed`, or `rollback`.
    pub origin: String,
    /// Who brought it into force.
    pub author: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub activated_at: Timestamp,
    /// Names of its modules.
    pub modules: Vec<String>,
}

/// A bundle with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicySources {
    /// The bundle.
    #[serde(flatten)]
    pub bundle: PolicyBundleDto,
    /// Its modules.
    pub sources: Vec<PolicyModuleDto>,
}

/// One file of policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyModuleDto {
    /// Its name.
    pub name: String,
    /// Its text.
    pub source: String,
}

/// A bundle that came into force just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyActivatedDto {
    /// The bundle.
    #[serde(flatten)]
    pub bundle: PolicyBundleDto,
    /// Its tests, all of which hold.
    pub tests: Vec<PolicyTestDto>,
}

/// A test that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyTestDto {
    /// Its full name.
    pub name: String,
    /// The module it is in.
    pub module: String,
    /// Line where it begins.
    pub line: u32,
    /// How long it took, in microseconds.
    pub elapsed_micros: u64,
}

/// What the policy says to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationDto {
    /// Whether the request would go on.
    pub allowed: bool,
    /// `allowed`, `denied`, `undefined` or `failed`.
    pub outcome: String,
    /// The rules that deny.
    pub denials: Vec<DenialDto>,
    /// Why the evaluation failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Digest of the policy that was asked.
    pub digest: String,
    /// How long it took, in microseconds.
    pub elapsed_micros: u64,
    /// Every definition of `allow` and `deny`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<ExplainedRuleDto>>,
    /// The lines the evaluation went through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Vec<CoverageDto>>,
}

/// One rule that says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DenialDto {
    /// Its id.
    pub id: String,
    /// What is wrong.
    pub message: String,
    /// What would make it a yes.
    pub remediation: String,
    /// `error`, or `warning` that lets the request go on.
    pub severity: String,
}

/// A definition of a rule and whether it holds for the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedRuleDto {
    /// The rule.
    pub rule: String,
    /// The module it is in.
    pub module: String,
    /// Line where the definition begins.
    pub line: u32,
    /// Whether it holds.
    pub fired: bool,
}

/// The lines of a module an evaluation went through, and those it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CoverageDto {
    /// The module.
    pub module: String,
    /// Lines that were evaluated.
    pub covered: Vec<u32>,
    /// Lines that were not.
    pub uncovered: Vec<u32>,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionList {
    /// The decisions, oldest first.
    pub decisions: Vec<RecordedDecisionDto>,
    /// Where to go on with `after`.
    pub next: u64,
    /// The newest position of the log.
    pub head: u64,
}

/// One event of `$decisions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedDecisionDto {
    /// Its position in the log.
    pub position: u64,
    /// `DecisionRecorded`, or `DecisionsDropped` with a number only.
    pub event_type: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// What was decided about whom, by which rules.
    pub decision: serde_json::Value,
}

impl From<&Denial> for DenialDto {
    fn from(denial: &Denial) -> Self {
        let severity = match denial.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        Self {
            id: denial.id.clone(),
            message: denial.message.clone(),
            remediation: denial.remediation.clone(),
            severity: severity.to_owned(),
        }
    }
}

impl From<ExplainedRule> for ExplainedRuleDto {
    fn from(rule: ExplainedRule) -> Self {
        Self { rule: rule.rule, module: rule.module, line: rule.line, fired: rule.fired }
    }
}

impl From<PolicyCoverage> for CoverageDto {
    fn from(coverage: PolicyCoverage) -> Self {
        Self { module: coverage.module, covered: coverage.covered, uncovered: coverage.uncovered }
    }
}
