use std::{fs, path::Path, sync::Arc};

use bench_report::{Fallible, Order};
use nexus_core::{
    Actor, Admission, AggregateType, DecisionId, EventId, EventType, ExpectedVersion, Json, Metadata, NewEvent,
    Position, Proposal, StreamAppend, StreamId, Text, Version,
    admission::AdmissionContext,
    framework::AggregateDefinition,
    ports::{
        Clock, EventStore as _, LogRead, PolicyEngine, PolicyModule, RequestContext, SchemaKind, SchemaRegistry,
        StreamRead,
    },
};
use nexus_log::{LogEventStore, LogOptions};
use nexus_policy::RegoPolicyEngine;
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::fixture::permissive_admission;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::subject::{Answer, Reads, Subject};

/// What stands before the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Governance {
    /// The schemas and the policy of the Order example.
    Real,
    /// The schemas of the Order example; every question to the policy is answered yes.
    Schemas,
    /// Admits everything.
    Absent,
}

/// The log of Nexus with an admission before it.
pub(crate) struct NexusLog {
    store: LogEventStore,
    admission: Admission,
    actor: Actor,
    context: RequestContext,
    aggregate_type: AggregateType,
    event_type: EventType,
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> nexus_core::Timestamp {
        jiff::Timestamp::now().into()
    }
}

impl NexusLog {
    pub(crate) fn open(dir: &Path, governance: Governance) -> Fallible<Self> {
        Ok(Self {
            store: LogEventStore::open(dir, LogOptions::default(), Arc::new(SystemClock))?,
            admission: match governance {
                Governance::Real => Admission::new(schemas()?, policy()?),
                Governance::Schemas => Admission::new(schemas()?, Arc::clone(permissive_admission().judge().embedded())),
                Governance::Absent => permissive_admission(),
            },
            actor: Actor::new(Text::from_static("bench"), vec![Text::from_static("writer")]),
            context: RequestContext {
                service: Text::from_static("bench"),
                client_id: None,
                environment: Text::from_static("production"),
                time: SystemClock.now(),
            },
            aggregate_type: AggregateType::new("Order")?,
            event_type: EventType::new("OrderPlaced")?,
        })
    }

    /// Number of events stored.
    pub(crate) fn head(&self) -> u64 {
        self.store.head().get()
    }

    fn proposal(&self, orders: Vec<Order>) -> Fallible<Proposal> {
        let mut streams: Vec<StreamAppend> = Vec::new();
        for order in orders {
            if streams.last().is_none_or(|part| part.stream.as_str() != order.stream) {
                let expected = ExpectedVersion::Exact(Version::new(order.version - 1));
                streams.push(StreamAppend {
                    stream: StreamId::new(order.stream)?,
                    aggregate_type: self.aggregate_type.clone(),
                    condition: expected.into(),
                    events: Vec::new(),
                });
            }
            let event = NewEvent {
                event_id: EventId::from_uuid(order.id),
                event_type: self.event_type.clone(),
                payload: Json::from_stored(order.payload.as_bytes().to_vec().into()),
                metadata: Metadata { user_id: Some(self.actor.id.clone()), ..Metadata::default() },
            };
            streams.last_mut().ok_or("no stream")?.events.push(event);
        }
        Ok(Proposal { streams })
    }

    async fn store(&self, orders: Vec<Order>) -> Fallible<()> {
        let decision_id = DecisionId::from_uuid(Uuid::now_v7());
        let context = AdmissionContext { actor: &self.actor, decision_id, request: &self.context };
        let admitted = self.admission.admit(self.proposal(orders)?, context).await?;
        self.store.append(admitted).await?;
        Ok(())
    }
}

impl Subject for NexusLog {
    fn append(&self, orders: Vec<Order>) -> Answer<'_, ()> {
        Box::pin(self.store(orders))
    }
}

/// The schemas of the Order example.
fn schemas() -> Fallible<Arc<dyn SchemaRegistry>> {
    let registry = JsonSchemaRegistry::new();
    for event in AggregateDefinition::of::<orders::Order>()?.events() {
        registry.register(SchemaKind::Event, event.event_type, &event.schema)?;
    }
    Ok(Arc::new(registry))
}

/// The shipped policy with the module of the Order example.
fn policy() -> Fallible<Arc<dyn PolicyEngine>> {
    let own = PolicyModule { name: "orders.rego".to_owned(), source: orders::POLICY.to_owned() };
    Ok(Arc::new(RegoPolicyEngine::new(nexus_policy::with_shipped([own]))?))
}

/// Reads of the log, from outside the runtime.
pub(crate) struct NexusReads<'a> {
    pub(crate) log: &'a NexusLog,
    pub(crate) runtime: &'a Runtime,
}

impl Reads for NexusReads<'_> {
    fn stream(&self, name: &str) -> Fallible<u64> {
        let read = StreamRead::all(StreamId::new(name)?, 10);
        Ok(self.runtime.block_on(self.log.store.read_stream(read))?.events.len() as u64)
    }

    fn scan(&self) -> Fallible<u64> {
        let (mut from, mut events) = (Position::START, 0);
        loop {
            let read = LogRead { from, limit: 1000, ..LogRead::default() };
            let page = self.runtime.block_on(self.log.store.read_log(read))?;
            events += page.events.len() as u64;
            if page.next <= from {
                return Ok(events);
            }
            from = page.next;
        }
    }
}

/// Bytes that the log writes for one governed event, from what a small log holds.
pub(crate) fn record_bytes(runtime: &Runtime, dir: &Path) -> Fallible<usize> {
    const EVENTS: usize = 10_000;
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)?;
    let log = NexusLog::open(dir, Governance::Real)?;
    let mut source = bench_report::OrderSource::new("size", 1);
    for _ in 0..EVENTS / 100 {
        runtime.block_on(log.store(source.batch(100)))?;
    }
    drop(log);
    let mut used = 0;
    for entry in fs::read_dir(dir.join("log"))? {
        let bytes = fs::read(entry?.path())?;
        used += bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    }
    fs::remove_dir_all(dir)?;
    Ok(used.div_ceil(EVENTS))
}
