//! How the schemas of an application came to be what they are: numbers its versions, links them, and sees to it that
//! what is stored can be read before anything new is recorded.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use nexus_core::{
    EventType,
    framework::{EventSpec, Projection},
    ports::{EventStore, SchemaKind, SchemaRef, Subject, SubjectRegistry},
    upcast::{DeclaredUpcaster, Upcasters},
};

use crate::{
    Catalogue, StartError,
    proof::{self, samples_under},
    ways::{self, Gap, Way, WayError, Ways},
};

/// What decides how stored payloads reach the application.
pub(crate) struct Evolution<'a> {
    store: &'a dyn EventStore,
    registry: &'a Arc<dyn SubjectRegistry>,
    /// The upcasters of the code, by event type.
    upcasters: BTreeMap<String, Vec<DeclaredUpcaster>>,
    /// The versions that projections name.
    followed: BTreeMap<String, u32>,
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

impl<'a> Evolution<'a> {
    /// Gathers the upcasters of the aggregates and those the application adds, and the versions that projections name.
    ///
    /// # Errors
    /// When there are upcasters of an event type that nobody knows.
    pub(crate) fn new(
        store: &'a dyn EventStore,
        registry: &'a Arc<dyn SubjectRegistry>,
        (catalogue, projections): (&Catalogue, &[Projection]),
        added: Vec<DeclaredUpcaster>,
    ) -> Result<Self, StartError> {
        let of_aggregates = catalogue.aggregates().flat_map(|aggregate| aggregate.upcasters()).cloned();
        let mut upcasters: BTreeMap<String, Vec<DeclaredUpcaster>> = BTreeMap::new();
        for declared in of_aggregates.chain(added) {
            upcasters.entry(declared.event_type.clone()).or_default().push(declared);
        }
        let known = known_events(catalogue, projections);
        if let Some(unknown) = upcasters.keys().find(|name| !known.contains(name.as_str())) {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(StartError::UnknownUpcaster { event_type: unknown.clone(), known });
        }
        let named = projections.iter().flat_map(Projection::schema_versions);
        let followed = named.map(|(event_type, version)| ((*event_type).to_owned(), *version)).collect();
        Ok(Self { store, registry, upcasters, followed })
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

    /// The upcasters in force and how they were found, after every stored version was found to have a way to the one
    /// declared, and every new version was proven against samples and the log.
    pub(crate) async fn settle(self, own: &OwnVersions) -> Result<(Arc<Upcasters>, Ways), StartError> {
        let mut ways = Ways::new(Arc::clone(self.registry), self.upcasters, self.followed);
        own.events.iter().for_each(|(name, (version, _))| ways.reads(name, *version));
        let (mut chains, mut gaps) = (Vec::new(), BTreeMap::new());
        for event_type in ways.event_types() {
            let versions = ways.versions(&event_type);
            let Some(wanted) = ways.wanted(&event_type, &versions) else { continue };
            let way = ways.way(&event_type, wanted, &versions)?;
            if own.events.contains_key(&event_type) {
                check_way(&way, &versions)?;
                gaps.extend(way.gap.map(|gap| (event_type, gap)));
            }
            chains.push(way.chain);
        }
        let upcasters = Arc::new(Upcasters::new(chains, ways::checked_by(Arc::clone(self.registry))));
        let start = Start { store: self.store, registry: self.registry, ways: &ways, upcasters: &upcasters };
        for (name, own) in own.events.iter().filter(|(name, _)| upcasters.concern(name)) {
            start.prove(name, *own, gaps.remove(name)).await?;
        }
        Ok((upcasters, ways))
    }
}

/// The event types of aggregates, and those that projections follow.
fn known_events<'a>(catalogue: &'a Catalogue, projections: &'a [Projection]) -> BTreeSet<&'a str> {
    let declared = catalogue.aggregates().flat_map(|aggregate| aggregate.events()).map(|event| event.event_type);
    declared.chain(projections.iter().flat_map(Projection::event_types).copied()).collect()
}

/// Every version before the one wanted has a way there, unless there is a gap; then what is stored counts.
fn check_way(way: &Way, versions: &[Arc<nexus_core::ports::RegisteredSchema>]) -> Result<(), StartError> {
    let (chain, wanted) = (&way.chain, way.chain.wanted());
    let earlier = versions.iter().map(|known| known.reference.version).filter(|version| *version < wanted);
    for version in earlier.filter(|_| way.gap.is_none()) {
        chain.reaches_from(version).map_err(|fault| StartError::NoWay {
            event_type: chain.event_type().to_owned(),
            version,
            wanted,
            reason: fault.to_string(),
        })?;
    }
    Ok(())
}

/// What is proven before an application starts.
struct Start<'a> {
    store: &'a dyn EventStore,
    registry: &'a Arc<dyn SubjectRegistry>,
    ways: &'a Ways,
    upcasters: &'a Arc<Upcasters>,
}

impl Start<'_> {
    /// Samples at every start where the code has upcasters, so that one that was changed is noticed; the log when the
    /// version is new. Upcasters that are registered were proven then and do not change. Across a gap only what is
    /// stored counts.
    async fn prove(&self, event_type: &str, (wanted, new): (u32, bool), gap: Option<Gap>) -> Result<(), StartError> {
        if !new && gap.is_none() && self.ways.in_code(event_type).is_empty() {
            return Ok(());
        }
        let versions = self.ways.versions(event_type);
        let earlier = versions.iter().filter(|known| known.reference.version <= wanted && gap.is_none());
        let samples = earlier.flat_map(|known| samples_under(&**self.registry, known)).collect();
        let name = EventType::new(event_type).map_err(|error| StartError::governance(event_type, error))?;
        let proof = match new {
            true => proof::prove(self.store, self.upcasters, &name, samples).await?,
            false => proof::prove_samples(self.upcasters, &name, samples),
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
}

impl From<WayError> for StartError {
    fn from(error: WayError) -> Self {
        match error {
            WayError::Chain(error) => error.into(),
            WayError::Registry(error) => error.into(),
        }
    }
}
