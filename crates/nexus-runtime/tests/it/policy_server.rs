//! Nodes with a policy server beside their policy: what is asked, what is on record, and what an outage stops.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use nexus_core::{
    Actor, AggregateType, EventType, ExpectedVersion, Json, Metadata, NewEvent, Proposal, Refusal, StreamAppend,
    StreamId,
    ports::{PolicyKind, ServerVerdict, VerdictOutcome},
};
use nexus_runtime::{
    AppendFailure, CommandFailure, CommandRequest, NewToken, Node, RequestInfo, SchemaFailure, TokenExpiry,
};
use nexus_testkit::fakes::ScriptedPolicyServer as Server;
use serde_json::json;
use tokio::time::sleep;

use crate::policies::{Place, bundle, by, denies, input};

/// A server that answers what the test puts there.
#[derive(Clone)]
struct Changing(Arc<Mutex<ServerVerdict>>);

impl Changing {
    fn new(verdict: ServerVerdict) -> (Self, Arc<Server>) {
        let now = Self(Arc::new(Mutex::new(verdict)));
        let said = now.clone();
        (now, Arc::new(Server::at_once(move |_| said.0.lock().unwrap().clone())))
    }

    fn says(&self, verdict: ServerVerdict) {
        *self.0.lock().unwrap() = verdict;
    }
}

async fn node(place: &Place, server: &Arc<Server>) -> Node {
    place.start_beside("", Some(server.clone())).await.unwrap()
}

fn order(stream: &str, customer: &str) -> Proposal {
    Proposal::single(StreamAppend {
        stream: StreamId::new(stream).unwrap(),
        aggregate_type: AggregateType::new("Order").unwrap(),
        condition: ExpectedVersion::Any.into(),
        events: vec![NewEvent {
            event_id: nexus_testkit::fixture::event_id(),
            event_type: EventType::new("OrderPlaced").unwrap(),
            payload: Json::from_value(&json!({ "customer": customer })),
            metadata: Metadata::default(),
        }],
    })
}

fn rules(refusal: &Refusal) -> Vec<&str> {
    let Refusal::Policy { verdict, .. } = refusal else { panic!("{refusal:?}") };
    verdict.denials().iter().map(|denial| denial.id.as_str()).collect()
}

#[tokio::test]
async fn a_denial_of_the_server_refuses_and_is_in_the_log_of_decisions() {
    let place = Place::new();
    let (now, server) = Changing::new(Server::allows());
    let node = node(&place, &server).await;
    let ann = by(&node, "ann", "writer");
    let appended = node.appends().append(order("o-1", "a"), None, ann.clone()).await.unwrap();
    assert_eq!(appended.appended.streams.len(), 1);
    now.says(Server::denies("quota"));
    let refused = node.appends().append(order("o-1", "a"), None, ann.clone()).await.unwrap_err();
    let AppendFailure::NotAdmitted { refusal, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(rules(&refusal), ["quota"]);
    let asked = input(&ann, PolicyKind::Query, "orders.list", "");
    assert!(!node.policy().decide(&asked).await.verdict.allows());
    let stranger = by(&node, "eve", "stranger");
    let count = server.asked().len();
    assert!(!node.policy().decide(&input(&stranger, PolicyKind::Query, "list", "")).await.verdict.allows());
    assert_eq!(server.asked().len(), count, "what the embedded policy refuses is not asked about");
    node.shutdown().await;
    let digest = place.told("PolicyCombined").await[0]["digest"].clone();
    let told = place.decisions().await;
    let by_server: Vec<_> = told.iter().filter(|one| one.rules == ["quota"]).collect();
    assert_eq!(by_server.len(), 2, "{told:?}");
    assert!(by_server.iter().all(|one| one.policy_digest == digest && one.outcome == "denied"));
}

#[tokio::test]
async fn what_is_submitted_one_after_the_other_is_stored_in_that_order_however_long_the_server_takes() {
    tokio::time::pause();
    let server = Server::new(|asked| {
        let last: u64 = asked.resource.rsplit('-').next().unwrap().parse().unwrap();
        Box::pin(async move {
            sleep(Duration::from_millis(100 - 10 * last)).await; // waits: later questions are answered sooner
            Server::allows()
        })
    });
    let place = Place::new();
    let node = node(&place, &Arc::new(server)).await;
    let ann = by(&node, "ann", "writer");
    let appends = node.appends();
    let mut pending = Vec::new();
    for number in 0..10 {
        pending.push(appends.submit(order(&format!("o-{number}"), "a"), &ann).await.unwrap());
    }
    let mut positions = Vec::new();
    // Awaited from the last to the first: being awaited is not what puts them in line.
    for append in pending.into_iter().rev() {
        positions.push(append.await.unwrap().appended.position);
    }
    assert!(positions.windows(2).all(|pair| pair[0] > pair[1]), "{positions:?}");
}

#[tokio::test]
async fn every_combination_that_decided_is_on_record_once_and_before_what_it_let_in() {
    let place = Place::new();
    let (now, server) = Changing::new(Server::allows());
    let node_one = node(&place, &server).await;
    let ann = by(&node_one, "ann", "writer");
    let append = async |node: &Node| node.appends().append(order("o-1", "a"), None, ann.clone()).await;
    append(&node_one).await.unwrap();
    append(&node_one).await.unwrap();
    assert_eq!(place.told("PolicyCombined").await.len(), 1);
    now.says(Server::verdict(VerdictOutcome::Allow, "2"));
    append(&node_one).await.unwrap();
    let embedded = node_one.policy().digest().to_string();
    node_one.shutdown().await;
    let node_two = node(&place, &server).await;
    append(&node_two).await.unwrap();
    now.says(Server::allows());
    append(&node_two).await.unwrap();
    let told = place.told("PolicyCombined").await;
    let revisions: Vec<_> = told.iter().map(|one| one["revisions"]["rules"].as_str().unwrap()).collect();
    assert_eq!(revisions, ["1", "2"], "what is on record after a restart is not put there again");
    assert!(told.iter().all(|one| one["embedded"] == embedded && one["path"] == "nexus"));
    let events = place.events().await;
    let mut on_record = Vec::new();
    for event in events {
        if event.event_type.as_str() == "PolicyCombined" {
            on_record.push(event.payload.to_value().unwrap()["digest"].clone());
        } else if event.event_type.as_str() == "OrderPlaced" {
            let digest = event.receipt.policy_digest.to_string();
            assert!(on_record.iter().any(|known| *known == digest), "position {}", event.position);
        }
    }
    assert_eq!(on_record.len(), 2);
}

#[tokio::test]
async fn bundles_come_into_force_and_are_replayed_between_the_records_of_the_server() {
    let place = Place::new();
    let (now, server) = Changing::new(Server::allows());
    let first = node(&place, &server).await;
    let root = by(&first, "root", "admin");
    let peek = |node: &Node| by(node, "ann", "admin");
    for (turn, action) in ["a", "b", "c"].into_iter().enumerate() {
        now.says(Server::verdict(VerdictOutcome::Allow, &format!("before-{turn}")));
        let ann = peek(&first);
        assert!(first.policy().decide(&input(&ann, PolicyKind::Query, action, "")).await.verdict.allows());
        first.policy().activate(bundle("extra", &denies(action)), root.clone()).await.unwrap();
        assert!(!first.policy().decide(&input(&ann, PolicyKind::Query, action, "")).await.verdict.allows());
    }
    first.policy().roll_back("extra".to_owned(), None, root).await.unwrap();
    let in_force = first.policy().digest();
    first.shutdown().await;
    let again = node(&place, &server).await;
    assert_eq!(again.policy().digest(), in_force);
    let ann = peek(&again);
    assert!(!again.policy().decide(&input(&ann, PolicyKind::Query, "b", "")).await.verdict.allows());
    assert!(again.policy().decide(&input(&ann, PolicyKind::Query, "c", "")).await.verdict.allows());
}

fn as_the_platform(info: &RequestInfo) -> RequestInfo {
    RequestInfo { actor: Actor::system(), ..info.clone() }
}

fn command(info: RequestInfo) -> CommandRequest {
    CommandRequest {
        command_type: "CheckOrder".to_owned(),
        aggregate_id: Some(StreamId::new("o-1").unwrap()),
        payload: Json::empty_object(),
        expected: None,
        idempotent: None,
        info,
    }
}

#[tokio::test]
async fn whoever_calls_themselves_the_platform_does_not_get_past_the_server() {
    let place = Place::new();
    let (_, server) = Changing::new(Server::denies("everything"));
    let node = node(&place, &server).await;
    let forged = as_the_platform(&by(&node, "eve", "admin"));
    for stream in ["o-1", "$policies", "$decisions"] {
        let proposal = order(stream, "a");
        let failure = node.appends().append(proposal, None, forged.clone()).await.unwrap_err();
        let AppendFailure::NotAdmitted { refusal, .. } = failure else { panic!("{failure:?}") };
        assert_eq!(rules(&refusal), ["everything"], "{stream}");
    }
    let failure = node.commands().execute(command(forged.clone())).await.unwrap_err();
    assert!(matches!(failure, CommandFailure::Denied { .. }), "{failure:?}");
    let asked = input(&forged, PolicyKind::Query, "list", "");
    assert!(!node.policy().decide(&asked).await.verdict.allows());
    let admin = RequestInfo { actor: Actor::new("$nexus".into(), vec!["admin".into(), "system".into()]), ..forged };
    let pushed = node.policy().activate(bundle("extra", &denies("peek")), admin.clone()).await;
    assert!(pushed.unwrap_err().to_string().contains("does not allow"));
    let subject = nexus_core::ports::Subject::new(nexus_core::ports::SchemaKind::Event, "OrderPlaced");
    let deleted = node.schema_service().delete(subject, None, false, admin).await;
    assert!(matches!(deleted, Err(SchemaFailure::Denied { .. })), "{deleted:?}");
}

#[tokio::test]
async fn an_outage_stops_no_record_and_no_revocation() {
    let place = Place::new();
    let (now, server) = Changing::new(Server::allows());
    let node = node(&place, &server).await;
    let admin = by(&node, "root", "admin");
    let wanted = NewToken { roles: vec!["reader".into()], description: "a job".to_owned(), expiry: TokenExpiry::Never };
    let token = node.tokens().create(wanted, admin.clone()).await.unwrap();
    now.says(Server::away());
    let asked = input(&admin, PolicyKind::Admin, "tokens.revoke", &token.info.id);
    assert!(node.policy().decide(&asked).await.verdict.allows(), "the door lets it through");
    node.tokens().revoke(&token.info.id, admin.clone()).await.unwrap();
    let read = input(&admin, PolicyKind::Query, "list", "");
    let decision = node.policy().decide(&read).await;
    let VerdictOutcome::Failed { reason } = &decision.verdict.outcome else { panic!("{decision:?}") };
    assert!(reason.contains("cannot be reached"));
    node.policy().record_read(&read, &decision, None).await.unwrap();
    // What the application declares is in force while nobody answers: a node starts, and its directory is followed.
    node.policy().declare(bundle("local", &denies("peek")), admin).await.unwrap();
    node.shutdown().await;
    assert!(place.decisions().await.iter().any(|one| one.outcome == "failed"));
    drop(self::node(&place, &server).await);
}

#[tokio::test]
async fn a_bundle_that_came_into_force_elsewhere_is_not_passed_over() {
    let place = Place::new();
    let (now, server) = Changing::new(Server::allows());
    let (one, other) = (node(&place, &server).await, node(&place, &server).await);
    let root = by(&one, "root", "admin");
    other.policy().activate(bundle("extra", &denies("peek")), root.clone()).await.unwrap();
    now.says(Server::verdict(VerdictOutcome::Allow, "2"));
    let pushed = one.policy().activate(bundle("more", &denies("list")), root).await;
    assert!(pushed.is_err_and(|failure| failure.to_string().contains("is at version")), "it knows of the other's");
    assert_eq!(place.told("PolicyActivated").await.iter().filter(|told| told["bundle"] == "more").count(), 0);
}
