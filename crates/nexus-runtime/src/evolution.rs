//! How the schemas of an application came to be what they are: numbers its versions, links them, and sees to it that
//! what is stored can be read before anything new is recorded.

use std::{collections::BTreeMap, sync::Arc};

use nexus_core::{
    Admission, EventType, Json,
    framework::EventSpec,
    ports::{EventStore, SchemaDocument, SchemaKind, SchemaRef},
    upcast::{Chain, DeclaredUpcaster, Upcasters},
};
use serde_json::Value;

use crate::{
    Catalogue, StartError,
    proof::{self, Sample},
};

/// Whether every payload that an earlier schema let in fits a newer one as it is: `Err` says why not. Called with the
/// newer schema first.
pub type PayloadsFit<'a> = &'a (dyn Fn(&Value, &Value) -> Result<(), String> + Send + Sync);

/// What decides how stored payloads reach the application.
pub(crate) struct Evolution<'a> {
    pub(crate) admission: &'a Admission,
    pub(crate) store: &'a dyn EventStore,
    pub(crate) payloads_fit: PayloadsFit<'a>,
    /// By event type.
    upcasters: BTreeMap<String, Vec<DeclaredUpcaster>>,
}

/// The schemas an application declares, as they are registered.
#[derive(Default)]
pub(crate) struct DeclaredSchemas {
    /// By event type, with whether it is new in this log.
    pub(crate) events: BTreeMap<String, (SchemaRef, bool)>,
    /// By command type.
    pub(crate) commands: BTreeMap<String, SchemaRef>,
}

/// The schema versions that the types of an application were written for. They are not always the newest: somebody may
/// register a newer one, or an older application may be run again.
#[derive(Default)]
pub(crate) struct OwnVersions {
    events: BTreeMap<String, u32>,
    commands: BTreeMap<String, u32>,
}

impl OwnVersions {
    pub(crate) fn of(declared: &DeclaredSchemas) -> Self {
        let event = |(name, (reference, _)): (&String, &(SchemaRef, bool))| (name.clone(), reference.version);
        let command = |(name, reference): (&String, &SchemaRef)| (name.clone(), reference.version);
        Self {
            events: declared.events.iter().map(event).collect(),
            commands: declared.commands.iter().map(command).collect(),
        }
    }

    /// The version that decided events of a type follow.
    pub(crate) fn of_event(&self, event_type: &str) -> Option<u32> {
        self.events.get(event_type).copied()
    }

    /// The version that commands of a type must follow.
    pub(crate) fn of_command(&self, command_type: &str) -> Option<u32> {
        self.commands.get(command_type).copied()
    }
}

impl<'a> Evolution<'a> {
    /// Gathers the upcasters of the aggregates and those the application adds.
    pub(crate) fn new(
        admission: &'a Admission,
        store: &'a dyn EventStore,
        payloads_fit: PayloadsFit<'a>,
        catalogue: &Catalogue,
        added: Vec<DeclaredUpcaster>,
    ) -> Self {
        let of_aggregates = catalogue.aggregates().flat_map(|aggregate| aggregate.upcasters()).cloned();
        let mut upcasters: BTreeMap<String, Vec<DeclaredUpcaster>> = BTreeMap::new();
        for declared in of_aggregates.chain(added) {
            upcasters.entry(declared.event_type.clone()).or_default().push(declared);
        }
        Self { admission, store, payloads_fit, upcasters }
    }

    /// Refuses upcasters of event types that nobody knows.
    pub(crate) fn check_names(&self, known: &[&str]) -> Result<(), StartError> {
        match self.upcasters.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(unknown) => Err(StartError::UnknownUpcaster { event_type: unknown.clone(), known: known.join(", ") }),
        }
    }

    /// Registers the schema of an event type, under the number the application gives it.
    pub(crate) fn register(&self, event: &EventSpec) -> Result<SchemaRef, StartError> {
        let (registry, name) = (self.admission.registry(), event.event_type);
        let last = self.upcasters.get(name).into_iter().flatten().map(|declared| declared.to).max();
        let Some(declared) = event.version.or(last) else {
            return Ok(registry.register(SchemaKind::Event, name, &event.schema)?);
        };
        let reference = registry.register_at(SchemaKind::Event, name, declared, &event.schema)?;
        if reference.version == declared {
            return Ok(reference);
        }
        Err(StartError::Numbering { event_type: name.to_owned(), declared, registered: reference.version })
    }

    /// The upcasters in force, after every stored version was found to have a way to the one declared, and every new
    /// version was proven against samples and the log.
    pub(crate) async fn settle(&self, declared: &DeclaredSchemas) -> Result<Upcasters, StartError> {
        let mut chains = Vec::new();
        for (name, (reference, _)) in &declared.events {
            chains.push(self.chain(name, reference.version)?);
        }
        for (name, upcasters) in &self.upcasters {
            if !declared.events.contains_key(name) {
                let last = upcasters.iter().map(|upcaster| upcaster.to).max().unwrap_or(1);
                chains.push(self.declared_chain(name, last)?);
            }
        }
        let upcasters = Upcasters::new(chains, Upcasters::checked_by(Arc::clone(self.admission.registry())));
        for (reference, new) in declared.events.values().filter(|(event, _)| upcasters.concern(&event.name)) {
            self.prove(reference, *new, &upcasters).await?;
        }
        Ok(upcasters)
    }

    fn declared_chain(&self, event_type: &str, wanted: u32) -> Result<Chain, StartError> {
        let declared = self.upcasters.get(event_type).into_iter().flatten().cloned();
        Ok(declared.into_iter().try_fold(Chain::to(event_type, wanted), Chain::upcaster)?)
    }

    /// The declared upcasters, and between them the versions whose payloads fit the next as they are.
    fn chain(&self, event_type: &str, wanted: u32) -> Result<Chain, StartError> {
        let mut chain = self.declared_chain(event_type, wanted)?;
        let versions = self.versions(event_type);
        for (older, newer) in versions.iter().zip(versions.iter().skip(1)) {
            let (from, to) = (older.reference.version, newer.reference.version);
            if chain.leads_on_from(from) {
                continue;
            }
            match (self.payloads_fit)(&newer.schema, &older.schema) {
                Ok(()) => chain = chain.unchanged(from, to)?,
                // A newer application's change, of which this one knows nothing.
                Err(_) if from >= wanted => chain = chain.guarded(),
                Err(reason) => {
                    return Err(StartError::Breaking { event_type: event_type.to_owned(), from, to, reason });
                }
            }
        }
        for version in versions.iter().map(|document| document.reference.version).filter(|version| *version < wanted) {
            chain.reaches_from(version).map_err(|fault| StartError::NoWay {
                event_type: event_type.to_owned(),
                version,
                wanted,
                reason: fault.to_string(),
            })?;
        }
        Ok(chain)
    }

    /// The registered versions of an event type, ascending.
    fn versions(&self, event_type: &str) -> Vec<SchemaDocument> {
        let find = |version| self.admission.registry().find(SchemaKind::Event, event_type, version);
        let newest = find(None).map_or(0, |newest| newest.reference.version);
        (1..=newest).filter_map(|version| find(Some(version))).collect()
    }

    /// Samples at every start, so that an upcaster that was changed is noticed; the log when the version is new.
    async fn prove(&self, wanted: &SchemaRef, new: bool, upcasters: &Upcasters) -> Result<(), StartError> {
        let (event_type, samples) = (wanted.name.as_str(), self.samples(wanted));
        let invalid = |error| StartError::governance(event_type, error);
        let name = EventType::new(event_type).map_err(|error| invalid(error.to_string()))?;
        let proof = match new {
            true => proof::prove(self.store, upcasters, &name, samples).await?,
            false => proof::prove_samples(upcasters, &name, samples),
        };
        if !proof.holds() {
            return Err(StartError::Unproven(Box::new(proof)));
        }
        tracing::info!(event_type, events = proof.events, samples = proof.samples, "upcasters hold");
        Ok(())
    }

    /// Samples of every registered version up to the one wanted, as far as they are really valid under it.
    fn samples(&self, wanted: &SchemaRef) -> Vec<Sample> {
        let (registry, event_type) = (self.admission.registry(), wanted.name.as_str());
        let versions =
            self.versions(event_type).into_iter().filter(|version| version.reference.version <= wanted.version);
        let samples = versions.flat_map(|document| proof::samples_of(document.reference.version, &document.schema));
        let valid = |sample: &Sample| {
            let payload = Json::from_value(&sample.payload);
            registry.check(SchemaKind::Event, event_type, Some(sample.version), &payload).is_ok()
        };
        samples.filter(valid).collect()
    }
}
