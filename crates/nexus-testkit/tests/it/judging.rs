//! The embedded policy and a policy server together: both must allow, and the server comes second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nexus_core::{
    Actor, Admission, Admitted, DecisionId, Digest, ExpectedVersion, Json, PolicyJudge, Proposal, Refusal,
    admission::AdmissionContext,
    ports::{PolicyEngine, PolicyInput, PolicyKind, PolicyResource, ServerVerdict, Verdict, VerdictOutcome},
};
use nexus_testkit::{
    fakes::{Asked, FixedPolicy, MemoryPolicyLedger, PermissiveSchemas, ScriptedPolicyServer as Server},
    fixture::{actor, at_once, event_id, new_event, part_of, proposal, proposal_of, request_context},
};
use serde_json::json;
use tokio::time::sleep;

struct Case {
    policy: Arc<FixedPolicy>,
    server: Arc<Server>,
    ledger: Arc<MemoryPolicyLedger>,
}

impl Case {
    fn of(policy: FixedPolicy, server: Server) -> Self {
        Self { policy: Arc::new(policy), server: Arc::new(server), ledger: Arc::default() }
    }

    fn answering(script: impl Fn(&Asked) -> ServerVerdict + Send + Sync + 'static) -> Self {
        Self::of(FixedPolicy::allow(), Server::at_once(script))
    }

    fn judge(&self) -> PolicyJudge {
        let engine = Arc::clone(&self.policy) as Arc<dyn PolicyEngine>;
        PolicyJudge::new(engine).beside(self.server.clone(), self.ledger.clone())
    }

    fn admission(&self) -> Admission {
        Admission::judged_by(Arc::new(PermissiveSchemas::default()), self.judge())
    }

    async fn admit_as(&self, actor: &Actor, proposal: Proposal) -> Result<Admitted, Refusal> {
        let context = AdmissionContext { actor, decision_id: decision_id(), request: &request_context() };
        self.admission().admit(proposal, context).await
    }

    async fn admit(&self, proposal: Proposal) -> Result<Admitted, Refusal> {
        self.admit_as(&actor(), proposal).await
    }

    async fn decide(&self, kind: PolicyKind, action: &str) -> Verdict {
        let (actor, request) = (actor(), request_context());
        let input = PolicyInput {
            kind,
            action,
            resource: PolicyResource { resource_type: "Order", id: "order-1" },
            actor: &actor,
            payload: None,
            event: None,
            schema: None,
            request: &request,
        };
        self.judge().decide(&input).await
    }
}

fn decision_id() -> DecisionId {
    DecisionId::from_uuid(*event_id().as_uuid())
}

/// Events numbered from 0, in two streams.
fn numbered(count: usize) -> Proposal {
    let event = |number: usize| new_event("OrderPlaced", &json!({ "number": number }));
    let half = count / 2;
    proposal_of([
        part_of("order-1", ExpectedVersion::Any, (0..half).map(event)),
        part_of("order-2", ExpectedVersion::Any, (half..count).map(event)),
    ])
}

fn number(asked: &Asked) -> usize {
    let payload = Json::parse(asked.payload.clone().unwrap()).unwrap().to_value().unwrap();
    usize::try_from(payload["number"].as_u64().unwrap()).unwrap()
}

fn digests(admitted: &Admitted) -> Vec<Digest> {
    let events = admitted.streams().iter().flat_map(|part| part.events());
    events.map(|event| event.receipt().policy_digest).collect()
}

fn refused_by(refusal: &Refusal) -> (usize, String) {
    let Refusal::Policy { index, verdict, .. } = refusal else { panic!("{refusal:?}") };
    (*index, verdict.denials().iter().map(|denial| denial.id.as_str()).collect())
}

#[tokio::test]
async fn what_the_embedded_policy_refuses_is_refused_without_asking_further() {
    for policy in [FixedPolicy::deny("rule"), FixedPolicy::undefined(), FixedPolicy::failed("why")] {
        let case = Case::of(policy, Server::at_once(|_| Server::allows()));
        let verdict = case.decide(PolicyKind::Query, "list").await;
        assert!(!verdict.allows());
        assert_eq!(verdict.policy_digest, FixedPolicy::DIGEST);
        assert!(case.admit(numbered(4)).await.is_err());
        assert_eq!((case.server.asked(), case.ledger.recorded().len()), (Vec::new(), 0));
    }
}

#[tokio::test]
async fn what_goes_on_both_allow_and_the_receipt_names_both() {
    let case = Case::answering(|_| Server::allows());
    let verdict = case.decide(PolicyKind::Query, "list").await;
    assert!(verdict.allows());
    assert_eq!(verdict.policy_digest, MemoryPolicyLedger::named(1));
    assert_eq!(digests(&case.admit(numbered(4)).await.unwrap()), vec![MemoryPolicyLedger::named(1); 4]);
    let recorded = case.ledger.recorded();
    assert_eq!((recorded.len(), recorded[0].0), (1, FixedPolicy::DIGEST));
    let denying = Case::answering(|_| Server::denies("quota"));
    let verdict = denying.decide(PolicyKind::Query, "list").await;
    assert_eq!(verdict.denials()[0].id, "quota");
    assert_eq!(verdict.policy_digest, MemoryPolicyLedger::named(1), "a denial names what decided too");
    for outcome in [VerdictOutcome::Undefined, VerdictOutcome::Failed { reason: "why".to_owned() }] {
        let case = Case::answering(move |_| Server::verdict(outcome.clone(), "1"));
        assert!(!case.decide(PolicyKind::Query, "list").await.allows());
        assert!(case.admit(numbered(2)).await.is_err());
    }
}

#[tokio::test]
async fn what_the_server_had_no_part_in_keeps_the_embedded_digest() {
    let case = Case::answering(|_| ServerVerdict { outcome: VerdictOutcome::Allow, ..Server::away() });
    assert_eq!(digests(&case.admit(numbered(2)).await.unwrap()), vec![FixedPolicy::DIGEST; 2]);
    let case = Case::answering(|_| Server::away());
    let verdict = case.decide(PolicyKind::Command, "PlaceOrder").await;
    assert!(matches!(verdict.outcome, VerdictOutcome::Failed { .. }));
    assert_eq!((verdict.policy_digest, case.ledger.recorded().len()), (FixedPolicy::DIGEST, 0));
}

#[tokio::test]
async fn what_is_not_on_record_does_not_go_on_and_a_denial_stays_one() {
    let refusing = |server| Case {
        ledger: Arc::new(MemoryPolicyLedger::refusing("full")),
        ..Case::of(FixedPolicy::allow(), server)
    };
    let case = refusing(Server::at_once(|_| Server::allows()));
    let verdict = case.decide(PolicyKind::Query, "list").await;
    assert!(matches!(&verdict.outcome, VerdictOutcome::Failed { reason } if reason.contains("full")), "{verdict:?}");
    assert!(case.admit(numbered(2)).await.is_err());
    let denying = refusing(Server::at_once(|_| Server::denies("quota")));
    assert_eq!(refused_by(&denying.admit(numbered(2)).await.unwrap_err()), (0, "quota".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn of_several_refused_events_the_first_in_order_is_the_refusal_whichever_is_answered_first() {
    let server = Server::new(|asked| {
        let number = number(asked);
        Box::pin(async move {
            // The first that is refused takes longest.
            let millis = if number == 21 { 500 } else { 5 };
            sleep(Duration::from_millis(millis)).await; // waits: those after it are answered first
            if number >= 21 { Server::denies(&number.to_string()) } else { Server::allows() }
        })
    });
    let case = Case::of(FixedPolicy::allow(), server);
    assert_eq!(refused_by(&case.admit(numbered(40)).await.unwrap_err()), (21, "21".to_owned()));
    assert!(case.server.asked().len() < 40, "what comes after a refusal is not asked about");
}

#[tokio::test(start_paused = true)]
async fn an_append_asks_about_several_events_at_a_time_and_about_no_more_than_that() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, seen) = (Arc::clone(&now), Arc::clone(&most));
    let server = Server::new(move |_| {
        let counted = Arc::clone(&counted);
        seen.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Box::pin(async move {
            sleep(Duration::from_millis(5)).await; // waits: for the others to be asked meanwhile
            counted.fetch_sub(1, Ordering::SeqCst);
            Server::allows()
        })
    });
    let case = Case::of(FixedPolicy::allow(), server);
    assert_eq!(case.admit(numbered(100)).await.unwrap().event_count(), 100);
    let asked: Vec<usize> = case.server.asked().iter().map(number).collect();
    assert_eq!(asked, (0..100).collect::<Vec<_>>());
    assert!((2..=16).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[tokio::test]
async fn nothing_is_asked_before_the_embedded_policy_allowed_every_event() {
    /// Refuses the last event.
    struct LastRefused;

    impl PolicyEngine for LastRefused {
        fn decide(&self, input: &PolicyInput<'_>) -> Verdict {
            let last = input.event.is_some_and(|event| event.payload.as_str().contains(":9}"));
            let outcome = if last { VerdictOutcome::Undefined } else { VerdictOutcome::Allow };
            Verdict { outcome, policy_digest: self.digest(), elapsed: Duration::ZERO }
        }

        fn digest(&self) -> Digest {
            FixedPolicy::DIGEST
        }
    }

    let server = Arc::new(Server::at_once(|_| Server::denies("first")));
    let judge = PolicyJudge::new(Arc::new(LastRefused)).beside(server.clone(), Arc::new(MemoryPolicyLedger::default()));
    let admission = Admission::judged_by(Arc::new(PermissiveSchemas::default()), judge);
    let context = AdmissionContext { actor: &actor(), decision_id: decision_id(), request: &request_context() };
    let refusal = admission.admit(numbered(10), context).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Policy { index: 9, .. }), "{refusal:?}");
    assert_eq!(server.asked(), []);
}

#[tokio::test]
async fn the_platforms_own_records_are_not_asked_about_and_nothing_else_passes_as_one() {
    let case = Case::answering(|_| Server::denies("everything"));
    let (admission, request) = (case.admission(), request_context());
    let own = |stream| admission.admit_own(proposal(stream, ExpectedVersion::Any, 2), decision_id(), &request);
    assert_eq!(digests(&own("$decisions").unwrap()), vec![FixedPolicy::DIGEST; 2]);
    assert!(matches!(own("order-1"), Err(Refusal::Malformed(_))));
    assert_eq!(case.server.asked(), []);
    // Whoever calls themselves the platform at a door is asked about like anybody else.
    for stream in ["$policies", "order-1"] {
        let refusal = case.admit_as(&Actor::system(), proposal(stream, ExpectedVersion::Any, 1)).await.unwrap_err();
        assert_eq!(refused_by(&refusal), (0, "everything".to_owned()));
    }
}

#[tokio::test]
async fn to_take_a_token_from_somebody_needs_the_embedded_policy_alone() {
    let case = Case::answering(|_| Server::denies("everything"));
    assert!(case.decide(PolicyKind::Admin, "tokens.revoke").await.allows());
    assert!(!case.decide(PolicyKind::Admin, "tokens.create").await.allows());
    assert!(!case.decide(PolicyKind::Command, "tokens.revoke").await.allows());
    let refused = Case::of(FixedPolicy::deny("roles"), Server::at_once(|_| Server::allows()));
    assert!(!refused.decide(PolicyKind::Admin, "tokens.revoke").await.allows());
}

#[test]
fn without_a_server_nothing_is_waited_for() {
    let admission = nexus_testkit::permissive_admission();
    let context = AdmissionContext { actor: &actor(), decision_id: decision_id(), request: &request_context() };
    assert_eq!(at_once(admission.admit(numbered(100), context)).unwrap().unwrap().event_count(), 100);
}
