//! Bundles that come into force and go, and what is written down of decisions.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nexus_core::{
    Actor, EventType, ExpectedVersion, Json, Metadata, NewEvent, Proposal, RecordedEvent, StreamAppend, StreamId,
    framework::AggregateDefinition,
    ports::{
        EventStore as _, LogRead, PolicyInput, PolicyKind, PolicyModule, PolicyResource, PolicyServer, RequestContext,
    },
};
use nexus_policy::{RegoPolicyCompiler, RegoPolicyEngine, shipped, shipped_tests, with_shipped};
use nexus_runtime::{
    Catalogue, DECISION_RECORDED, DecisionRecorded, Node, NodeParts, PolicyBundle, PolicyFailure, RequestInfo,
    StartError,
};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::fakes::{ManualClock, MemoryEventStore, MemoryIdempotencyIndex, MemoryReadStore, SequentialIds};

use crate::domain::first;

/// What stays when a node is gone.
pub(crate) struct Place {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: MemoryEventStore,
    ids: Arc<SequentialIds>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { store: MemoryEventStore::new(clock.clone()), clock, ids: Arc::default() }
    }

    async fn start(&self, own: &str) -> Result<Node, StartError> {
        self.start_beside(own, None).await
    }

    /// A node that serves orders, with a policy server beside its policy.
    pub(crate) async fn start_beside(
        &self,
        own: &str,
        policy_server: Option<Arc<dyn PolicyServer>>,
    ) -> Result<Node, StartError> {
        let shipped = [shipped(), shipped_tests()].concat();
        let own = if own.is_empty() { Vec::new() } else { vec![module("own.rego", own)] };
        Node::start(NodeParts {
            service: "orders".into(),
            environment: "test".into(),
            catalogue: Catalogue::new([AggregateDefinition::of::<first::Order>().unwrap()]).unwrap(),
            projections: Vec::new(),
            store: Arc::new(self.store.clone()),
            history: None,
            registry: Arc::new(JsonSchemaRegistry::new()),
            upcasters: Vec::new(),
            policy: Arc::new(RegoPolicyEngine::new(with_shipped(own.clone())).unwrap()),
            policy_compiler: Some(Arc::new(RegoPolicyCompiler)),
            policy_bundles: vec![
                PolicyBundle { name: "nexus".to_owned(), modules: shipped },
                PolicyBundle { name: "app".to_owned(), modules: own },
            ],
            policy_server,
            read_store: Arc::new(MemoryReadStore::default()),
            idempotency: Arc::new(MemoryIdempotencyIndex::default()),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        })
        .await
    }

    /// The payloads of all events of a type.
    pub(crate) async fn told(&self, event_type: &str) -> Vec<serde_json::Value> {
        let page = self.store.read_log(LogRead { limit: 1000, ..LogRead::default() }).await.unwrap();
        let wanted = page.events.iter().filter(|event| event.event_type.as_str() == event_type);
        wanted.map(|event| event.payload.to_value().unwrap()).collect()
    }

    /// The whole log.
    pub(crate) async fn events(&self) -> Vec<RecordedEvent> {
        self.store.read_log(LogRead { limit: 1000, ..LogRead::default() }).await.unwrap().events
    }

    pub(crate) async fn decisions(&self) -> Vec<DecisionRecorded> {
        let told = self.told(DECISION_RECORDED).await;
        told.into_iter().map(|payload| serde_json::from_value(payload).unwrap()).collect()
    }
}

fn module(name: &str, rules: &str) -> PolicyModule {
    PolicyModule { name: name.to_owned(), source: format!("package nexus\n{rules}\n") }
}

pub(crate) fn bundle(name: &str, rules: &str) -> PolicyBundle {
    PolicyBundle { name: name.to_owned(), modules: vec![module("rules.rego", rules)] }
}

pub(crate) fn denies(action: &str) -> String {
    format!("deny contains {{\"id\": \"no-{action}\", \"message\": \"no\"}} if input.action == \"{action}\"")
}

pub(crate) fn by(node: &Node, actor: &str, role: &str) -> RequestInfo {
    RequestInfo {
        actor: Actor::new(actor.into(), vec![role.into()]),
        context: RequestContext {
            service: node.service().clone(),
            client_id: None,
            environment: node.environment().clone(),
            time: node.clock().now(),
        },
        correlation_id: None,
        causation_id: None,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        extra: None,
    }
}

pub(crate) fn input<'a>(info: &'a RequestInfo, kind: PolicyKind, action: &'a str, id: &'a str) -> PolicyInput<'a> {
    PolicyInput {
        kind,
        action,
        resource: PolicyResource { resource_type: "Order", id },
        actor: &info.actor,
        payload: None,
        event: None,
        schema: None,
        request: &info.context,
    }
}

async fn allows(node: &Node, action: &str) -> bool {
    let info = by(node, "ann", "admin");
    node.policy().decide(&input(&info, PolicyKind::Query, action, "")).await.verdict.allows()
}

#[tokio::test]
async fn a_pushed_bundle_is_in_force_at_once_and_after_a_restart_until_it_is_rolled_back() {
    let place = Place::new();
    let node = place.start("").await.unwrap();
    let before = node.policy().digest();
    assert!(allows(&node, "peek").await);
    let admin = by(&node, "root", "admin");
    let pushed = node.policy().activate(bundle("extra", &denies("peek")), admin.clone()).await.unwrap();
    assert!(!allows(&node, "peek").await);
    assert_eq!((pushed.author.as_str(), pushed.origin.as_str()), ("root", "pushed"));
    assert_ne!(node.policy().digest(), before);
    let first = pushed.revision.get();
    node.policy().activate(bundle("extra", &denies("look")), admin.clone()).await.unwrap();
    assert!(allows(&node, "peek").await && !allows(&node, "look").await);
    node.shutdown().await;

    let node = place.start("").await.unwrap();
    assert!(allows(&node, "peek").await && !allows(&node, "look").await, "what was pushed is in force after a restart");
    let back = node.policy().roll_back("extra".to_owned(), None, admin.clone()).await.unwrap();
    assert_eq!(back.origin, "rollback");
    assert!(!allows(&node, "peek").await && allows(&node, "look").await);
    let records = place.told("PolicyActivated").await;
    assert_eq!(records.last().unwrap()["rolledBackTo"], first);
    assert_eq!(records.last().unwrap()["digest"], node.policy().digest().to_string());
    let gone = PolicyBundle { name: "extra".to_owned(), modules: Vec::new() };
    node.policy().activate(gone, admin.clone()).await.unwrap();
    assert_eq!(node.policy().digest(), before);
    let unknown = node.policy().roll_back("nothing".to_owned(), None, admin.clone()).await;
    assert!(matches!(unknown, Err(PolicyFailure::UnknownBundle { .. })), "{unknown:?}");
    let unknown = node.policy().roll_back("extra".to_owned(), Some(999), admin).await;
    assert!(matches!(unknown, Err(PolicyFailure::UnknownRevision { .. })), "{unknown:?}");
}

#[tokio::test]
async fn what_the_application_declares_anew_takes_the_place_of_what_was_pushed_under_its_name() {
    let place = Place::new();
    let node = place.start(&denies("a")).await.unwrap();
    let admin = by(&node, "root", "admin");
    node.policy().activate(bundle("app", &denies("b")), admin).await.unwrap();
    assert!(allows(&node, "a").await && !allows(&node, "b").await);
    node.shutdown().await;
    let node = place.start(&denies("a")).await.unwrap();
    assert!(
        allows(&node, "a").await && !allows(&node, "b").await,
        "the application is as it was, so what was pushed stays"
    );
    node.shutdown().await;
    let node = place.start(&denies("c")).await.unwrap();
    assert!(allows(&node, "b").await && !allows(&node, "c").await, "the application changed");
    let count = place.told("PolicyActivated").await.len();
    node.shutdown().await;
    let node = place.start("").await.unwrap();
    assert!(allows(&node, "c").await, "the application declares none any more");
    node.shutdown().await;
    place.start("").await.unwrap().shutdown().await;
    assert_eq!(place.told("PolicyActivated").await.len(), count + 1, "a start that changes nothing records nothing");
}

#[tokio::test]
async fn a_bundle_that_does_not_load_or_whose_tests_fail_changes_nothing() {
    let place = Place::new();
    let node = place.start("").await.unwrap();
    let (digest, head, admin) = (node.policy().digest(), node.head(), by(&node, "root", "admin"));
    let tests = PolicyModule {
        name: "rules_test.rego".to_owned(),
        source: "package nexus.rules_test\ntest_it if data.nexus.wanted\n".to_owned(),
    };
    let failing =
        PolicyBundle { name: "extra".to_owned(), modules: vec![module("rules.rego", "wanted := false"), tests] };
    let answers = [
        node.policy().activate(bundle("extra", "allow if {"), admin.clone()).await,
        node.policy().activate(bundle("extra", "allow if http.send({}).ok"), admin.clone()).await,
        node.policy().activate(failing, admin.clone()).await,
        node.policy().activate(bundle("Extra!", "x := 1"), admin.clone()).await,
        node.policy().activate(bundle("extra", "x := 1"), by(&node, "bob", "writer")).await,
    ];
    assert!(
        matches!(&answers[0], Err(PolicyFailure::Invalid(problem)) if problem.module.as_deref() == Some("extra/rules.rego"))
    );
    assert!(matches!(&answers[1], Err(PolicyFailure::Invalid(problem)) if problem.reason.contains("http.send")));
    assert!(matches!(&answers[2], Err(PolicyFailure::Tests(failed)) if failed[0].name == "nexus.rules_test.test_it"));
    assert!(matches!(&answers[3], Err(PolicyFailure::InvalidName { .. })));
    assert!(matches!(&answers[4], Err(PolicyFailure::Denied { .. })));
    assert_eq!((node.policy().digest(), node.head()), (digest, head));
}

#[tokio::test]
async fn a_bundle_that_would_lock_the_platform_or_its_author_out_is_refused() {
    let place = Place::new();
    let node = place.start("").await.unwrap();
    let admin = by(&node, "root", "admin");
    let mut shipped = shipped();
    shipped.retain(|module| module.name != "nexus/append_only.rego");
    for (what, modules) in [
        ("`SchemaRegistered`", vec![module("a.rego", "deny contains \"no\" if input.kind == \"append\"")]),
        ("`PolicyActivated`", vec![module("a.rego", "deny contains \"no\" if input.resource.id == \"$policies\"")]),
        ("`DecisionRecorded`", vec![module("a.rego", "deny contains \"no\" if input.resource.id == \"$decisions\"")]),
        ("`root`", vec![module("a.rego", "deny contains \"no\" if input.kind == \"admin\"")]),
        ("`root`", vec![module("a.rego", "deny contains \"no\" if input.actor.id == \"root\"")]),
    ] {
        let answer = node.policy().activate(PolicyBundle { name: "extra".to_owned(), modules }, admin.clone()).await;
        let Err(PolicyFailure::GuardRail { consequence }) = answer else { panic!("{what}: {answer:?}") };
        assert!(consequence.contains(what), "{consequence}");
    }
    let answer = node.policy().activate(PolicyBundle { name: "nexus".to_owned(), modules: shipped }, admin).await;
    let Err(PolicyFailure::GuardRail { consequence }) = answer else { panic!("{answer:?}") };
    assert!(consequence.contains("events could be changed"), "{consequence}");
}

#[tokio::test]
async fn a_node_with_a_fixed_policy_takes_no_bundles() {
    let place = Place::new();
    let node = place.start("").await.unwrap();
    node.shutdown().await;
    let data = crate::domain::Data::new();
    let node = crate::domain::first::serve(&data, Vec::new()).await.unwrap();
    let answer = node.policy().activate(bundle("extra", "x := 1"), by(&node, "root", "admin")).await;
    assert!(matches!(answer, Err(PolicyFailure::Fixed)), "{answer:?}");
    assert!(node.policy().bundles().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_batch_is_judged_by_one_bundle_while_others_come_into_force() {
    let place = Place::new();
    let node = Arc::new(place.start("").await.unwrap());
    let registration = nexus_core::ports::Registration::new(
        nexus_core::ports::Subject::new(nexus_core::ports::SchemaKind::Event, "Noted"),
        serde_json::json!({ "type": "object" }),
    );
    node.schema_service().register(registration, by(&node, "root", "admin")).await.unwrap();
    let pushing = {
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            for round in 0..10 {
                let rules = format!("# {round}\n{}", denies("nothing"));
                node.policy().activate(bundle("extra", &rules), by(&node, "root", "admin")).await.unwrap();
            }
        })
    };
    let mut round = 0;
    while !pushing.is_finished() || round < 5 {
        round += 1;
        let noted = |_| NewEvent {
            event_id: node.ids().event_id(),
            event_type: EventType::new("Noted").unwrap(),
            payload: Json::empty_object(),
            metadata: Metadata::default(),
        };
        let part = StreamAppend {
            stream: StreamId::new(format!("note-{round}")).unwrap(),
            aggregate_type: nexus_core::AggregateType::new("Note").unwrap(),
            condition: ExpectedVersion::Any.into(),
            events: (0..50).map(noted).collect(),
        };
        node.appends().append(Proposal::single(part), None, by(&node, "wes", "writer")).await.unwrap();
    }
    pushing.await.unwrap();
    let page = place.store.read_log(LogRead { limit: 100_000, ..LogRead::default() }).await.unwrap();
    let mut digests = std::collections::BTreeSet::new();
    for batch in page.events.chunk_by(|a, b| a.aggregate_id == b.aggregate_id).filter(|batch| batch.len() == 50) {
        assert!(batch.iter().all(|event| event.receipt.policy_digest == batch[0].receipt.policy_digest));
        digests.insert(batch[0].receipt.policy_digest.to_string());
    }
    assert!(digests.len() > 1, "the policy never changed while batches were stored");
}

/// Waits until what is told about the log holds.
async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never came to hold");
        // waits: for the task that writes decisions
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn denials_that_are_alike_are_one_event_with_their_number() {
    let place = Place::new();
    let node = place.start(&denies("peek")).await.unwrap();
    let (ann, bob) = (by(&node, "ann", "reader"), by(&node, "bob", "reader"));
    for turn in 0..500 {
        let id = format!("o-{turn}");
        let _ =
            node.policy().decide_traced(&input(&ann, PolicyKind::Query, "peek", &id), ann.traceparent.as_deref()).await;
    }
    let _ = node.policy().decide(&input(&bob, PolicyKind::Query, "peek", "o-1")).await;
    let _ = node.policy().decide(&input(&bob, PolicyKind::Admin, "backup", "")).await;
    let _ = node.policy().decide(&input(&bob, PolicyKind::Query, "list", "")).await;
    node.shutdown().await;
    let mut told = place.decisions().await;
    told.sort_by_key(|one| (one.actor.id.clone(), one.action.clone()));
    let by_actor = |actor: &str| told.iter().filter(|one| one.actor.id == actor).collect::<Vec<_>>();
    assert_eq!(by_actor("ann").iter().map(|one| one.count).sum::<u64>(), 500);
    assert!(by_actor("ann").len() <= 3, "{}", by_actor("ann").len());
    let first = by_actor("ann")[0];
    assert_eq!((first.outcome.as_str(), first.rules.as_slice()), ("denied", ["no-peek".to_owned()].as_slice()));
    assert_eq!((first.resource.id.as_str(), first.kind.as_str()), ("o-0", "query"));
    assert_eq!(first.trace_id.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    let bob: Vec<_> =
        by_actor("bob").iter().map(|one| (one.action.as_str(), one.outcome.as_str(), one.count)).collect();
    assert_eq!(bob, [("backup", "undefined", 1), ("peek", "denied", 1)]);
}

#[tokio::test]
async fn of_a_flood_of_different_denials_the_number_is_kept() {
    let place = Place::new();
    let node = place.start(&denies("peek")).await.unwrap();
    for turn in 0..5_000 {
        let info = by(&node, &format!("actor-{turn}"), "reader");
        let _ = node.policy().decide(&input(&info, PolicyKind::Query, "peek", "")).await;
        if turn % 500 == 0 {
            tokio::task::yield_now().await;
        }
    }
    node.shutdown().await;
    let (told, dropped) = (place.decisions().await, place.told("DecisionsDropped").await);
    let dropped: u64 = dropped.iter().map(|event| event["count"].as_u64().unwrap()).sum();
    assert_eq!(told.iter().map(|one| one.count).sum::<u64>() + dropped, 5_000);
    assert!(told.len() <= 300, "{} events", told.len());
    assert!(dropped > 4_000, "{dropped}");
}

#[tokio::test]
async fn a_privileged_read_is_on_record_before_it_is_answered() {
    let place = Place::new();
    let node = place.start("").await.unwrap();
    let auditor = by(&node, "aud", "auditor");
    let asked = input(&auditor, PolicyKind::Temporal, "streams.as-of", "o-1");
    let decision = node.policy().decide(&asked).await;
    node.policy().record_read(&asked, &decision, None).await.unwrap();
    let told = place.decisions().await;
    let [read] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((read.outcome.as_str(), read.action.as_str()), ("allowed", "streams.as-of"));
    assert_eq!(read.decision_id, decision.id.to_string());
    assert_eq!(read.policy_digest, node.policy().digest().to_string());
    node.shutdown().await;
}

#[tokio::test]
async fn denials_are_written_without_anybody_asking_for_it() {
    let place = Place::new();
    let node = place.start(&denies("peek")).await.unwrap();
    let ann = by(&node, "ann", "reader");
    let _ = node.policy().decide(&input(&ann, PolicyKind::Query, "peek", "o-1")).await;
    eventually(|| async { place.decisions().await.len() == 1 }).await;
}
