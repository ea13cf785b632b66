use std::{fmt, str::FromStr, sync::Arc};

use serde_json::Value;

use crate::{
    event::Digest,
    json::Json,
    ports::{
        CompatibilityMode, CompatibilityReport, RegisterError, SchemaBump, SchemaChange, SchemaKind, SchemaRef,
        SchemaRefusal, SchemaRegistry, Violation,
    },
    time::Timestamp,
    upcast::Steps,
};

/// A schema registry whose subjects can be changed: versions are registered and deleted, rules are set.
///
/// A change happens in three steps, so that what is known never runs ahead of what is stored: a `plan_…` says what
/// the change would be and changes nothing; the caller stores it; [`apply`](Self::apply) makes it. Whoever plans must
/// see to it that nobody else does before the change is applied. What every adapter must hold:
/// - ids and versions are dense in the order of registration and never given twice, not even after a deletion;
/// - a plan changes nothing, and applying a change twice is applying it once;
/// - what was deleted is not written under any more; what was deleted for good is not found any more;
/// - what another schema refers to is not deleted;
/// - an upcaster belongs to its version for ever, and a version that upcasters lead through is not deleted for good
///   alone.
///
/// An upcaster stands for what a schema refuses of earlier documents. Whether it really does is not for the registry
/// to say: whoever applies such a plan has proven it before.
pub trait SubjectRegistry: SchemaRegistry {
    /// What registering would do at this moment.
    ///
    /// # Errors
    /// [`RegisterError`] when the schema is not usable, breaks the rules of its subject, or may not be registered.
    fn plan_registration(&self, wanted: &Registration, now: Timestamp) -> Result<RegistrationPlan, RegisterError>;

    /// What deleting would do: one live version, or all of them; for good only what was deleted before.
    ///
    /// # Errors
    /// When there is nothing to delete, or another schema refers to it.
    fn plan_deletion(
        &self,
        subject: &Subject,
        version: Option<u32>,
        for_good: bool,
    ) -> Result<RegistryChange, RegisterError>;

    /// Makes a change that was stored.
    ///
    /// # Errors
    /// When it contradicts what is known.
    fn apply(&self, change: RegistryChange) -> Result<(), RegisterError>;

    /// Whether a schema could be registered, with everything that stands against it. `against` names the version to
    /// compare with; without it the subject's mode decides.
    ///
    /// # Errors
    /// When the schema is not usable or the version is unknown.
    fn judge(
        &self,
        wanted: &Registration,
        against: Option<u32>,
        now: Timestamp,
    ) -> Result<CompatibilityReport, RegisterError>;

    /// Whether every document that one version lets in is one of another, whatever mode is in force. Neither has to be
    /// registered.
    ///
    /// # Errors
    /// When one of them is not usable.
    fn fits(&self, older: &RegisteredSchema, newer: &RegisteredSchema) -> Result<CompatibilityReport, RegisterError>;

    /// Checks a stored document against the version it is stored under or brought to, deleted or not.
    ///
    /// # Errors
    /// [`SchemaRefusal`] when there is no such version or the document breaks it.
    fn check_stored(&self, subject: &Subject, version: u32, document: &Json) -> Result<(), SchemaRefusal>;

    /// What changed from one version to another.
    ///
    /// # Errors
    /// When one of them is unknown.
    fn compare(&self, subject: &Subject, from: u32, to: u32) -> Result<Vec<SchemaChange>, RegisterError>;

    /// Makes a schema that is not registered ready to check documents.
    ///
    /// # Errors
    /// When it is not usable.
    fn compile(&self, schema: &Value, links: &[SchemaLink]) -> Result<Box<dyn DocumentCheck>, RegisterError>;

    /// A schema by its id, deleted or not.
    fn by_id(&self, id: u32) -> Option<Arc<RegisteredSchema>>;

    /// All schemas with this digest, by id.
    fn by_digest(&self, digest: Digest) -> Vec<Arc<RegisteredSchema>>;

    /// The version of a subject that is this very schema.
    ///
    /// # Errors
    /// When the schema is not usable.
    fn same(&self, wanted: &Registration) -> Result<Option<Arc<RegisteredSchema>>, RegisterError>;

    /// The schemas that refer to this one, by id.
    fn referrers(&self, id: u32) -> Vec<Arc<RegisteredSchema>>;

    /// Everything known about one subject.
    fn subject(&self, subject: &Subject) -> Option<SubjectInfo>;

    /// The subjects in order, deleted ones included.
    fn subjects(&self, after: Option<&Subject>, limit: usize) -> Vec<SubjectInfo>;

    /// The rules that hold where a subject has none of its own.
    fn global_rules(&self) -> SubjectRules;

    /// A registry of the same kind without any schema, for looking at the past.
    fn empty(&self) -> Arc<dyn SubjectRegistry>;
}

/// Checks documents against one schema.
pub trait DocumentCheck: Send + Sync {
    /// Every way in which the document breaks the schema, at most 100; empty when it is valid.
    fn violations(&self, document: &Json) -> Vec<Violation>;
}

/// What a schema is about: one event type or one command type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// What it describes.
    pub kind: SchemaKind,
    /// The type.
    pub name: String,
}

impl Subject {
    /// The subject of this kind and name.
    #[must_use]
    pub fn new(kind: SchemaKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

/// A use of another registered schema: where the schema says `$ref: "<name>"`, that version is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaLink {
    /// What stands in `$ref`, before any `#`.
    pub name: String,
    /// The subject referred to.
    pub subject: Subject,
    /// Its version.
    pub version: u32,
}

/// A schema that somebody wants registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// Of which subject it is to be the next version.
    pub subject: Subject,
    /// JSON Schema.
    pub schema: Value,
    /// The schema as its author wrote it, to give back when asked.
    pub text: Option<String>,
    /// The registered schemas it refers to.
    pub links: Vec<SchemaLink>,
    /// Who answers for it; the schema's `x-nexus-owner` when not given.
    pub owner: Option<String>,
    /// The version its author expects it to become.
    pub version: Option<WantedVersion>,
    /// Id and version it had elsewhere; only where the subject may be imported.
    pub import: Option<ImportedAs>,
    /// Rules that replace the subject's own from this registration on; it is judged by them already.
    pub rules: Option<SubjectRules>,
    /// What brings events of the version before to this one.
    pub upcaster: Option<Steps>,
}

impl Registration {
    /// A registration without further wishes.
    #[must_use]
    pub fn new(subject: Subject, schema: Value) -> Self {
        let (links, upcaster) = (Vec::new(), None);
        Self { subject, schema, text: None, links, owner: None, version: None, import: None, rules: None, upcaster }
    }
}

/// The version a registration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedVersion {
    /// Exactly this number.
    Number(u32),
    /// This semantic version, which must be at least the computed one.
    Semantic(SemanticVersion),
}

/// The place of a schema in the registry it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportedAs {
    /// Its id there; `None` takes the next one.
    pub id: Option<u32>,
    /// Its version there; `None` takes the next one.
    pub version: Option<u32>,
}

/// What a change of a schema means to those who use it: `MAJOR.MINOR.PATCH`, computed from the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SemanticVersion {
    /// Raised by a breaking change.
    pub major: u32,
    /// Raised when more documents are accepted.
    pub minor: u32,
    /// Raised when the same documents are accepted.
    pub patch: u32,
}

impl SemanticVersion {
    /// The version of a subject's first schema.
    pub const FIRST: Self = Self { major: 1, minor: 0, patch: 0 };

    /// The smallest version that a change of this weight leads to.
    #[must_use]
    pub fn raised(self, bump: SchemaBump) -> Self {
        match bump {
            SchemaBump::Major => Self { major: self.major.saturating_add(1), minor: 0, patch: 0 },
            SchemaBump::Minor => Self { minor: self.minor.saturating_add(1), patch: 0, ..self },
            SchemaBump::Patch => Self { patch: self.patch.saturating_add(1), ..self },
            SchemaBump::None => self,
        }
    }
}

impl fmt::Display for SemanticVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A text is not `MAJOR.MINOR.PATCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a semantic version is MAJOR.MINOR.PATCH, three whole numbers")]
pub struct InvalidSemanticVersion;

impl FromStr for SemanticVersion {
    type Err = InvalidSemanticVersion;

    fn from_str(text: &str) -> Result<Self, InvalidSemanticVersion> {
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let mut parts = text.split('.').map(|part| plain(part).then(|| part.parse().ok()).flatten());
        match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next()) {
            (Some(major), Some(minor), Some(patch), None) => Ok(Self { major, minor, patch }),
            _ => Err(InvalidSemanticVersion),
        }
    }
}

/// What a registration comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum RegistrationPlan {
    /// The subject has this very schema already.
    Known(Arc<RegisteredSchema>),
    /// It becomes this version.
    New(Box<RegisteredSchema>),
}

/// One registered version of a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredSchema {
    /// Which one it is.
    pub reference: SchemaRef,
    /// What its change from the version before means to those who use it.
    pub semantic: SemanticVersion,
    /// JSON Schema.
    pub schema: Value,
    /// The schema as its author wrote it, where that differs from what `schema` writes.
    pub text: Option<String>,
    /// The registered schemas it refers to.
    pub links: Vec<SchemaLink>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What brings events of an earlier version to this one.
    pub upcaster: Option<SchemaUpcaster>,
    /// Whether it was deleted, so that nothing is written under it any more.
    pub deleted: Option<Deletion>,
}

/// The upcaster that was registered with a version and leads to it.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaUpcaster {
    /// The version it begins at.
    pub from: u32,
    /// What it does.
    pub steps: Steps,
}

impl RegisteredSchema {
    /// The subject it is a version of.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::new(self.reference.kind, self.reference.name.clone())
    }

    /// The members of the schema that are meant for the platform: `x-nexus-path`, `x-nexus-owner`, ….
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &Value)> {
        let members = self.schema.as_object().into_iter().flatten();
        members.filter(|(name, _)| name.starts_with("x-nexus-")).map(|(name, value)| (name.as_str(), value))
    }
}

/// What was left of a version when it was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Documents are stored under it, so later versions are still judged against it.
    InUse,
    /// Nothing was ever stored under it.
    Unused,
}

/// A change of the registry, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum RegistryChange {
    /// A version became known.
    Registered(Box<RegisteredSchema>),
    /// The rules of a subject, or those for all, were replaced.
    Configured {
        /// Whose; `None` means all that have none of their own.
        subject: Option<Subject>,
        /// The rules from now on.
        rules: SubjectRules,
    },
    /// Versions were deleted.
    Deleted {
        /// Of this subject.
        subject: Subject,
        /// These versions.
        versions: Vec<u32>,
        /// Those of them under which documents are stored, or may be.
        in_use: Vec<u32>,
        /// Whether they are not to be found any more either.
        for_good: bool,
    },
}

/// What holds for the versions of a subject. What is `None` is decided elsewhere: by the rules for all, or by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubjectRules {
    /// Which changes of a schema are accepted.
    pub compatibility: Option<ChosenMode>,
    /// Which writes are accepted at all.
    pub access: Option<SubjectAccess>,
}

/// A compatibility mode that somebody chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenMode {
    /// The mode.
    pub mode: CompatibilityMode,
    /// Why.
    pub reason: Option<String>,
    /// Until when; `None` means for good.
    pub expires: Option<Timestamp>,
}

impl ChosenMode {
    /// Longest time in days for which a mode weaker than the default holds, and the time when nobody says.
    pub const LONGEST_DAYS: i64 = 30;

    /// The choice as it may be recorded: one that is weaker than the default of the kind ends by itself.
    #[must_use]
    pub fn bounded(mut self, kind: SchemaKind, now: Timestamp) -> Self {
        if self.mode.is_weaker_than(CompatibilityMode::of(kind)) {
            let latest = now.saturating_add_micros(Self::LONGEST_DAYS * 24 * 3600 * 1_000_000);
            self.expires = Some(self.expires.map_or(latest, |expires| expires.min(latest)));
        }
        self
    }

    /// Whether it still holds.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Which writes a subject accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubjectAccess {
    /// Registering new versions.
    #[default]
    ReadWrite,
    /// None.
    ReadOnly,
    /// Registering under ids and versions that were given elsewhere, without judging.
    Import,
}

/// Everything known about one subject, without the text of its schemas.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectInfo {
    /// Which one.
    pub subject: Subject,
    /// Its own rules.
    pub rules: SubjectRules,
    /// Its versions, ascending; deleted ones are marked.
    pub versions: Vec<Arc<RegisteredSchema>>,
}

impl SubjectInfo {
    /// The newest version that is not deleted.
    #[must_use]
    pub fn newest(&self) -> Option<&Arc<RegisteredSchema>> {
        self.versions.iter().rev().find(|version| version.deleted.is_none())
    }

    /// One version, deleted or not.
    #[must_use]
    pub fn version(&self, version: u32) -> Option<&Arc<RegisteredSchema>> {
        self.versions.iter().find(|known| known.reference.version == version)
    }

    /// The version through which upcasters lead to one that stays when `version` goes for good; `None` when nothing
    /// depends on it.
    #[must_use]
    pub fn led_through(&self, version: u32) -> Option<u32> {
        let leads = self.version(version).is_some_and(|known| known.upcaster.is_some());
        let others = self.versions.iter().filter(|known| known.reference.version != version);
        let depends = |known: &&Arc<RegisteredSchema>| {
            known.upcaster.as_ref().is_some_and(|upcaster| upcaster.from == version)
                || (leads && known.reference.version > version)
        };
        others.filter(depends).map(|known| known.reference.version).next()
    }

    /// The mode in force at a moment, given the rules for all.
    #[must_use]
    pub fn mode(&self, global: &SubjectRules, now: Timestamp) -> CompatibilityMode {
        mode_in_force(self.subject.kind, &self.rules, global, now)
    }
}

/// The mode that holds at a moment: the subject's own, else the one for all, else the default of its kind.
#[must_use]
pub fn mode_in_force(kind: SchemaKind, own: &SubjectRules, global: &SubjectRules, now: Timestamp) -> CompatibilityMode {
    let chosen = [own, global].into_iter().filter_map(|rules| rules.compatibility.as_ref());
    chosen.filter(|chosen| chosen.holds(now)).map(|chosen| chosen.mode).next().unwrap_or(CompatibilityMode::of(kind))
}
