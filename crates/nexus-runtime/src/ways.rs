//! By which way the stored payloads of an event type reach those who read them.

use std::{collections::BTreeMap, sync::Arc};

use nexus_core::{
    ports::{Deletion, RegisterError, RegisteredSchema, SchemaKind, Subject, SubjectRegistry},
    upcast::{Chain, ChainError, DeclaredUpcaster, PayloadCheck},
};

/// Knows what the code of the application says about its events, and finds their ways through the registered versions.
///
/// Readers are given the version they were written for: the one an aggregate declares, the one a projection names, the
/// one the upcasters in the code lead to. A type of which no code says anything is given as it is stored, until a version
/// of it is registered with an upcaster; from then on it is given in its newest version.
pub(crate) struct Ways {
    registry: Arc<dyn SubjectRegistry>,
    /// The upcasters of the code, by event type.
    in_code: BTreeMap<String, Vec<DeclaredUpcaster>>,
    /// The versions that readers were written for, by event type.
    known: BTreeMap<String, u32>,
}

/// The way of one event type.
pub(crate) struct Way {
    pub(crate) chain: Chain,
    /// Where payloads do not fit the next version as they are, and no upcaster leads.
    pub(crate) gap: Option<Gap>,
}

/// Two versions between which payloads do not fit, and no upcaster leads.
pub(crate) struct Gap {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) reason: String,
}

/// Why there is no way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WayError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Registry(#[from] RegisterError),
}

impl Ways {
    pub(crate) fn new(
        registry: Arc<dyn SubjectRegistry>,
        in_code: BTreeMap<String, Vec<DeclaredUpcaster>>,
        known: BTreeMap<String, u32>,
    ) -> Self {
        Self { registry, in_code, known }
    }

    /// Says which version the readers of an event type were written for.
    pub(crate) fn reads(&mut self, event_type: &str, version: u32) {
        self.known.insert(event_type.to_owned(), version);
    }

    /// The upcasters of the code.
    pub(crate) fn in_code(&self, event_type: &str) -> &[DeclaredUpcaster] {
        self.in_code.get(event_type).map(Vec::as_slice).unwrap_or_default()
    }

    /// The event types of which the code or the registry says more than what is stored.
    pub(crate) fn event_types(&self) -> Vec<String> {
        let led = self.registry.subjects(None, usize::MAX).into_iter().filter(|info| {
            info.subject.kind == SchemaKind::Event && info.versions.iter().any(|known| known.upcaster.is_some())
        });
        let mut types: Vec<String> = self.in_code.keys().chain(self.known.keys()).cloned().collect();
        types.extend(led.map(|info| info.subject.name));
        types.sort();
        types.dedup();
        types
    }

    /// The registered versions of an event type under which events may be stored, ascending, and those by which
    /// upcasters lead.
    pub(crate) fn versions(&self, event_type: &str) -> Vec<Arc<RegisteredSchema>> {
        let subject = Subject::new(SchemaKind::Event, event_type);
        let all = self.registry.subject(&subject).map(|info| info.versions).unwrap_or_default();
        let begins = |version: u32| {
            all.iter().any(|known| known.upcaster.as_ref().is_some_and(|upcaster| upcaster.from == version))
        };
        let matters = |known: &&Arc<RegisteredSchema>| {
            known.deleted != Some(Deletion::Unused) || known.upcaster.is_some() || begins(known.reference.version)
        };
        all.iter().filter(matters).cloned().collect()
    }

    /// The version that readers of a type are given; `None` when they are given what is stored.
    pub(crate) fn wanted(&self, event_type: &str, versions: &[Arc<RegisteredSchema>]) -> Option<u32> {
        let in_code = || self.in_code(event_type).iter().map(|declared| declared.to).max();
        let registered = || {
            let led = versions.iter().any(|known| known.upcaster.is_some());
            versions.last().filter(|_| led).map(|newest| newest.reference.version)
        };
        self.known.get(event_type).copied().or_else(in_code).or_else(registered)
    }

    /// The chain of an event type for its readers, once `new` is one of its versions. It changes nothing when they are
    /// given what is stored.
    ///
    /// # Errors
    /// [`WayError`].
    pub(crate) fn chain_with(&self, new: &RegisteredSchema) -> Result<Chain, WayError> {
        let event_type = &new.reference.name;
        let versions = self.versions_with(new);
        match self.wanted(event_type, &versions) {
            None => Ok(Chain::to(event_type, new.reference.version)),
            Some(wanted) => Ok(self.way(event_type, wanted, &versions)?.chain),
        }
    }

    /// The versions of an event type with one that is not registered yet.
    pub(crate) fn versions_with(&self, new: &RegisteredSchema) -> Vec<Arc<RegisteredSchema>> {
        let mut versions = self.versions(&new.reference.name);
        versions.retain(|known| known.reference.version != new.reference.version);
        let place = versions.partition_point(|known| known.reference.version < new.reference.version);
        versions.insert(place, Arc::new(new.clone()));
        versions
    }

    /// The way to a version: by the upcasters of the code, else by those registered, else by versions whose payloads
    /// fit the next as they are.
    ///
    /// # Errors
    /// [`WayError`].
    pub(crate) fn way(
        &self,
        event_type: &str,
        wanted: u32,
        versions: &[Arc<RegisteredSchema>],
    ) -> Result<Way, WayError> {
        let in_code = self.in_code(event_type).iter().cloned();
        let mut chain = in_code.into_iter().try_fold(Chain::to(event_type, wanted), Chain::upcaster)?;
        for known in versions.iter().filter(|known| known.reference.version <= wanted) {
            if let Some(registered) = known.upcaster.as_ref().filter(|one| !chain.leads_on_from(one.from)) {
                let (from, to, upcaster) = (registered.from, known.reference.version, registered.steps.clone().into());
                chain = chain.upcaster(DeclaredUpcaster { event_type: event_type.to_owned(), from, to, upcaster })?;
            }
        }
        let (mut gap, recorded) = (None, verdicts_are_recorded(versions));
        for (older, newer) in versions.iter().zip(versions.iter().skip(1)) {
            let (from, to) = (older.reference.version, newer.reference.version);
            if chain.leads_on_from(from) {
                continue;
            }
            match self.misfit(older, newer, recorded)? {
                None => chain = chain.unchanged(from, to)?,
                // A newer application's change, of which this one knows nothing.
                Some(_) if from >= wanted => chain = chain.guarded(),
                // The rules of the subject took it all the same; whether anything stored is affected, the log says.
                Some(reason) => {
                    gap = Some(Gap { from, to, reason });
                    chain = chain.guarded();
                }
            }
        }
        Ok(Way { chain, gap })
    }

    /// Why payloads of one version do not all fit the next; `None` when they do.
    fn misfit(
        &self,
        older: &RegisteredSchema,
        newer: &RegisteredSchema,
        recorded: bool,
    ) -> Result<Option<String>, RegisterError> {
        let neighbours = older.reference.version.checked_add(1) == Some(newer.reference.version);
        if recorded && neighbours && older.semantic.major == newer.semantic.major {
            return Ok(None);
        }
        let report = self.registry.fits(older, newer)?;
        let reasons: Vec<_> = report.breaches.iter().map(|breach| breach.message.as_str()).collect();
        Ok((!report.compatible).then(|| reasons.join("; ")))
    }
}

/// Whether the semantic versions say how each version was judged against the one before. They do when each was
/// registered after the one before; what was imported in between was judged against another.
fn verdicts_are_recorded(versions: &[Arc<RegisteredSchema>]) -> bool {
    versions.iter().zip(versions.iter().skip(1)).all(|(older, newer)| older.semantic < newer.semantic)
}

/// Checks what upcasters make against registered versions, deleted or not.
pub(crate) fn checked_by(registry: Arc<dyn SubjectRegistry>) -> Arc<PayloadCheck> {
    Arc::new(move |event_type, version, payload| {
        registry.check_stored(&Subject::new(SchemaKind::Event, event_type), version, payload)
    })
}

#[cfg(test)]
mod tests {
    use nexus_core::ports::{RegistryChange, SemanticVersion};
    use nexus_schema::JsonSchemaRegistry;
    use serde_json::{Value, json};

    use super::*;

    fn of(member: &str, json_type: &str) -> Value {
        json!({ "type": "object", "properties": { member: { "type": json_type } } })
    }

    /// Versions of `Paid` with these semantic versions, registered in this order.
    fn ways(versions: [(u32, (u32, u32), Value); 3]) -> Ways {
        let registry: Arc<dyn SubjectRegistry> = Arc::new(JsonSchemaRegistry::new());
        for (id, (version, (major, minor), schema)) in (1..).zip(versions) {
            let scratch = registry.empty();
            let mut reference = scratch.register(SchemaKind::Event, "Paid", &schema).unwrap();
            (reference.id, reference.version) = (id, version);
            let semantic = SemanticVersion { major, minor, patch: 0 };
            let (links, upcaster) = (Vec::new(), None);
            let schema = RegisteredSchema {
                reference,
                semantic,
                schema,
                text: None,
                links,
                owner: None,
                upcaster,
                deleted: None,
            };
            registry.apply(RegistryChange::Registered(Box::new(schema))).unwrap();
        }
        Ways::new(registry, BTreeMap::new(), BTreeMap::new())
    }

    fn gap(ways: &Ways) -> Option<(u32, u32)> {
        let way = ways.way("Paid", 3, &ways.versions("Paid")).unwrap();
        way.gap.map(|gap| (gap.from, gap.to))
    }

    #[test]
    fn what_was_imported_in_between_is_judged_and_not_believed() {
        // The second was judged against the third, when it came.
        let text = of("b", "string");
        let versions = [(1, (1, 0), of("b", "integer")), (3, (1, 1), json!({ "type": "object" })), (2, (1, 2), text)];
        assert_eq!(gap(&ways(versions)), Some((1, 2)));
    }

    #[test]
    fn what_was_judged_when_it_was_registered_is_not_judged_again() {
        // Had these been registered under rules, the second would have been a major version.
        let text = of("b", "string");
        let versions = [(1, (1, 0), of("b", "integer")), (2, (1, 1), text.clone()), (3, (2, 0), of("b", "boolean"))];
        assert_eq!(gap(&ways(versions)), Some((2, 3)));
        let versions = [(1, (1, 0), of("b", "integer")), (2, (2, 0), text), (3, (2, 1), of("b", "boolean"))];
        assert_eq!(gap(&ways(versions)), Some((1, 2)));
    }
}
