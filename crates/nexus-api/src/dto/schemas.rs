use std::collections::BTreeMap;

use nexus_core::{
    Timestamp,
    ports::{
        CompatibilityBreach, CompatibilityMode, CompatibilityReport, RegisteredSchema, SchemaChange, SchemaLink,
        SubjectAccess, SubjectInfo, SubjectRules, Violation,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::dto::SchemaUpcasterDto;

/// Registered schemas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SchemaList {
    /// The newest version of each, by kind and name, without their text.
    pub schemas: Vec<SchemaDto>,
    /// Cursor of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The versions of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SchemaVersions {
    /// Ascending, without their text.
    pub versions: Vec<SchemaDto>,
}

/// One registered version of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaDto {
    /// Unique id over all schemas, stable for ever.
    pub id: u32,
    /// `event` or `command`.
    pub kind: String,
    /// The type it describes.
    pub name: String,
    /// Version of the schema of that type, from 1.
    pub version: u32,
    /// `MAJOR.MINOR.PATCH`, computed from what changed.
    #[serde(default)]
    pub semantic_version: String,
    /// SHA-256 over the schema's canonical text and its references.
    pub digest: String,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The registered schemas it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<SchemaReferenceDto>,
    /// Members of the schema that are meant for the platform: `x-nexus-path`, ….
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub annotations: BTreeMap<String, Value>,
    /// Whether it was deleted, so that nothing is written under it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// What brings events of an earlier version to this one; left out in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upcaster: Option<SchemaUpcasterDto>,
    /// JSON Schema; left out in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
}

/// A use of another registered schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaReferenceDto {
    /// What stands in `$ref`, before any `#`.
    pub name: String,
    /// `event` or `command`.
    pub kind: String,
    /// The name referred to.
    pub subject: String,
    /// Its version.
    pub version: u32,
}

/// One subject: its rules and its versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectDto {
    /// `event` or `command`.
    pub kind: String,
    /// The type its schemas describe.
    pub name: String,
    /// Who answers for the newest version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The newest version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<u32>,
    /// What holds for it.
    #[serde(flatten)]
    pub rules: SubjectRulesDto,
    /// Its versions, ascending, without their text; deleted ones are marked.
    pub versions: Vec<SchemaDto>,
}

/// What holds for a subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectRulesDto {
    /// Which changes of its schema are accepted.
    pub compatibility: ModeDto,
    /// `read-write`, `read-only` or `import`.
    pub access: String,
}

/// A compatibility mode, and why it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModeDto {
    /// `BACKWARD_TRANSITIVE`, ….
    pub mode: String,
    /// `subject`, `global` or `default`.
    pub source: String,
    /// Why it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// Whether a schema may follow the versions before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompatibilityDto {
    /// Whether nothing stands against it.
    pub compatible: bool,
    /// `none`, `patch`, `minor` or `major`: the smallest raise of the semantic version.
    pub required_bump: String,
    /// The mode it was judged under.
    pub mode: String,
    /// The versions it was compared with.
    pub against: Vec<u32>,
    /// Everything that stands against it.
    pub violations: Vec<BreachDto>,
    /// Who would notice the change.
    pub affected: Vec<AffectedDto>,
}

/// One reason why a schema may not follow another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreachDto {
    /// Stable name of what is broken.
    pub rule: String,
    /// JSON Pointer into the schema that refuses.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What would make it right.
    pub fix: String,
    /// A document that one of the two accepts and the other refuses, when one was found.
    #[schema(required = true, value_type = Option<Object>)]
    pub counter_example: Option<Value>,
    /// The earlier version that it breaks with.
    pub version: u32,
    /// `backward` (the new schema refuses old documents) or `forward` (the old one refuses new ones).
    pub direction: String,
}

/// Somebody who would notice a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AffectedDto {
    /// `aggregate`, `command`, `projection` or `schema`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How it uses the subject.
    pub how: String,
}

/// What changed from one version to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaDiffDto {
    /// The earlier version.
    pub from: u32,
    /// The later version.
    pub to: u32,
    /// The differences, in the order of the later one.
    pub changes: Vec<SchemaChangeDto>,
}

/// One difference between two schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaChangeDto {
    /// JSON Pointer into the schema.
    pub pointer: String,
    /// `added`, `removed` or `changed`.
    pub kind: String,
    /// The difference, for a person.
    pub description: String,
    /// What this change alone asks for.
    pub bump: String,
    /// What to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Whether a document fits a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValidationDto {
    /// Whether it does.
    pub valid: bool,
    /// The schema it was checked against.
    pub schema: SchemaDto,
    /// Every place where it does not fit, at most 100.
    pub violations: Vec<ViolationDto>,
}

/// One place where a document breaks its schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ViolationDto {
    /// JSON Pointer into the document.
    pub pointer: String,
    /// The keyword that failed.
    pub rule: String,
    /// What is wrong.
    pub message: String,
}

/// How many stored events carry the schemas of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaUsageDto {
    /// How many carry any of them.
    pub events: u64,
    /// By version.
    pub versions: Vec<VersionUsageDto>,
    /// Everything up to this position was looked at.
    pub reached: u64,
    /// Whether that is the whole log; when not, go on with `after=<reached>`.
    pub complete: bool,
}

/// How many stored events carry one schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionUsageDto {
    /// Id of the schema.
    pub schema_id: u32,
    /// Its version; null when it was deleted for good.
    #[schema(required = true)]
    pub version: Option<u32>,
    /// How many.
    pub events: u64,
    /// Position of the first.
    pub first: u64,
    /// Position of the last.
    pub last: u64,
}

/// What a schema would say to the events that are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogDryRunDto {
    /// `0 of 17 stored events fail`.
    pub summary: String,
    /// How many events were checked.
    pub checked: u64,
    /// How many of them it refuses.
    pub failed: u64,
    /// The first of those.
    #[schema(required = true)]
    pub first: Option<DryRunFailureDto>,
    /// Everything up to this position was looked at.
    pub reached: u64,
    /// Whether that is the whole log; when not, go on with `after=<reached>`.
    pub complete: bool,
}

/// A stored event that a schema refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRunFailureDto {
    /// Its position.
    pub position: u64,
    /// Its stream.
    pub aggregate_id: String,
    /// Its version there.
    pub aggregate_version: u64,
    /// What is wrong with it.
    pub violations: Vec<ViolationDto>,
}

impl SchemaDto {
    /// A schema without its text.
    #[must_use]
    pub fn listed(known: &RegisteredSchema) -> Self {
        let reference = &known.reference;
        Self {
            id: reference.id,
            kind: reference.kind.to_string(),
            name: reference.name.clone(),
            version: reference.version,
            semantic_version: known.semantic.to_string(),
            digest: reference.digest.to_string(),
            owner: known.owner.clone(),
            references: known.links.iter().map(SchemaReferenceDto::from).collect(),
            annotations: known.annotations().map(|(name, value)| (name.to_owned(), value.clone())).collect(),
            deleted: known.deleted.is_some(),
            upcaster: None,
            schema: None,
        }
    }

    /// A schema with its text and its upcaster.
    #[must_use]
    pub fn whole(known: &RegisteredSchema) -> Self {
        let upcaster = known.upcaster.as_ref().map(SchemaUpcasterDto::from);
        Self { schema: Some(known.schema.clone()), upcaster, ..Self::listed(known) }
    }
}

impl From<&SchemaLink> for SchemaReferenceDto {
    fn from(link: &SchemaLink) -> Self {
        Self {
            name: link.name.clone(),
            kind: link.subject.kind.to_string(),
            subject: link.subject.name.clone(),
            version: link.version,
        }
    }
}

impl SubjectDto {
    /// A subject under the rules for all at a moment.
    #[must_use]
    pub fn of(info: &SubjectInfo, global: &SubjectRules, now: Timestamp) -> Self {
        let newest = info.newest();
        Self {
            kind: info.subject.kind.to_string(),
            name: info.subject.name.clone(),
            owner: newest.and_then(|newest| newest.owner.clone()),
            newest: newest.map(|newest| newest.reference.version),
            rules: SubjectRulesDto::of(info, global, now),
            versions: info.versions.iter().map(|known| SchemaDto::listed(known)).collect(),
        }
    }
}

impl SubjectRulesDto {
    fn of(info: &SubjectInfo, global: &SubjectRules, now: Timestamp) -> Self {
        let sources = [("subject", &info.rules), ("global", global)].into_iter();
        let mut chosen = sources.filter_map(|(source, rules)| Some((source, rules.compatibility.as_ref()?)));
        let compatibility = match chosen.find(|(_, chosen)| chosen.holds(now)) {
            Some((source, chosen)) => ModeDto {
                mode: chosen.mode.to_string(),
                source: source.to_owned(),
                reason: chosen.reason.clone(),
                expires_at: chosen.expires,
            },
            None => ModeDto {
                mode: CompatibilityMode::of(info.subject.kind).to_string(),
                source: "default".to_owned(),
                reason: None,
                expires_at: None,
            },
        };
        let access = info.rules.access.or(global.access).unwrap_or_default();
        let access = match access {
            SubjectAccess::ReadWrite => "read-write",
            SubjectAccess::ReadOnly => "read-only",
            SubjectAccess::Import => "import",
        };
        Self { compatibility, access: access.to_owned() }
    }
}

impl CompatibilityDto {
    /// A report, with those who would notice.
    #[must_use]
    pub fn of(report: CompatibilityReport, affected: Vec<AffectedDto>) -> Self {
        Self {
            compatible: report.compatible,
            required_bump: report.required_bump.to_string(),
            mode: report.mode.to_string(),
            against: report.against,
            violations: report.breaches.into_iter().map(BreachDto::from).collect(),
            affected,
        }
    }
}

impl From<CompatibilityBreach> for BreachDto {
    fn from(breach: CompatibilityBreach) -> Self {
        Self {
            rule: breach.rule,
            pointer: breach.pointer,
            message: breach.message,
            fix: breach.fix,
            counter_example: breach.counter_example,
            version: breach.version,
            direction: breach.direction.to_string(),
        }
    }
}

impl From<SchemaChange> for SchemaChangeDto {
    fn from(change: SchemaChange) -> Self {
        Self {
            pointer: change.pointer,
            kind: change.kind.to_string(),
            description: change.description,
            bump: change.bump.to_string(),
            warning: change.warning,
        }
    }
}

impl From<Violation> for ViolationDto {
    fn from(violation: Violation) -> Self {
        Self { pointer: violation.pointer, rule: violation.keyword, message: violation.message }
    }
}
