//! How subjects change: what a registration or a deletion would do, and doing it.

use std::sync::Arc;

use nexus_core::{
    Digest, Json, Timestamp,
    ports::{
        CompatibilityMode, CompatibilityReport, DocumentCheck, RegisterError, RegisteredSchema, Registration,
        RegistrationPlan, RegistryChange, SchemaBump, SchemaChange, SchemaLink, SchemaRef, SchemaRefusal,
        SchemaRegistry, SemanticVersion, Subject, SubjectAccess, SubjectInfo, SubjectRegistry, SubjectRules, Violation,
        WantedVersion, mode_in_force,
    },
};
use serde_json::Value;

use crate::{
    JsonSchemaRegistry, compat,
    compile::Compiled,
    registry::{digest_of, invalid, no_ids_left, registered},
    state::{Entry, State},
    upcaster,
};

impl SubjectRegistry for JsonSchemaRegistry {
    fn plan_registration(&self, wanted: &Registration, now: Timestamp) -> Result<RegistrationPlan, RegisterError> {
        let digest = digest_of(wanted)?;
        let (known, access) = {
            let state = self.read();
            let known = state.of(&wanted.subject).and_then(|versions| versions.same(digest)).cloned();
            (known.map(|entry| Arc::clone(&entry.known)), access_of(&state, wanted))
        };
        if let Some(known) = known {
            check_known(wanted, &known)?;
            return Ok(RegistrationPlan::Known(known));
        }
        check_access(wanted, access)?;
        let report = self.judged(wanted, None, now)?;
        let made_up_for = wanted.upcaster.is_some() && upcaster::stands_for(&report);
        if !report.compatible && !made_up_for {
            let subject = wanted.subject.clone();
            return Err(RegisterError::Incompatible { subject, report: Box::new(report) });
        }
        let state = self.read();
        let (id, version) = place_of(&state, wanted)?;
        let upcaster = upcaster::led_here(&state, wanted)?;
        let before = state.of(&wanted.subject).and_then(|versions| versions.all.last());
        let computed = before.map_or(SemanticVersion::FIRST, |before| next_semantic(before, report.required_bump));
        let semantic = semantic_version(wanted, version, computed, report.required_bump)?;
        let Subject { kind, name } = wanted.subject.clone();
        let reference = SchemaRef { id, kind, name, version, digest };
        Ok(RegistrationPlan::New(Box::new(registered(wanted.clone(), reference, semantic, upcaster))))
    }

    fn plan_deletion(
        &self,
        subject: &Subject,
        version: Option<u32>,
        for_good: bool,
    ) -> Result<RegistryChange, RegisterError> {
        let state = self.read();
        let unknown = || RegisterError::UnknownSubject { subject: subject.clone() };
        let all = state.of(subject).filter(|versions| !versions.all.is_empty()).ok_or_else(unknown)?;
        let entries: Vec<&Arc<Entry>> = match version {
            None => all.all.iter().collect(),
            Some(version) => {
                let unknown = || RegisterError::UnknownVersion { subject: subject.clone(), version };
                vec![all.version(version).ok_or_else(unknown)?]
            }
        };
        let live = entries.iter().filter(|entry| entry.known.deleted.is_none()).count();
        let subject = subject.clone();
        if for_good && live > 0 {
            return Err(RegisterError::NotDeletedBefore { subject, version });
        }
        if !for_good && live == 0 {
            return Err(RegisterError::AlreadyDeleted { subject, version });
        }
        let concerned = entries.into_iter().filter(|entry| for_good || entry.known.deleted.is_none());
        let mut versions = Vec::new();
        for entry in concerned {
            let reference = &entry.known.reference;
            // What is deleted together with the one it refers to is no reason to keep that.
            let mut others = state.referrers(reference.id).filter(|other| {
                (for_good || other.known.deleted.is_none()) && (version.is_some() || other.known.subject() != subject)
            });
            if let Some(other) = others.next() {
                let by = other.known.subject();
                return Err(RegisterError::Referenced { subject, version: reference.version, by });
            }
            if let (true, Some(version)) = (for_good, version) {
                upcaster::check_not_led_through(&state, &subject, version)?;
            }
            versions.push(reference.version);
        }
        Ok(RegistryChange::Deleted { subject, versions, in_use: Vec::new(), for_good })
    }

    fn apply(&self, change: RegistryChange) -> Result<(), RegisterError> {
        match change {
            RegistryChange::Registered(schema) => {
                let again = Registration { links: schema.links.clone(), ..plain(&schema) };
                let digest = digest_of(&again)?;
                if digest != schema.reference.digest {
                    return Err(invalid(format!(
                        "the stored schema has the digest {digest}, its registration says {}",
                        schema.reference.digest
                    )));
                }
                self.write().insert(*schema)
            }
            RegistryChange::Configured { subject, rules } => {
                self.write().configure(subject, rules);
                Ok(())
            }
            RegistryChange::Deleted { subject, versions, in_use, for_good } => {
                let mut state = self.write();
                if for_good {
                    state.remove(&subject, &versions);
                } else {
                    state.mark_deleted(&subject, &versions, &in_use);
                }
                Ok(())
            }
        }
    }

    fn judge(
        &self,
        wanted: &Registration,
        against: Option<u32>,
        now: Timestamp,
    ) -> Result<CompatibilityReport, RegisterError> {
        digest_of(wanted)?;
        self.judged(wanted, against, now)
    }

    fn fits(&self, older: &RegisteredSchema, newer: &RegisteredSchema) -> Result<CompatibilityReport, RegisterError> {
        let (from, to) = (self.ready(older)?, self.ready(newer)?);
        Ok(compat::judge_prepared(&to, &[(older.reference.version, Ok(from))], CompatibilityMode::Backward))
    }

    fn check_stored(&self, subject: &Subject, version: u32, document: &Json) -> Result<(), SchemaRefusal> {
        let entry = self.read().of(subject).and_then(|versions| versions.version(version)).cloned();
        match entry {
            Some(entry) => self.checked(&entry, document).map(drop),
            None => self.check(subject.kind, &subject.name, Some(version), document).map(drop),
        }
    }

    fn compare(&self, subject: &Subject, from: u32, to: u32) -> Result<Vec<SchemaChange>, RegisterError> {
        let (from, to) = (self.version(subject, from)?, self.version(subject, to)?);
        let (from, to) = (self.bundled(&from.schema, &from.links)?, self.bundled(&to.schema, &to.links)?);
        Ok(crate::compat::diff(&from, &to))
    }

    fn compile(&self, schema: &Value, links: &[SchemaLink]) -> Result<Box<dyn DocumentCheck>, RegisterError> {
        let document = self.bundled(schema, links)?;
        Ok(Box::new(Compiled::new(&document).map_err(invalid)?))
    }

    fn by_id(&self, id: u32) -> Option<Arc<RegisteredSchema>> {
        self.read().by_id(id).map(|entry| Arc::clone(&entry.known))
    }

    fn by_digest(&self, digest: Digest) -> Vec<Arc<RegisteredSchema>> {
        self.read().with_digest(digest).map(|entry| Arc::clone(&entry.known)).collect()
    }

    fn same(&self, wanted: &Registration) -> Result<Option<Arc<RegisteredSchema>>, RegisterError> {
        let digest = digest_of(wanted)?;
        let state = self.read();
        let versions = state.of(&wanted.subject);
        let same = |entry: &&Arc<Entry>| entry.known.reference.digest == digest;
        // A live version before one that was deleted.
        let found = versions.and_then(|all| all.same(digest).or_else(|| all.all.iter().rev().find(same)));
        Ok(found.map(|entry| Arc::clone(&entry.known)))
    }

    fn referrers(&self, id: u32) -> Vec<Arc<RegisteredSchema>> {
        self.read().referrers(id).map(|entry| Arc::clone(&entry.known)).collect()
    }

    fn subject(&self, subject: &Subject) -> Option<SubjectInfo> {
        self.read().info(subject)
    }

    fn subjects(&self, after: Option<&Subject>, limit: usize) -> Vec<SubjectInfo> {
        self.read().infos(after, limit)
    }

    fn global_rules(&self) -> SubjectRules {
        self.read().global().clone()
    }

    fn empty(&self) -> Arc<dyn SubjectRegistry> {
        Arc::new(Self::new())
    }
}

impl JsonSchemaRegistry {
    fn version(&self, subject: &Subject, version: u32) -> Result<Arc<RegisteredSchema>, RegisterError> {
        let info = self.subject(subject).ok_or_else(|| RegisterError::UnknownSubject { subject: subject.clone() })?;
        let unknown = || RegisterError::UnknownVersion { subject: subject.clone(), version };
        info.version(version).cloned().ok_or_else(unknown)
    }

    /// Judges a schema against one version of its subject, or those its mode names.
    fn judged(
        &self,
        wanted: &Registration,
        against: Option<u32>,
        now: Timestamp,
    ) -> Result<CompatibilityReport, RegisterError> {
        let document = self.bundled(&wanted.schema, &wanted.links)?;
        let candidate = compat::Version::new(document.into_owned()).map_err(invalid)?;
        candidate.compiled().map_err(invalid)?;
        let (mut earlier, mode) = {
            let state = self.read();
            let versions = state.of(&wanted.subject);
            let none = SubjectRules::default();
            let own = rules_of(&state, wanted).unwrap_or(&none);
            let earlier = versions.map(crate::state::Versions::judged).unwrap_or_default();
            let mode = match access_of(&state, wanted) {
                SubjectAccess::Import => CompatibilityMode::None,
                _ => mode_in_force(wanted.subject.kind, own, state.global(), now),
            };
            (earlier, mode)
        };
        if let Some(version) = against {
            let subject = wanted.subject.clone();
            earlier.retain(|entry| entry.known.reference.version == version);
            if earlier.is_empty() {
                return Err(RegisterError::UnknownVersion { subject, version });
            }
        }
        let asked = if mode.is_transitive() { 0 } else { earlier.len().saturating_sub(1) };
        let earlier: Vec<compat::Earlier> = earlier
            .iter()
            .skip(asked)
            .map(|entry| (entry.known.reference.version, self.prepared(entry).map_err(|error| error.to_string())))
            .collect();
        Ok(compat::judge_prepared(&candidate, &earlier, mode))
    }

    /// A version ready to be compared; kept when it is registered.
    fn ready(&self, schema: &RegisteredSchema) -> Result<Arc<compat::Version>, RegisterError> {
        let entry = self.read().by_id(schema.reference.id).cloned();
        match entry.filter(|entry| entry.known.reference == schema.reference) {
            Some(entry) => self.prepared(&entry),
            None => {
                let document = self.bundled(&schema.schema, &schema.links)?;
                compat::Version::new(document.into_owned()).map(Arc::new).map_err(invalid)
            }
        }
    }
}

impl DocumentCheck for Compiled {
    fn violations(&self, document: &Json) -> Vec<Violation> {
        self.violations(document)
    }
}

/// The registration a stored schema came from, as far as its digest is concerned.
fn plain(schema: &RegisteredSchema) -> Registration {
    Registration::new(schema.subject(), schema.schema.clone())
}

fn access_of(state: &State, wanted: &Registration) -> SubjectAccess {
    let own = rules_of(state, wanted).and_then(|rules| rules.access);
    own.or(state.global().access).unwrap_or_default()
}

/// The subject's own rules: those that come with the registration, else those it has.
fn rules_of<'a>(state: &'a State, wanted: &'a Registration) -> Option<&'a SubjectRules> {
    wanted.rules.as_ref().or_else(|| state.of(&wanted.subject).map(|versions| &versions.rules))
}

fn check_access(wanted: &Registration, access: SubjectAccess) -> Result<(), RegisterError> {
    let refuse =
        |reason: &'static str| Err(RegisterError::NotAllowed { subject: wanted.subject.clone(), access, reason });
    match (access, wanted.import) {
        (SubjectAccess::ReadOnly, _) => refuse("is read-only; set its mode to READWRITE first"),
        (SubjectAccess::ReadWrite, Some(_)) => {
            refuse("takes no id or version from elsewhere; set its mode to IMPORT first")
        }
        _ => Ok(()),
    }
}

/// A registration of what is known must not ask for another place, or for another upcaster.
fn check_known(wanted: &Registration, known: &RegisteredSchema) -> Result<(), RegisterError> {
    upcaster::check_known(wanted, known)?;
    let (reference, subject) = (&known.reference, wanted.subject.clone());
    let refuse = |asked: String| {
        let (version, semantic) = (reference.version, known.semantic);
        let reason = format!("this schema is its version {version} ({semantic}) already, not {asked}");
        Err(RegisterError::Version { subject: subject.clone(), computed: semantic, reason })
    };
    match wanted.version {
        Some(WantedVersion::Number(asked)) if asked != reference.version => return refuse(asked.to_string()),
        Some(WantedVersion::Semantic(asked)) if asked != known.semantic => return refuse(asked.to_string()),
        _ => {}
    }
    match wanted.import {
        Some(import) if import.id.is_some_and(|id| id != reference.id) => {
            refuse(format!("under the id {}", import.id.unwrap_or_default()))
        }
        Some(import) if import.version.is_some_and(|version| version != reference.version) => {
            refuse(import.version.unwrap_or_default().to_string())
        }
        _ => Ok(()),
    }
}

/// The id and version a new schema gets: those it asks for where it may, else the next ones.
fn place_of(state: &State, wanted: &Registration) -> Result<(u32, u32), RegisterError> {
    let (id, version) = state.next(&wanted.subject).ok_or_else(no_ids_left)?;
    let Some(import) = wanted.import else { return Ok((id, version)) };
    let (id, version) = (import.id.unwrap_or(id), import.version.unwrap_or(version));
    if id == 0 || version == 0 {
        return Err(invalid("ids and versions start at 1".to_owned()));
    }
    if state.by_id(id).is_some() {
        return Err(invalid(format!("the id {id} is taken")));
    }
    if state.of(&wanted.subject).and_then(|versions| versions.version(version)).is_some() {
        return Err(invalid(format!("version {version} of the {} is taken", wanted.subject)));
    }
    Ok((id, version))
}

/// The smallest semantic version that may follow. Two texts that mean the same still are two versions.
fn next_semantic(before: &Entry, bump: SchemaBump) -> SemanticVersion {
    before.known.semantic.raised(bump.max(SchemaBump::Patch))
}

/// The semantic version a registration gets: what it asks for, when that is enough.
fn semantic_version(
    wanted: &Registration,
    version: u32,
    computed: SemanticVersion,
    bump: SchemaBump,
) -> Result<SemanticVersion, RegisterError> {
    let refuse = |reason: String| {
        let subject = wanted.subject.clone();
        Err(RegisterError::Version { subject, computed, reason })
    };
    match wanted.version {
        None => Ok(computed),
        Some(WantedVersion::Number(asked)) if asked == version => Ok(computed),
        Some(WantedVersion::Number(asked)) => {
            refuse(format!("version {asked} was asked for, the next one is {version}"))
        }
        Some(WantedVersion::Semantic(asked)) if asked >= computed => Ok(asked),
        Some(WantedVersion::Semantic(asked)) => {
            refuse(format!("version {asked} was asked for, but the change is {bump}: it takes {computed} or higher"))
        }
    }
}
