//! Schemas and policies are events themselves: this brings the registry to what the log says, and the log to what the
//! application declares.

use std::collections::BTreeSet;

use nexus_core::{
    Actor, Admission, AggregateType, Digest, EventType, ExpectedVersion, Json, Metadata, NewEvent, Position, Proposal,
    RecordedEvent, StreamAppend, StreamId, Version,
    admission::AdmissionContext,
    ports::{
        Direction, EventStore, IdSource, RegisterError, RequestContext, SchemaDocument, SchemaKind, SchemaRef,
        StreamRead,
    },
    upcast::Upcasters,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Catalogue, StartError,
    evolution::{DeclaredSchemas, Evolution},
};

/// Puts a schema back into the registry under the id and version it was registered with.
pub type SchemaRestore<'a> = &'a (dyn Fn(SchemaDocument) -> Result<(), RegisterError> + Send + Sync);

/// One module of the policy bundle, for the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySource {
    /// File name: `orders.rego`.
    pub name: String,
    /// Rego source text.
    pub source: String,
}

const SCHEMAS: &str = "$schemas";
const POLICIES: &str = "$policies";
const SCHEMA_REGISTERED: &str = "SchemaRegistered";
const POLICY_ACTIVATED: &str = "PolicyActivated";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaRegistered {
    id: u32,
    kind: String,
    name: String,
    version: u32,
    digest: String,
    schema: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyActivated {
    digest: String,
    modules: Vec<PolicySource>,
}

/// What governance needs to write its own streams.
pub(crate) struct Governance<'a> {
    pub(crate) store: &'a dyn EventStore,
    pub(crate) admission: &'a Admission,
    pub(crate) ids: &'a dyn IdSource,
    pub(crate) request: RequestContext,
}

impl Governance<'_> {
    /// Replays `$schemas`, registers what the catalogue declares and is new, and records that once everything stored
    /// was found readable under it.
    pub(crate) async fn schemas(
        &self,
        catalogue: &Catalogue,
        restore: SchemaRestore<'_>,
        evolution: &Evolution<'_>,
    ) -> Result<(DeclaredSchemas, Upcasters), StartError> {
        // The platform's own types come first, so that they have the same ids in every store.
        let mut declared = vec![self.register(SchemaKind::Event, SCHEMA_REGISTERED, &schema_registered_schema())?];
        declared.push(self.register(SchemaKind::Event, POLICY_ACTIVATED, &policy_activated_schema())?);
        let mut recorded: BTreeSet<u32> = BTreeSet::new();
        let (history, version) = self.history(SCHEMAS).await?;
        for event in &history {
            let document = document_of(event)?;
            recorded.insert(document.reference.id);
            restore(document)?;
        }
        let mut own = DeclaredSchemas::default();
        for aggregate in catalogue.aggregates() {
            for event in aggregate.events() {
                let reference = evolution.register(event)?;
                let new = !recorded.contains(&reference.id);
                own.events.insert(event.event_type.to_owned(), (reference.clone(), new));
                declared.push(reference);
            }
            for command in aggregate.commands() {
                let reference = self.register(SchemaKind::Command, command.command_type, &command.schema)?;
                own.commands.insert(command.command_type.to_owned(), reference.clone());
                declared.push(reference);
            }
        }
        let upcasters = evolution.settle(&own).await?;
        declared.retain(|reference| recorded.insert(reference.id));
        let new = declared.iter().map(|reference| self.registration(reference)).collect::<Result<Vec<_>, _>>()?;
        self.record(SCHEMAS, "SchemaRegistry", version, new).await?;
        Ok((own, upcasters))
    }

    /// Records the policy in force when it differs from the one recorded last.
    pub(crate) async fn policies(&self, modules: &[PolicySource]) -> Result<(), StartError> {
        let digest = self.admission.policy().digest();
        let (history, version) = self.history(POLICIES).await?;
        let last = history.last().map(|event| event.payload.to::<PolicyActivated>()).transpose();
        let last = last.map_err(|error| StartError::governance(POLICIES, error))?;
        if last.is_some_and(|last| last.digest.parse() == Ok::<Digest, _>(digest)) {
            return Ok(());
        }
        let activated = PolicyActivated { digest: digest.to_string(), modules: modules.to_vec() };
        let event = self.event(POLICY_ACTIVATED, &activated)?;
        self.record(POLICIES, "PolicySet", version, vec![event]).await
    }

    fn register(&self, kind: SchemaKind, name: &str, schema: &Value) -> Result<SchemaRef, StartError> {
        Ok(self.admission.registry().register(kind, name, schema)?)
    }

    fn registration(&self, reference: &SchemaRef) -> Result<NewEvent, StartError> {
        let registry = self.admission.registry();
        let document = registry.find(reference.kind, &reference.name, Some(reference.version)).ok_or_else(|| {
            StartError::governance(SCHEMAS, format_args!("`{}` vanished from the registry", reference.name))
        })?;
        let registered = SchemaRegistered {
            id: reference.id,
            kind: reference.kind.to_string(),
            name: reference.name.clone(),
            version: reference.version,
            digest: reference.digest.to_string(),
            schema: document.schema,
        };
        self.event(SCHEMA_REGISTERED, &registered)
    }

    fn event(&self, event_type: &str, payload: &impl Serialize) -> Result<NewEvent, StartError> {
        let invalid = |error: &dyn std::fmt::Display| StartError::governance(event_type, error);
        Ok(NewEvent {
            event_id: self.ids.event_id(),
            event_type: EventType::new(event_type).map_err(|error| invalid(&error))?,
            payload: Json::from_serialize(payload).map_err(|error| invalid(&error))?,
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
    ) -> Result<(), StartError> {
        if events.is_empty() {
            return Ok(());
        }
        let part = StreamAppend {
            stream: StreamId::new(stream).map_err(|error| StartError::governance(stream, error))?,
            aggregate_type: AggregateType::new(aggregate_type)
                .map_err(|error| StartError::governance(stream, error))?,
            condition: ExpectedVersion::Exact(version).into(),
            events,
        };
        let actor = Actor::system();
        let context = AdmissionContext { actor: &actor, decision_id: self.ids.decision_id(), request: &self.request };
        let admitted = self.admission.admit(Proposal::single(part), context)?;
        let appended = self.store.append(admitted).await?;
        debug_assert!(appended.position > Position::START);
        Ok(())
    }
}

fn document_of(event: &RecordedEvent) -> Result<SchemaDocument, StartError> {
    let damaged = |error: &dyn std::fmt::Display| {
        StartError::governance(SCHEMAS, format_args!("event at position {}: {error}", event.position))
    };
    let registered: SchemaRegistered = event.payload.to().map_err(|error| damaged(&error))?;
    let kind = match registered.kind.as_str() {
        "event" => SchemaKind::Event,
        "command" => SchemaKind::Command,
        other => return Err(damaged(&format_args!("unknown kind `{other}`"))),
    };
    let digest = registered.digest.parse().map_err(|error| damaged(&error))?;
    let reference = SchemaRef { id: registered.id, kind, name: registered.name, version: registered.version, digest };
    Ok(SchemaDocument { reference, schema: registered.schema })
}

fn schema_registered_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA_REGISTERED,
        "description": "A schema version became known; its id and version never change.",
        "type": "object",
        "properties": {
            "id": { "type": "integer", "minimum": 1 },
            "kind": { "enum": ["event", "command"] },
            "name": { "type": "string", "minLength": 1 },
            "version": { "type": "integer", "minimum": 1 },
            "digest": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "schema": {}
        },
        "required": ["id", "kind", "name", "version", "digest", "schema"]
    })
}

fn policy_activated_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": POLICY_ACTIVATED,
        "description": "A policy bundle came into force.",
        "type": "object",
        "properties": {
            "digest": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "modules": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": { "name": { "type": "string" }, "source": { "type": "string" } },
                    "required": ["name", "source"]
                }
            }
        },
        "required": ["digest", "modules"]
    })
}
