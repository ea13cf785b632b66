//! Schemas are events themselves: this brings the registry to what the log says, and the log to what the application
//! declares.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use nexus_core::{
    Actor, Admission, AggregateType, EventType, ExpectedVersion, Json, Metadata, NewEvent, Proposal, RecordedEvent,
    StreamAppend, StreamId, Version,
    ports::{
        Direction, EventStore, IdSource, RegisterError, RegisteredSchema, Registration, RegistrationPlan,
        RegistryChange, RequestContext, SchemaKind, StreamRead, Subject, SubjectRegistry,
    },
    upcast::Upcasters,
};
use serde_json::Value;

use crate::{
    Catalogue, StartError,
    evolution::{Evolution, OwnVersions},
    policies,
    schemas::{Declared, SCHEMA_REGISTERED, SCHEMAS, change_of, event_of, own_schemas, schema_registered_schema},
    tokens,
    ways::Ways,
};

/// What governance needs to write its own streams.
pub(crate) struct Governance<'a> {
    pub(crate) store: &'a dyn EventStore,
    pub(crate) admission: &'a Admission,
    pub(crate) registry: &'a dyn SubjectRegistry,
    pub(crate) ids: &'a dyn IdSource,
    pub(crate) request: RequestContext,
}

/// The registry once everything declared is known.
pub(crate) struct SchemasAtStart {
    /// The schemas this node needs.
    pub(crate) declared: HashMap<Subject, Declared>,
    /// The version of `$schemas`.
    pub(crate) version: Version,
    /// The schema versions the application's types were written for.
    pub(crate) versions: OwnVersions,
    /// What brings stored events there.
    pub(crate) upcasters: Arc<Upcasters>,
    /// How that was found.
    pub(crate) ways: Ways,
}

impl Governance<'_> {
    /// Replays `$schemas`, judges and registers what the platform and the catalogue declare, and records what is new
    /// once everything stored was found readable under it.
    pub(crate) async fn schemas(
        &self,
        catalogue: &Catalogue,
        evolution: Evolution<'_>,
    ) -> Result<SchemasAtStart, StartError> {
        // The first types the platform had come first, so that they have the same ids in every store.
        let mut declared = vec![self.own(SCHEMA_REGISTERED, &schema_registered_schema())?];
        let [policy_activated, later @ ..] = policies::own_schemas();
        declared.push(self.own(policy_activated.0, &policy_activated.1)?);
        let mut recorded: BTreeSet<u32> = BTreeSet::new();
        let (history, version) = self.history(SCHEMAS).await?;
        for event in &history {
            let change = change_of(event).map_err(|reason| StartError::governance(SCHEMAS, reason))?;
            if let RegistryChange::Registered(schema) = &change {
                recorded.insert(schema.reference.id);
            }
            self.registry.apply(change)?;
        }
        for (event_type, schema) in own_schemas().into_iter().chain(tokens::own_schemas()).chain(later) {
            declared.push(self.own(event_type, &schema)?);
        }
        let mut needed: HashMap<Subject, Declared> =
            declared.iter().map(|known| (known.subject(), Declared::Platform)).collect();
        let mut versions = OwnVersions::default();
        for (wanted, number) in declarations(catalogue, &evolution) {
            let known = self.declare(wanted, number, &evolution)?;
            needed.insert(known.subject(), Declared::Application(known.reference.id));
            versions.add(&known.reference, !recorded.contains(&known.reference.id));
            declared.push(known);
        }
        let (upcasters, ways) = evolution.settle(&versions).await?;
        declared.retain(|known| recorded.insert(known.reference.id));
        let events = declared.iter().map(|known| self.registration(known)).collect::<Result<Vec<_>, _>>()?;
        let version = self.record(SCHEMAS, "SchemaRegistry", version, events).await?;
        Ok(SchemasAtStart { declared: needed, version, versions, upcasters, ways })
    }

    /// Makes one of the platform's own types known.
    fn own(&self, event_type: &str, schema: &Value) -> Result<Arc<RegisteredSchema>, StartError> {
        let reference = self.registry.register(SchemaKind::Event, event_type, schema)?;
        let vanished = || StartError::governance(SCHEMAS, format_args!("`{event_type}` vanished from the registry"));
        self.registry.by_id(reference.id).ok_or_else(vanished)
    }

    /// Makes a schema known that the application declares: when the rules of its subject accept it, or when upcasters
    /// bring there what does not fit. Whether they do is proven before anything is recorded.
    fn declare(
        &self,
        wanted: Registration,
        number: Option<u32>,
        evolution: &Evolution<'_>,
    ) -> Result<Arc<RegisteredSchema>, StartError> {
        let declared = |error| StartError::Declared { subject: wanted.subject.clone(), error };
        let next = match self.registry.plan_registration(&wanted, self.request.time) {
            Ok(RegistrationPlan::Known(known)) => return numbered(known, number),
            Ok(RegistrationPlan::New(new)) if number.is_none_or(|number| number == new.reference.version) => new,
            // Its number is the application's, or upcasters stand for what the mode refuses.
            Ok(RegistrationPlan::New(_)) => return self.declare_at(&wanted, number).map_err(declared),
            Err(RegisterError::Incompatible { .. }) if evolution.upcasts(&wanted.subject) => {
                return self.declare_at(&wanted, number).map_err(declared);
            }
            Err(error) => return Err(declared(error)),
        };
        self.registry.apply(RegistryChange::Registered(next.clone())).map_err(declared)?;
        Ok(Arc::from(next))
    }

    fn declare_at(&self, wanted: &Registration, number: Option<u32>) -> Result<Arc<RegisteredSchema>, RegisterError> {
        let Subject { kind, name } = &wanted.subject;
        let reference = match number {
            Some(number) => self.registry.register_at(*kind, name, number, &wanted.schema)?,
            None => self.registry.register(*kind, name, &wanted.schema)?,
        };
        let unknown = || RegisterError::UnknownVersion { subject: wanted.subject.clone(), version: reference.version };
        self.registry.by_id(reference.id).ok_or_else(unknown)
    }

    fn registration(&self, known: &Arc<RegisteredSchema>) -> Result<NewEvent, StartError> {
        let change = RegistryChange::Registered(Box::new((**known).clone()));
        let (event_type, payload) = event_of(&change).map_err(|error| StartError::governance(SCHEMAS, error))?;
        self.event(event_type, payload)
    }

    fn event(&self, event_type: &str, payload: Json) -> Result<NewEvent, StartError> {
        let invalid = |error: &dyn std::fmt::Display| StartError::governance(event_type, error);
        Ok(NewEvent {
            event_id: self.ids.event_id(),
            event_type: EventType::new(event_type).map_err(|error| invalid(&error))?,
            payload,
            metadata: Metadata { user_id: Some(Actor::system().id), ..Metadata::default() },
        })
    }

    async fn history(&self, stream: &str) -> Result<(Vec<RecordedEvent>, Version), StartError> {
        let id = StreamId::new(stream).map_err(|error| StartError::governance(stream, error))?;
        let mut events = Vec::new();
        let mut from = Version::new(1);
        loop {
            let read = StreamRead { from, direction: Direction::Forward, ..StreamRead::all(id.clone(), 1000) };
            let page = self.store.read_stream(read).await?;
            events.extend(page.events);
            match page.next {
                Some(next) => from = next,
                None => return Ok((events, page.version)),
            }
        }
    }

    async fn record(
        &self,
        stream: &str,
        aggregate_type: &str,
        version: Version,
        events: Vec<NewEvent>,
    ) -> Result<Version, StartError> {
        if events.is_empty() {
            return Ok(version);
        }
        let part = StreamAppend {
            stream: StreamId::new(stream).map_err(|error| StartError::governance(stream, error))?,
            aggregate_type: AggregateType::new(aggregate_type)
                .map_err(|error| StartError::governance(stream, error))?,
            condition: ExpectedVersion::Exact(version).into(),
            events,
        };
        let admitted = self.admission.admit_own(Proposal::single(part), self.ids.decision_id(), &self.request)?;
        let appended = self.store.append(admitted).await?;
        Ok(appended.streams.last().map_or(version, |part| part.version))
    }
}

/// A schema that is known already, if it is known under the number the application gives it.
fn numbered(known: Arc<RegisteredSchema>, number: Option<u32>) -> Result<Arc<RegisteredSchema>, StartError> {
    let registered = known.reference.version;
    match number.filter(|declared| *declared != registered) {
        None => Ok(known),
        Some(declared) => Err(StartError::Numbering { event_type: known.reference.name.clone(), declared, registered }),
    }
}

/// What the application declares: the schemas of its events and commands, with the numbers it gives them.
fn declarations(catalogue: &Catalogue, evolution: &Evolution<'_>) -> Vec<(Registration, Option<u32>)> {
    let mut wanted = Vec::new();
    for aggregate in catalogue.aggregates() {
        for event in aggregate.events() {
            let subject = Subject::new(SchemaKind::Event, event.event_type);
            wanted.push((Registration::new(subject, event.schema.clone()), evolution.number(event)));
        }
        for command in aggregate.commands() {
            let subject = Subject::new(SchemaKind::Command, command.command_type);
            wanted.push((Registration::new(subject, command.schema.clone()), None));
        }
    }
    wanted
}
