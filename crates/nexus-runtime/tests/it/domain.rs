//! Orders whose event changes from version to version, written by hand, and nodes that serve them over one log.

use std::sync::Arc;

use nexus_core::{
    RecordedEvent,
    framework::{
        Aggregate, AggregateDefinition, Change, Command, CommandHandler, Ctx, Decision, Events, Handle, Project,
        Projection, ReadModel, Recorded, Row, Source, When,
    },
    ports::{EventStore, LogRead},
    upcast::{DeclaredUpcaster, Upcaster},
};
use nexus_runtime::{Catalogue, Node, NodeParts, StartError};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::fakes::{
    FixedPolicy, ManualClock, MemoryEventStore, MemoryIdempotencyIndex, MemoryReadStore, SequentialIds,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! domain {
    ($module:ident, $version:expr, $event:ident { $($field:ident: $type:ty),* }, $shown:ident) => {
        pub(crate) mod $module {
            use super::*;

            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            pub(crate) enum OrderEvent {
                OrderPlaced { $($field: $type),* },
            }

            impl Events for OrderEvent {
                const TYPES: &'static [&'static str] = &["OrderPlaced"];

                fn event_type(&self) -> &'static str {
                    "OrderPlaced"
                }

                fn schema_version(_: &str) -> Option<u32> {
                    $version
                }
            }

            #[derive(Debug, Serialize, Deserialize, JsonSchema)]
            pub(crate) struct CheckOrder {}

            impl Command for CheckOrder {
                const TYPE: &'static str = "CheckOrder";
            }

            #[derive(Debug, Default)]
            pub(crate) struct Order;

            impl Aggregate for Order {
                type Event = OrderEvent;

                const NAME: &'static str = "Order";

                fn apply(&mut self, _: &OrderEvent) {}

                fn handlers() -> Vec<CommandHandler<Self>> {
                    vec![CommandHandler::of::<CheckOrder>()]
                }
            }

            impl Handle<CheckOrder> for Order {
                const WHEN: When = When::Exists;

                fn handle(&self, _: CheckOrder, _: &Ctx<'_>) -> Decision<OrderEvent> {
                    Decision::nothing()
                }
            }

            #[derive(Debug, Serialize, Deserialize, JsonSchema)]
            pub(crate) struct OrderRow {
                pub(crate) id: String,
                pub(crate) shown: String,
            }

            impl ReadModel for OrderRow {
                const RESOURCE: &'static str = "orders";

                const KEY: &'static str = "id";

                fn sources() -> Vec<Source<Self>> {
                    vec![Source::of::<OrderEvent>()]
                }
            }

            impl Project<OrderEvent> for OrderRow {
                fn on(event: Recorded<OrderEvent>, _: Row<Self>) -> Change<Self> {
                    let OrderEvent::OrderPlaced { $shown, .. } = event.data;
                    Self { id: event.aggregate_id.to_string(), shown: $shown.to_string() }.into()
                }
            }

            /// A node that serves this version of the domain.
            pub(crate) async fn serve(data: &Data, upcasters: Vec<DeclaredUpcaster>) -> Result<Node, StartError> {
                data.serve::<Order, OrderRow>(upcasters).await
            }
        }
    };
}

domain!(first, None, OrderPlaced { customer: String }, customer);
domain!(second, None, OrderPlaced { first: String, last: String }, last);
domain!(third, None, OrderPlaced { family: String }, family);
domain!(wider, None, OrderPlaced { customer: String, note: Option<String> }, customer);
domain!(numbered, Some(7), OrderPlaced { customer: String }, customer);

macro_rules! follower {
    ($module:ident, $version:expr) => {
        /// A read model of payments, which no aggregate declares.
        pub(crate) mod $module {
            use super::*;

            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            pub(crate) enum PaidEvent {
                OrderPaid { cents: Option<u64>, minor: Option<u64> },
            }

            impl Events for PaidEvent {
                const TYPES: &'static [&'static str] = &["OrderPaid"];

                fn event_type(&self) -> &'static str {
                    "OrderPaid"
                }

                fn schema_version(_: &str) -> Option<u32> {
                    $version
                }
            }

            #[derive(Debug, Serialize, Deserialize, JsonSchema)]
            pub(crate) struct PaidRow {
                pub(crate) id: String,
                pub(crate) shown: String,
            }

            impl ReadModel for PaidRow {
                const RESOURCE: &'static str = "orders";

                const KEY: &'static str = "id";

                fn sources() -> Vec<Source<Self>> {
                    vec![Source::of::<PaidEvent>()]
                }
            }

            impl Project<PaidEvent> for PaidRow {
                fn on(event: Recorded<PaidEvent>, _: Row<Self>) -> Change<Self> {
                    let PaidEvent::OrderPaid { cents, minor } = event.data;
                    let shown =
                        cents.map(|cents| format!("{cents} cents")).or(minor.map(|minor| format!("{minor} minor")));
                    Self { id: event.aggregate_id.to_string(), shown: shown.unwrap_or_default() }.into()
                }
            }

            /// A node that follows payments and declares orders of the first version.
            pub(crate) async fn serve(data: &Data) -> Node {
                data.serve::<first::Order, PaidRow>(Vec::new()).await.unwrap()
            }
        }
    };
}

follower!(follower, None);
follower!(old_follower, Some(1));

/// What stays when a node is gone.
pub(crate) struct Data {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: MemoryEventStore,
    ids: Arc<SequentialIds>,
}

impl Data {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { store: MemoryEventStore::new(clock.clone()), clock, ids: Arc::default() }
    }

    async fn serve<A: Aggregate, R: ReadModel>(&self, upcasters: Vec<DeclaredUpcaster>) -> Result<Node, StartError> {
        Node::start(NodeParts {
            service: "orders".into(),
            environment: "test".into(),
            catalogue: Catalogue::new([AggregateDefinition::of::<A>().unwrap()]).unwrap(),
            projections: vec![Projection::of::<R>()],
            store: Arc::new(self.store.clone()),
            history: None,
            registry: Arc::new(JsonSchemaRegistry::new()),
            upcasters,
            policy: Arc::new(FixedPolicy::allow()),
            policy_compiler: None,
            policy_bundles: Vec::new(),
            policy_server: None,
            read_store: Arc::new(MemoryReadStore::default()),
            idempotency: Arc::new(MemoryIdempotencyIndex::default()),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        })
        .await
    }

    /// The whole log.
    pub(crate) async fn events(&self) -> Vec<RecordedEvent> {
        self.store.read_log(LogRead { limit: 1000, ..LogRead::default() }).await.unwrap().events
    }
}

/// An upcaster of `OrderPlaced` to the next version.
pub(crate) fn upcaster(from: u32, upcaster: impl Into<Upcaster>) -> DeclaredUpcaster {
    DeclaredUpcaster::new("OrderPlaced", from, upcaster)
}
