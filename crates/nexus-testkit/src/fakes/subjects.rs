use std::sync::{Arc, Mutex, MutexGuard};

use nexus_core::{
    Digest, Json, Timestamp,
    ports::{
        CompatibilityMode, CompatibilityReport, Deletion, DocumentCheck, RegisterError, RegisteredSchema, Registration,
        RegistrationPlan, RegistryChange, SchemaBump, SchemaChange, SchemaDocument, SchemaKind, SchemaLink, SchemaRef,
        SchemaRefusal, SchemaRegistry, SchemaUpcaster, SemanticVersion, Subject, SubjectInfo, SubjectRegistry,
        SubjectRules, Violation, mode_in_force,
    },
};
use serde_json::Value;

use crate::fakes::{PermissiveSchemas, locked::lock, schemas::digest_of};

/// A [`SubjectRegistry`] that is nothing but a list. It finds every schema compatible with every other, and leaves
/// checking documents to the registry it stands over.
pub struct MemorySubjects {
    checks: Arc<dyn SchemaRegistry>,
    model: Mutex<Model>,
}

#[derive(Default)]
struct Model {
    /// Everything ever registered, in that order, with those deleted for good.
    schemas: Vec<(Arc<RegisteredSchema>, bool)>,
    rules: Vec<(Option<Subject>, SubjectRules)>,
}

impl Default for MemorySubjects {
    fn default() -> Self {
        Self::over(Arc::new(PermissiveSchemas::default()))
    }
}

impl MemorySubjects {
    /// Subjects whose documents `checks` checks.
    #[must_use]
    pub fn over(checks: Arc<dyn SchemaRegistry>) -> Self {
        Self { checks, model: Mutex::default() }
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        lock(&self.model)
    }
}

impl Model {
    fn of<'a>(&'a self, subject: &'a Subject) -> impl DoubleEndedIterator<Item = &'a Arc<RegisteredSchema>> {
        self.found().filter(move |known| known.subject() == *subject)
    }

    fn found(&self) -> impl DoubleEndedIterator<Item = &Arc<RegisteredSchema>> {
        self.schemas.iter().filter(|(_, gone)| !gone).map(|(known, _)| known)
    }

    fn rules(&self, subject: Option<&Subject>) -> SubjectRules {
        let last = self.rules.iter().rev().find(|(whose, _)| whose.as_ref() == subject);
        last.map(|(_, rules)| rules.clone()).unwrap_or_default()
    }

    fn plan(&self, wanted: &Registration) -> Result<RegistrationPlan, RegisterError> {
        let (subject, digest) = (&wanted.subject, digest_of_wanted(wanted));
        let mut live = self.of(subject).filter(|known| known.deleted.is_none());
        if let Some(known) = live.find(|known| known.reference.digest == digest) {
            let has = known.upcaster.as_ref().map(|upcaster| &upcaster.steps);
            if wanted.upcaster.is_some() && wanted.upcaster.as_ref() != has {
                return Err(no_upcaster(subject, "it is registered already, with another upcaster or none"));
            }
            return Ok(RegistrationPlan::Known(Arc::clone(known)));
        }
        for link in &wanted.links {
            if self.of(&link.subject).all(|known| known.reference.version != link.version) {
                let reason = format!("there is no {} with version {}", link.subject, link.version);
                return Err(RegisterError::Reference { name: link.name.clone(), reason });
            }
        }
        let next = |last: Option<u32>| last.unwrap_or(0) + 1;
        let id = next(self.schemas.iter().map(|(known, _)| known.reference.id).max());
        let all = self.schemas.iter().filter(|(known, _)| known.subject() == *subject);
        let version = next(all.map(|(known, _)| known.reference.version).max());
        let reference = SchemaRef { id, kind: subject.kind, name: subject.name.clone(), version, digest };
        Ok(RegistrationPlan::New(Box::new(RegisteredSchema {
            reference,
            semantic: SemanticVersion { major: 1, minor: version - 1, patch: 0 },
            schema: wanted.schema.clone(),
            text: wanted.text.clone(),
            links: wanted.links.clone(),
            owner: wanted.owner.clone(),
            upcaster: self.upcaster(wanted)?,
            deleted: None,
        })))
    }

    fn upcaster(&self, wanted: &Registration) -> Result<Option<SchemaUpcaster>, RegisterError> {
        let Some(steps) = wanted.upcaster.clone() else { return Ok(None) };
        let stored = self.of(&wanted.subject).filter(|known| known.deleted != Some(Deletion::Unused));
        let from = stored.map(|known| known.reference.version).max();
        match from.filter(|_| wanted.subject.kind == SchemaKind::Event) {
            Some(from) => Ok(Some(SchemaUpcaster { from, steps })),
            None => Err(no_upcaster(&wanted.subject, "there is nothing to upcast from")),
        }
    }

    fn insert(&mut self, schema: RegisteredSchema) {
        if self.schemas.iter().all(|(known, _)| known.reference.id != schema.reference.id) {
            self.schemas.push((Arc::new(schema), false));
        }
    }

    fn delete(&mut self, subject: &Subject, versions: &[u32], in_use: &[u32], for_good: bool) {
        for (known, gone) in &mut self.schemas {
            let version = known.reference.version;
            if known.subject() != *subject || !versions.contains(&version) {
                continue;
            }
            if for_good {
                *gone = true;
            } else if known.deleted.is_none() {
                let how = if in_use.contains(&version) { Deletion::InUse } else { Deletion::Unused };
                *known = Arc::new(RegisteredSchema { deleted: Some(how), ..(**known).clone() });
            }
        }
    }

    fn referrers(&self, known: &RegisteredSchema) -> Vec<Arc<RegisteredSchema>> {
        let (subject, version) = (known.subject(), known.reference.version);
        let refers = |link: &SchemaLink| link.subject == subject && link.version == version;
        self.found().filter(|other| other.links.iter().any(refers)).cloned().collect()
    }
}

fn no_upcaster(subject: &Subject, reason: &str) -> RegisterError {
    RegisterError::Upcaster { subject: subject.clone(), reason: reason.to_owned() }
}

fn digest_of_wanted(wanted: &Registration) -> Digest {
    let links: Vec<_> = wanted.links.iter().map(|link| (&link.name, &link.subject, link.version)).collect();
    digest_of(&(wanted.schema.to_string(), links))
}

impl SchemaRegistry for MemorySubjects {
    fn check(
        &self,
        kind: SchemaKind,
        name: &str,
        version: Option<u32>,
        document: &Json,
    ) -> Result<SchemaRef, SchemaRefusal> {
        self.checks.check(kind, name, version, document)
    }

    fn register(&self, kind: SchemaKind, name: &str, schema: &Value) -> Result<SchemaRef, RegisterError> {
        self.checks.register(kind, name, schema)?;
        let mut model = self.model();
        match model.plan(&Registration::new(Subject::new(kind, name), schema.clone()))? {
            RegistrationPlan::Known(known) => Ok(known.reference.clone()),
            RegistrationPlan::New(new) => {
                let reference = new.reference.clone();
                model.insert(*new);
                Ok(reference)
            }
        }
    }

    fn find(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Option<SchemaDocument> {
        let model = self.model();
        let subject = Subject::new(kind, name);
        let wanted = |known: &&Arc<RegisteredSchema>| match version {
            None => known.deleted.is_none(),
            Some(version) => known.reference.version == version,
        };
        let known = model.of(&subject).rev().find(wanted)?;
        Some(SchemaDocument { reference: known.reference.clone(), schema: known.schema.clone() })
    }

    fn list(&self) -> Vec<SchemaDocument> {
        let subjects = self.subjects(None, usize::MAX);
        let document = |known: &Arc<RegisteredSchema>| SchemaDocument {
            reference: known.reference.clone(),
            schema: known.schema.clone(),
        };
        subjects.iter().filter_map(|info| info.newest().map(document)).collect()
    }
}

impl SubjectRegistry for MemorySubjects {
    fn plan_registration(&self, wanted: &Registration, _: Timestamp) -> Result<RegistrationPlan, RegisterError> {
        self.model().plan(wanted)
    }

    fn plan_deletion(
        &self,
        subject: &Subject,
        version: Option<u32>,
        for_good: bool,
    ) -> Result<RegistryChange, RegisterError> {
        let (model, subject) = (self.model(), subject.clone());
        let concerned: Vec<_> =
            model.of(&subject).filter(|known| version.is_none_or(|one| known.reference.version == one)).collect();
        if concerned.is_empty() {
            return Err(match version {
                None => RegisterError::UnknownSubject { subject },
                Some(version) if model.of(&subject).next().is_some() => {
                    RegisterError::UnknownVersion { subject, version }
                }
                Some(_) => RegisterError::UnknownSubject { subject },
            });
        }
        let live: Vec<_> = concerned.iter().filter(|known| known.deleted.is_none()).collect();
        if for_good && !live.is_empty() {
            return Err(RegisterError::NotDeletedBefore { subject: subject.clone(), version });
        }
        if !for_good && live.is_empty() {
            return Err(RegisterError::AlreadyDeleted { subject: subject.clone(), version });
        }
        let mut versions = Vec::new();
        for known in concerned.iter().filter(|known| for_good || known.deleted.is_none()) {
            let others = model.referrers(known);
            let counts = |other: &&Arc<RegisteredSchema>| for_good || other.deleted.is_none();
            if let Some(other) = others.iter().find(counts) {
                let (version, by) = (known.reference.version, other.subject());
                return Err(RegisterError::Referenced { subject: subject.clone(), version, by });
            }
            versions.push(known.reference.version);
        }
        if let (true, Some(version)) = (for_good, version) {
            let versions = model.of(&subject).cloned().collect();
            let info = SubjectInfo { subject: subject.clone(), rules: SubjectRules::default(), versions };
            if let Some(to) = info.led_through(version) {
                return Err(RegisterError::LedThrough { subject, version, to });
            }
        }
        Ok(RegistryChange::Deleted { subject: subject.clone(), versions, in_use: Vec::new(), for_good })
    }

    fn apply(&self, change: RegistryChange) -> Result<(), RegisterError> {
        match change {
            RegistryChange::Registered(schema) => {
                let reference = &schema.reference;
                self.checks.register(reference.kind, &reference.name, &schema.schema)?;
                self.model().insert(*schema);
            }
            RegistryChange::Configured { subject, rules } => self.model().rules.push((subject, rules)),
            RegistryChange::Deleted { subject, versions, in_use, for_good } => {
                self.model().delete(&subject, &versions, &in_use, for_good);
            }
        }
        Ok(())
    }

    fn judge(
        &self,
        wanted: &Registration,
        _: Option<u32>,
        now: Timestamp,
    ) -> Result<CompatibilityReport, RegisterError> {
        let model = self.model();
        let (own, global) = (model.rules(Some(&wanted.subject)), model.rules(None));
        let mode: CompatibilityMode = mode_in_force(wanted.subject.kind, &own, &global, now);
        let against = model.of(&wanted.subject).map(|known| known.reference.version).collect();
        let required_bump = SchemaBump::Minor;
        Ok(CompatibilityReport { compatible: true, mode, required_bump, against, breaches: Vec::new() })
    }

    fn fits(&self, older: &RegisteredSchema, _: &RegisteredSchema) -> Result<CompatibilityReport, RegisterError> {
        Ok(CompatibilityReport {
            compatible: true,
            mode: CompatibilityMode::Backward,
            required_bump: SchemaBump::Minor,
            against: vec![older.reference.version],
            breaches: Vec::new(),
        })
    }

    fn check_stored(&self, subject: &Subject, version: u32, document: &Json) -> Result<(), SchemaRefusal> {
        self.checks.check(subject.kind, &subject.name, Some(version), document).map(drop)
    }

    fn compare(&self, _: &Subject, _: u32, _: u32) -> Result<Vec<SchemaChange>, RegisterError> {
        Ok(Vec::new())
    }

    fn compile(&self, _: &Value, _: &[SchemaLink]) -> Result<Box<dyn DocumentCheck>, RegisterError> {
        Ok(Box::new(Anything))
    }

    fn by_id(&self, id: u32) -> Option<Arc<RegisteredSchema>> {
        self.model().found().find(|known| known.reference.id == id).cloned()
    }

    fn by_digest(&self, digest: Digest) -> Vec<Arc<RegisteredSchema>> {
        self.model().found().filter(|known| known.reference.digest == digest).cloned().collect()
    }

    fn same(&self, wanted: &Registration) -> Result<Option<Arc<RegisteredSchema>>, RegisterError> {
        let (model, digest) = (self.model(), digest_of_wanted(wanted));
        let mut same: Vec<_> = model.of(&wanted.subject).filter(|known| known.reference.digest == digest).collect();
        same.sort_by_key(|known| known.deleted.is_none());
        Ok(same.last().map(|known| Arc::clone(known)))
    }

    fn referrers(&self, id: u32) -> Vec<Arc<RegisteredSchema>> {
        let model = self.model();
        let known = model.found().find(|known| known.reference.id == id);
        known.map(|known| model.referrers(known)).unwrap_or_default()
    }

    fn subject(&self, subject: &Subject) -> Option<SubjectInfo> {
        let model = self.model();
        let configured = model.rules.iter().any(|(whose, _)| whose.as_ref() == Some(subject));
        let versions: Vec<_> = model.of(subject).cloned().collect();
        let ever = configured || model.schemas.iter().any(|(known, _)| known.subject() == *subject);
        ever.then(|| SubjectInfo { subject: subject.clone(), rules: model.rules(Some(subject)), versions })
    }

    fn subjects(&self, after: Option<&Subject>, limit: usize) -> Vec<SubjectInfo> {
        let mut subjects: Vec<Subject> = self.model().schemas.iter().map(|(known, _)| known.subject()).collect();
        subjects.sort();
        subjects.dedup();
        let wanted = subjects.iter().filter(|subject| after.is_none_or(|after| *subject > after)).take(limit);
        wanted.filter_map(|subject| self.subject(subject)).collect()
    }

    fn global_rules(&self) -> SubjectRules {
        self.model().rules(None)
    }

    fn empty(&self) -> Arc<dyn SubjectRegistry> {
        Arc::new(Self::default())
    }
}

/// Accepts every document.
struct Anything;

impl DocumentCheck for Anything {
    fn violations(&self, _: &Json) -> Vec<Violation> {
        Vec::new()
    }
}
