//! Everything the registry knows, indexed so that no operation looks at all subjects.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use nexus_core::{
    Digest,
    ports::{
        Deletion, RegisterError, RegisteredSchema, SchemaDocument, SchemaKind, SchemaLink, Subject, SubjectInfo,
        SubjectRules,
    },
};

use crate::{cache::Slot, compat, compile::Compiled};

#[derive(Default)]
pub(crate) struct State {
    events: HashMap<String, Versions>,
    commands: HashMap<String, Versions>,
    /// The subjects in order.
    order: BTreeSet<Subject>,
    by_id: HashMap<u32, Arc<Entry>>,
    by_digest: HashMap<Digest, BTreeSet<u32>>,
    /// Who refers to a schema: id → ids.
    referrers: HashMap<u32, BTreeSet<u32>>,
    global: SubjectRules,
    /// The highest id ever given.
    last_id: u32,
}

/// One subject.
#[derive(Default)]
pub(crate) struct Versions {
    pub(crate) rules: SubjectRules,
    /// Ascending.
    pub(crate) all: Vec<Arc<Entry>>,
    /// The highest version ever given.
    last: u32,
}

/// One version.
pub(crate) struct Entry {
    pub(crate) known: Arc<RegisteredSchema>,
    /// What checks documents.
    pub(crate) compiled: Arc<Slot<Compiled>>,
    /// What later versions are compared with.
    pub(crate) prepared: Arc<Slot<compat::Version>>,
}

impl Versions {
    /// The newest version that is not deleted.
    pub(crate) fn newest(&self) -> Option<&Arc<Entry>> {
        self.all.iter().rev().find(|entry| entry.known.deleted.is_none())
    }

    pub(crate) fn version(&self, version: u32) -> Option<&Arc<Entry>> {
        let place = self.all.binary_search_by_key(&version, |entry| entry.known.reference.version).ok()?;
        self.all.get(place)
    }

    /// The version that is not deleted and has this digest.
    pub(crate) fn same(&self, digest: Digest) -> Option<&Arc<Entry>> {
        self.all.iter().find(|entry| entry.known.deleted.is_none() && entry.known.reference.digest == digest)
    }

    /// The versions a new one is judged against: those that are written under, and those of stored documents.
    pub(crate) fn judged(&self) -> Vec<Arc<Entry>> {
        let counts = |entry: &&Arc<Entry>| entry.known.deleted != Some(Deletion::Unused);
        self.all.iter().filter(counts).cloned().collect()
    }
}

impl Entry {
    pub(crate) fn document(&self) -> SchemaDocument {
        SchemaDocument { reference: self.known.reference.clone(), schema: self.known.schema.clone() }
    }
}

impl State {
    pub(crate) fn names(&self, kind: SchemaKind) -> &HashMap<String, Versions> {
        match kind {
            SchemaKind::Event => &self.events,
            SchemaKind::Command => &self.commands,
        }
    }

    fn names_mut(&mut self, kind: SchemaKind) -> &mut HashMap<String, Versions> {
        match kind {
            SchemaKind::Event => &mut self.events,
            SchemaKind::Command => &mut self.commands,
        }
    }

    pub(crate) fn versions(&self, kind: SchemaKind, name: &str) -> Option<&Versions> {
        self.names(kind).get(name)
    }

    pub(crate) fn of(&self, subject: &Subject) -> Option<&Versions> {
        self.versions(subject.kind, &subject.name)
    }

    pub(crate) fn by_id(&self, id: u32) -> Option<&Arc<Entry>> {
        self.by_id.get(&id)
    }

    pub(crate) fn with_digest(&self, digest: Digest) -> impl Iterator<Item = &Arc<Entry>> {
        self.by_digest.get(&digest).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    pub(crate) fn referrers(&self, id: u32) -> impl Iterator<Item = &Arc<Entry>> {
        self.referrers.get(&id).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// The schema a link names, deleted or not.
    pub(crate) fn linked(&self, link: &SchemaLink) -> Option<Arc<RegisteredSchema>> {
        self.of(&link.subject)?.version(link.version).map(|entry| Arc::clone(&entry.known))
    }

    pub(crate) fn global(&self) -> &SubjectRules {
        &self.global
    }

    /// The id and the version that the next schema of a subject gets; `None` when there are none left.
    pub(crate) fn next(&self, subject: &Subject) -> Option<(u32, u32)> {
        let last = self.of(subject).map_or(0, |versions| versions.last);
        Some((self.last_id.checked_add(1)?, last.checked_add(1)?))
    }

    pub(crate) fn info(&self, subject: &Subject) -> Option<SubjectInfo> {
        let versions = self.of(subject)?;
        Some(SubjectInfo {
            subject: subject.clone(),
            rules: versions.rules.clone(),
            versions: versions.all.iter().map(|entry| Arc::clone(&entry.known)).collect(),
        })
    }

    pub(crate) fn infos(&self, after: Option<&Subject>, limit: usize) -> Vec<SubjectInfo> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let subjects = self.order.range::<Subject, _>((from, Unbounded)).take(limit);
        subjects.filter_map(|subject| self.info(subject)).collect()
    }

    /// The newest version of every subject, in order.
    pub(crate) fn newest(&self) -> Vec<Arc<Entry>> {
        self.order.iter().filter_map(|subject| self.of(subject)?.newest().cloned()).collect()
    }

    /// Takes in a schema under the id and version it has. The same again changes nothing.
    ///
    /// # Errors
    /// When its id or version is taken by another.
    pub(crate) fn insert(&mut self, schema: RegisteredSchema) -> Result<(), RegisterError> {
        let (subject, reference) = (schema.subject(), schema.reference.clone());
        let invalid = |reason: String| RegisterError::Invalid { reason };
        if reference.id == 0 || reference.version == 0 {
            return Err(invalid("ids and versions start at 1".to_owned()));
        }
        if let Some(known) = self.of(&subject).and_then(|versions| versions.version(reference.version)) {
            return if known.known.reference == reference {
                Ok(())
            } else {
                Err(invalid(format!("version {} of the {subject} is taken", reference.version)))
            };
        }
        if self.by_id.contains_key(&reference.id) {
            return Err(invalid(format!("the id {} is taken", reference.id)));
        }
        for link in &schema.links {
            if let Some(target) = self.linked(link) {
                self.referrers.entry(target.reference.id).or_default().insert(reference.id);
            }
        }
        self.last_id = self.last_id.max(reference.id);
        self.by_digest.entry(reference.digest).or_default().insert(reference.id);
        let entry = Arc::new(Entry { known: Arc::new(schema), compiled: Arc::default(), prepared: Arc::default() });
        self.by_id.insert(reference.id, Arc::clone(&entry));
        let versions = self.names_mut(subject.kind).entry(subject.name.clone()).or_default();
        let place = versions.all.partition_point(|other| other.known.reference.version < reference.version);
        versions.all.insert(place, entry);
        versions.last = versions.last.max(reference.version);
        self.order.insert(subject);
        Ok(())
    }

    pub(crate) fn configure(&mut self, subject: Option<Subject>, rules: SubjectRules) {
        let Some(subject) = subject else {
            self.global = rules;
            return;
        };
        self.names_mut(subject.kind).entry(subject.name.clone()).or_default().rules = rules;
        self.order.insert(subject);
    }

    /// Marks versions as deleted. What is so already stays as it is.
    pub(crate) fn mark_deleted(&mut self, subject: &Subject, versions: &[u32], in_use: &[u32]) {
        let Some(known) = self.names_mut(subject.kind).get_mut(&subject.name) else { return };
        let mut marked = Vec::new();
        for entry in &mut known.all {
            let version = entry.known.reference.version;
            if entry.known.deleted.is_none() && versions.contains(&version) {
                let how = if in_use.contains(&version) { Deletion::InUse } else { Deletion::Unused };
                let deleted = RegisteredSchema { deleted: Some(how), ..(*entry.known).clone() };
                let (compiled, prepared) = (Arc::clone(&entry.compiled), Arc::clone(&entry.prepared));
                *entry = Arc::new(Entry { known: Arc::new(deleted), compiled, prepared });
                marked.push(Arc::clone(entry));
            }
        }
        self.by_id.extend(marked.into_iter().map(|entry| (entry.known.reference.id, entry)));
    }

    /// Forgets versions. Their ids and numbers are never given again.
    pub(crate) fn remove(&mut self, subject: &Subject, versions: &[u32]) {
        let Some(known) = self.names_mut(subject.kind).get_mut(&subject.name) else { return };
        let (gone, kept) = known.all.drain(..).partition(|entry| versions.contains(&entry.known.reference.version));
        known.all = kept;
        let gone: Vec<Arc<Entry>> = gone;
        for entry in gone {
            let reference = &entry.known.reference;
            self.by_id.remove(&reference.id);
            if let Some(ids) = self.by_digest.get_mut(&reference.digest) {
                ids.remove(&reference.id);
            }
            for link in &entry.known.links {
                let target = self.linked(link).map(|target| target.reference.id);
                if let Some(ids) = target.and_then(|target| self.referrers.get_mut(&target)) {
                    ids.remove(&reference.id);
                }
            }
        }
    }
}
