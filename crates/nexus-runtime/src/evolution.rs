//! How the schemas of an application came to be what they are: numbers its versions, links them, and sees to it that
//! what is stored can be read before anything new is recorded.

use std::{collections::BTreeMap, sync::Arc};

use nexus_core::{
    EventType, Json,
    framework::EventSpec,
    ports::{EventStore, RegisteredSchema, SchemaKind, SchemaRef, SchemaRegistry, Subject, SubjectRegistry},
    upcast::{Chain, DeclaredUpcaster, Upcasters},
};

use crate::{
    Catalogue, StartError,
    proof::{self, Sample},
};

/// What decides how stored payloads reach the application.
pub(crate) struct Evolution<'a> {
    store: &'a dyn EventStore,
    registry: &'a Arc<dyn SubjectRegistry>,
    /// By event type.
    upcasters: BTreeMap<String, Vec<DeclaredUpcaster>>,
}

/// The schema versions that the types of an application were written for. They are not always the newest: somebody may
/// register a newer one, or an older application may be run again.
#[derive(Default)]
pub(crate) struct OwnVersions {
    /// With whether it is new in this log.
    events: BTreeMap<String, (u32, bool)>,
    commands: BTreeMap<String, u32>,
}

impl OwnVersions {
    pub(crate) fn add(&mut self, reference: &SchemaRef, new: bool) {
        let (name, version) = (reference.name.clone(), reference.version);
        match reference.kind {
            SchemaKind::Event => _ = self.events.insert(name, (version, new)),
            SchemaKind::Command => _ = self.commands.insert(name, version),
        }
    }

    /// The version that decided events of a type follow.
    pub(crate) fn of_event(&self, event_type: &str) -> Option<u32> {
        self.events.get(event_type).map(|(version, _)| *version)
    }

    /// The version that commands of a type must follow.
    pub(crate) fn of_command(&self, command_type: &str) -> Option<u32> {
        self.commands.get(command_type).copied()
    }
}

/// Two versions between which payloads do not fit, and no upcaster leads.
struct Gap {
    from: u32,
    to: u32,
    reason: String,
}

impl<'a> Evolution<'a> {
    /// Gathers the upcasters of the aggregates and those the application adds.
    pub(crate) fn new(
        store: &'a dyn EventStore,
        registry: &'a Arc<dyn SubjectRegistry>,
        catalogue: &Catalogue,
        added: Vec<DeclaredUpcaster>,
    ) -> Self {
        let of_aggregates = catalogue.aggregates().flat_map(|aggregate| aggregate.upcasters()).cloned();
        let mut upcasters: BTreeMap<String, Vec<DeclaredUpcaster>> = BTreeMap::new();
        for declared in of_aggregates.chain(added) {
            upcasters.entry(declared.event_type.clone()).or_default().push(declared);
        }
        Self { store, registry, upcasters }
    }

    /// Whether there are upcasters of this subject.
    pub(crate) fn upcasts(&self, subject: &Subject) -> bool {
        subject.kind == SchemaKind::Event && self.upcasters.contains_key(&subject.name)
    }

    /// The number the application gives the schema of an event type: what it says, or where its last upcaster leads.
    pub(crate) fn number(&self, event: &EventSpec) -> Option<u32> {
        let last = self.upcasters.get(event.event_type).into_iter().flatten().map(|declared| declared.to).max();
        event.version.or(last)
    }

    /// Refuses upcasters of event types that nobody knows.
    pub(crate) fn check_names(&self, known: &[&str]) -> Result<(), StartError> {
        match self.upcasters.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(unknown) => Err(StartError::UnknownUpcaster { event_type: unknown.clone(), known: known.join(", ") }),
        }
    }

    /// The upcasters in force, after every stored version was found to have a way to the one declared, and every new
    /// version was proven against samples and the log.
    pub(crate) async fn settle(&self, own: &OwnVersions) -> Result<Upcasters, StartError> {
        let (mut chains, mut gaps) = (Vec::new(), BTreeMap::new());
        for (name, (version, _)) in &own.events {
            let (chain, gap) = self.chain(name, *version)?;
            chains.push(chain);
            gaps.extend(gap.map(|gap| (name.as_str(), gap)));
        }
        for (name, upcasters) in self.upcasters.iter().filter(|(name, _)| !own.events.contains_key(*name)) {
            let last = upcasters.iter().map(|upcaster| upcaster.to).max().unwrap_or(1);
            chains.push(self.declared_chain(name, last)?);
        }
        let registry: Arc<dyn SchemaRegistry> = Arc::<dyn SubjectRegistry>::clone(self.registry);
        let upcasters = Upcasters::new(chains, Upcasters::checked_by(registry));
        for (name, own) in own.events.iter().filter(|(name, _)| upcasters.concern(name)) {
            self.prove(name, *own, &upcasters, gaps.remove(name.as_str())).await?;
        }
        Ok(upcasters)
    }

    fn declared_chain(&self, event_type: &str, wanted: u32) -> Result<Chain, StartError> {
        let declared = self.upcasters.get(event_type).into_iter().flatten().cloned();
        Ok(declared.into_iter().try_fold(Chain::to(event_type, wanted), Chain::upcaster)?)
    }

    /// The declared upcasters, and between them the versions whose payloads fit the next as they are.
    fn chain(&self, event_type: &str, wanted: u32) -> Result<(Chain, Option<Gap>), StartError> {
        let (mut chain, mut gap) = (self.declared_chain(event_type, wanted)?, None);
        let versions = self.versions(event_type);
        for (older, newer) in versions.iter().zip(versions.iter().skip(1)) {
            let (from, to) = (older.reference.version, newer.reference.version);
            if chain.leads_on_from(from) {
                continue;
            }
            let report = self.registry.fits(&older.subject(), from, to)?;
            match report.compatible {
                true => chain = chain.unchanged(from, to)?,
                // A newer application's change, of which this one knows nothing.
                false if from >= wanted => chain = chain.guarded(),
                // The rules of the subject took it all the same; whether anything stored is affected, the log says.
                false => {
                    let reasons: Vec<_> = report.breaches.iter().map(|breach| breach.message.as_str()).collect();
                    gap = Some(Gap { from, to, reason: reasons.join("; ") });
                    chain = chain.guarded();
                }
            }
        }
        let earlier = versions.iter().map(|known| known.reference.version).filter(|version| *version < wanted);
        for version in earlier.filter(|_| gap.is_none()) {
            chain.reaches_from(version).map_err(|fault| StartError::NoWay {
                event_type: event_type.to_owned(),
                version,
                wanted,
                reason: fault.to_string(),
            })?;
        }
        Ok((chain, gap))
    }

    /// The registered versions of an event type, ascending; also those that were deleted, since events of them may be
    /// stored.
    fn versions(&self, event_type: &str) -> Vec<Arc<RegisteredSchema>> {
        let subject = Subject::new(SchemaKind::Event, event_type);
        self.registry.subject(&subject).map(|info| info.versions).unwrap_or_default()
    }

    /// Samples at every start, so that an upcaster that was changed is noticed; the log when the version is new.
    /// Across a gap only what is stored counts.
    async fn prove(
        &self,
        event_type: &str,
        (wanted, new): (u32, bool),
        upcasters: &Upcasters,
        gap: Option<Gap>,
    ) -> Result<(), StartError> {
        let samples = if gap.is_some() { Vec::new() } else { self.samples(event_type, wanted) };
        let invalid = |error| StartError::governance(event_type, error);
        let name = EventType::new(event_type).map_err(|error| invalid(error.to_string()))?;
        let proof = match new {
            true => proof::prove(self.store, upcasters, &name, samples).await?,
            false => proof::prove_samples(upcasters, &name, samples),
        };
        match gap {
            _ if proof.holds() => {}
            None => return Err(StartError::Unproven(Box::new(proof))),
            Some(Gap { from, to, reason }) => {
                let reason = format!("{reason}; {proof}");
                return Err(StartError::Breaking { event_type: event_type.to_owned(), from, to, reason });
            }
        }
        tracing::info!(event_type, events = proof.events, samples = proof.samples, "upcasters hold");
        Ok(())
    }

    /// Samples of every registered version up to the one wanted, as far as they are really valid under it.
    fn samples(&self, event_type: &str, wanted: u32) -> Vec<Sample> {
        let versions = self.versions(event_type).into_iter().filter(|known| known.reference.version <= wanted);
        let samples = versions.flat_map(|known| proof::samples_of(known.reference.version, &known.schema));
        let valid = |sample: &Sample| {
            let payload = Json::from_value(&sample.payload);
            self.registry.check(SchemaKind::Event, event_type, Some(sample.version), &payload).is_ok()
        };
        samples.filter(valid).collect()
    }
}
