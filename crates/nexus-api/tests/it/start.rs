//! What a node makes of the schemas it finds and of those its application declares.

use std::sync::Arc;

use nexus_core::{
    Actor, Admission, AggregateType, DecisionId, EventId, EventType, ExpectedVersion, Json, Metadata, NewEvent,
    Proposal, StreamAppend, StreamId, Text,
    admission::AdmissionContext,
    framework::{Aggregate, AggregateDefinition, CommandHandler, Events},
    ports::{Clock as _, EventStore as _, RequestContext, SchemaKind, SchemaRegistry as _},
};
use nexus_runtime::{Catalogue, Node, NodeParts, StartError};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::fakes::{ManualClock, MemoryEventStore, MemoryIdempotencyIndex, MemoryReadStore, SequentialIds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ports::SwitchPolicy;

/// An event as one release of an application declares it, and the aggregate around it.
macro_rules! release {
    ($module:ident, { $($members:tt)* }) => {
        mod $module {
            use super::*;

            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(rename_all_fields = "camelCase")]
            pub(super) enum ParcelEvent {
                ParcelSent { $($members)* },
            }

            impl Events for ParcelEvent {
                const TYPES: &'static [&'static str] = &["ParcelSent"];

                fn event_type(&self) -> &'static str {
                    "ParcelSent"
                }
            }

            #[derive(Debug, Default)]
            pub(super) struct Parcel;

            impl Aggregate for Parcel {
                type Event = ParcelEvent;

                const NAME: &'static str = "Parcel";

                fn apply(&mut self, _: &ParcelEvent) {}

                fn handlers() -> Vec<CommandHandler<Self>> {
                    Vec::new()
                }
            }
        }
    };
}

release!(first, { weight: u32 });
release!(wider, { weight: u32, note: Option<String> });
release!(broken, { weight: String });

async fn start<A: Aggregate>(store: &MemoryEventStore) -> Result<Node, StartError> {
    Node::start(NodeParts {
        service: "post".into(),
        environment: "test".into(),
        catalogue: Catalogue::new([AggregateDefinition::of::<A>().unwrap()]).unwrap(),
        projections: Vec::new(),
        store: Arc::new(store.clone()),
        history: None,
        registry: Arc::new(JsonSchemaRegistry::new()),
        upcasters: Vec::new(),
        policy: Arc::new(SwitchPolicy),
        policy_compiler: None,
        policy_bundles: Vec::new(),
        policy_server: None,
        read_store: Arc::new(MemoryReadStore::default()),
        idempotency: Arc::new(MemoryIdempotencyIndex::default()),
        clock: Arc::new(ManualClock::default()),
        ids: Arc::new(SequentialIds::default()),
    })
    .await
}

fn version(node: &Node, name: &str) -> u32 {
    node.schemas().find(SchemaKind::Event, name, None).unwrap().reference.version
}

#[tokio::test]
async fn an_application_with_a_compatible_schema_starts_and_registers_it() {
    let store = MemoryEventStore::new(Arc::new(ManualClock::default()));
    assert_eq!(version(&start::<first::Parcel>(&store).await.unwrap(), "ParcelSent"), 1);
    let head = store.head();
    assert_eq!(version(&start::<first::Parcel>(&store).await.unwrap(), "ParcelSent"), 1);
    assert_eq!(store.head(), head, "a start without a change stored something");
    assert_eq!(version(&start::<wider::Parcel>(&store).await.unwrap(), "ParcelSent"), 2);
}

#[tokio::test]
async fn an_application_with_an_incompatible_schema_does_not_start_and_says_why() {
    let store = MemoryEventStore::new(Arc::new(ManualClock::default()));
    drop(start::<first::Parcel>(&store).await.unwrap());
    let head = store.head();
    let refused = start::<broken::Parcel>(&store).await.err().unwrap();
    assert!(matches!(refused, StartError::Declared { .. }), "{refused:?}");
    let text = refused.to_string();
    for part in
        ["`ParcelSent`", "BACKWARD_TRANSITIVE", "/properties/weight", "against version 1", "fix: ", "for example: {"]
    {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert_eq!(store.head(), head);
}

/// The schema of `SchemaRegistered` as the first release wrote it, and the registrations it stored.
fn first_release() -> (Value, Vec<(u32, &'static str, Value)>) {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SchemaRegistered",
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
    });
    let old = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    let stored = vec![(1, "SchemaRegistered", schema.clone()), (3, "OldEvent", old)];
    (schema, stored)
}

/// Stores what the first release stored.
async fn store_as_before(store: &MemoryEventStore) {
    let (schema, stored) = first_release();
    let registry = Arc::new(JsonSchemaRegistry::new());
    registry.register(SchemaKind::Event, "SchemaRegistered", &schema).unwrap();
    let mut events = Vec::new();
    for (id, name, schema) in stored {
        let digest = JsonSchemaRegistry::new().register(SchemaKind::Event, name, &schema).unwrap().digest;
        let payload = json!({
            "id": id, "kind": "event", "name": name, "version": 1, "digest": digest.to_string(), "schema": schema,
        });
        events.push(NewEvent {
            event_id: EventId::from_uuid(uuid_of(id)),
            event_type: EventType::new("SchemaRegistered").unwrap(),
            payload: Json::from_value(&payload),
            metadata: Metadata::default(),
        });
    }
    let part = StreamAppend {
        stream: StreamId::new("$schemas").unwrap(),
        aggregate_type: AggregateType::new("SchemaRegistry").unwrap(),
        condition: ExpectedVersion::NoStream.into(),
        events,
    };
    let (actor, time) = (Actor::system(), ManualClock::default().now());
    let request = RequestContext { service: Text::new(), client_id: None, environment: Text::new(), time };
    let decision_id = DecisionId::from_uuid(uuid_of(9));
    let context = AdmissionContext { actor: &actor, decision_id, request: &request };
    let admission = Admission::new(registry, Arc::new(SwitchPolicy));
    store.append(admission.admit(Proposal::single(part), context).await.unwrap()).await.unwrap();
}

fn uuid_of(number: u32) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(number))
}

#[tokio::test]
async fn registrations_of_the_first_release_still_load() {
    let store = MemoryEventStore::new(Arc::new(ManualClock::default()));
    store_as_before(&store).await;
    let node = start::<first::Parcel>(&store).await.unwrap();
    let old = node.schemas().by_id(3).unwrap();
    assert_eq!((old.reference.name.as_str(), old.semantic.to_string().as_str()), ("OldEvent", "1.0.0"));
    assert_eq!(version(&node, "SchemaRegistered"), 2);
    assert_eq!(version(&node, "ParcelSent"), 1);
    // What was stored since is read by the same code.
    let again = start::<first::Parcel>(&store).await.unwrap();
    assert_eq!(again.schemas().subjects(None, 100), node.schemas().subjects(None, 100));
}

#[tokio::test]
async fn the_platforms_own_schemas_follow_each_other() {
    let store = MemoryEventStore::new(Arc::new(ManualClock::default()));
    let node = start::<first::Parcel>(&store).await.unwrap();
    let newest = node.schemas().find(SchemaKind::Event, "SchemaRegistered", None).unwrap();
    let subject = nexus_core::ports::Subject::new(SchemaKind::Event, "SchemaRegistered");
    let wanted = nexus_core::ports::Registration::new(subject, newest.schema);
    let report = node.schemas().judge(&wanted, Some(1), ManualClock::default().now()).unwrap();
    assert!(report.compatible, "{report:#?}");
}
