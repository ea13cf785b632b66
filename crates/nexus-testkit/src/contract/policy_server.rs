//! The contract of [`PolicyServer`].

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use nexus_core::{
    Json,
    ports::{PolicyInput, PolicyKind, PolicyResource, PolicyServer, PolicyServerReach, ServerVerdict, VerdictOutcome},
};
use serde_json::{Value, json};

use crate::{
    contract::{Breach, Outcome, async_suite, check, check_eq},
    fixture::{actor, request_context},
};

/// A policy server under test, which refuses everything while it cannot be reached.
pub trait PolicyServerFixture: Sized + Send + 'static {
    /// A server that leaves everything undefined.
    fn start() -> impl Future<Output = Self> + Send;

    /// What asks it.
    fn server(&self) -> Arc<dyn PolicyServer>;

    /// From now on the package that is asked has these rules, and the bundle `rules` is at this revision.
    fn answers(&self, package: Option<Value>, revision: &str);

    /// From now on it cannot be reached.
    fn goes_away(&mut self) -> impl Future<Output = ()> + Send;

    /// How many questions came to it.
    fn questions(&self) -> usize;
}

async_suite! {
    /// One `#[test]` for every case of [`contract::policy_server`](crate::contract::policy_server), run against a type
    /// that implements [`PolicyServerFixture`](crate::contract::PolicyServerFixture). Invoke it in a module of its own.
    export $ policy_server_contract, policy_server: [
        an_explicit_allow_without_a_denial_allows,
        a_denial_refuses_with_its_rule,
        what_is_undefined_or_not_understood_does_not_allow,
        what_decided_is_named_so_that_two_revisions_never_look_alike,
        one_decision_is_one_question,
        one_that_cannot_be_reached_is_told_from_one_that_answered,
        everything_is_answered_in_bounded_time,
    ]
}

async fn ask(server: &dyn PolicyServer) -> ServerVerdict {
    let (actor, request, payload) = (actor(), request_context(), Json::empty_object());
    let input = PolicyInput {
        kind: PolicyKind::Command,
        action: "PlaceOrder",
        resource: PolicyResource { resource_type: "Order", id: "order-1" },
        actor: &actor,
        payload: Some(&payload),
        event: None,
        schema: None,
        request: &request,
    };
    server.decide(&input).await
}

/// `allow` is true and nothing denies: it goes on. A warning denies nothing.
pub async fn an_explicit_allow_without_a_denial_allows<F: PolicyServerFixture>() -> Outcome {
    let fixture = F::start().await;
    let server = fixture.server();
    let warning = json!({ "id": "slow", "message": "slow", "severity": "warning" });
    for package in
        [json!({ "allow": true }), json!({ "allow": true, "deny": [] }), json!({ "allow": true, "deny": [warning] })]
    {
        fixture.answers(Some(package.clone()), "1");
        check_eq!(ask(&*server).await.outcome, VerdictOutcome::Allow, "{package}");
    }
    check_eq!(server.status().reach, PolicyServerReach::Answering, "the state");
    Ok(())
}

/// A rule that denies is told, also beside an allow.
pub async fn a_denial_refuses_with_its_rule<F: PolicyServerFixture>() -> Outcome {
    let fixture = F::start().await;
    let denial = json!({ "id": "quota", "message": "too much", "remediation": "wait", "severity": "error" });
    fixture.answers(Some(json!({ "allow": true, "deny": [denial] })), "1");
    match ask(&*fixture.server()).await.outcome {
        VerdictOutcome::Deny(denials) => {
            let told: Vec<_> = denials.iter().map(|one| (&*one.id, &*one.message, &*one.remediation)).collect();
            check_eq!(told, [("quota", "too much", "wait")], "the denial");
            Ok(())
        }
        other => Err(Breach::new(format!("a denial gives {other:?}"))),
    }
}

/// Only `true` is a yes.
pub async fn what_is_undefined_or_not_understood_does_not_allow<F: PolicyServerFixture>() -> Outcome {
    let fixture = F::start().await;
    let server = fixture.server();
    for package in [None, Some(json!({})), Some(json!({ "allow": false })), Some(json!({ "deny": [] }))] {
        fixture.answers(package.clone(), "1");
        check_eq!(ask(&*server).await.outcome, VerdictOutcome::Undefined, "{package:?}");
    }
    for package in [
        json!(true),
        json!([]),
        json!({ "allow": "true" }),
        json!({ "allow": 1 }),
        json!({ "allow": null }),
        json!({ "allow": true, "deny": {} }),
        json!({ "allow": true, "deny": [1] }),
    ] {
        fixture.answers(Some(package.clone()), "1");
        let outcome = ask(&*server).await.outcome;
        check!(matches!(outcome, VerdictOutcome::Failed { .. }), "{package} gives {outcome:?}");
    }
    Ok(())
}

/// Whoever reads a receipt can tell under what it was given.
pub async fn what_decided_is_named_so_that_two_revisions_never_look_alike<F: PolicyServerFixture>() -> Outcome {
    let fixture = F::start().await;
    let server = fixture.server();
    let mut sources = HashSet::new();
    for revision in ["1", "2", "10", ""] {
        for package in [json!({ "allow": true }), json!({ "allow": false })] {
            fixture.answers(Some(package), revision);
            let source = ask(&*server).await.source.ok_or_else(|| Breach::new("an answer names no source"))?;
            check!(source.mirror.is_none(), "the server decided, and a copy is named");
            sources.insert(source);
        }
    }
    check_eq!(sources.len(), 4, "the number of sources of four revisions");
    Ok(())
}

/// A server that answers is not asked again.
pub async fn one_decision_is_one_question<F: PolicyServerFixture>() -> Outcome {
    let fixture = F::start().await;
    let server = fixture.server();
    for (package, number) in [(json!({ "allow": true }), 1), (json!({ "allow": false }), 2), (json!(7), 3)] {
        fixture.answers(Some(package), "1");
        ask(&*server).await;
        check_eq!(fixture.questions(), number, "questions");
    }
    Ok(())
}

/// Nothing is said to have decided where nothing did, and it is refused with the reason.
pub async fn one_that_cannot_be_reached_is_told_from_one_that_answered<F: PolicyServerFixture>() -> Outcome {
    let mut fixture = F::start().await;
    let server = fixture.server();
    fixture.answers(Some(json!({ "allow": true })), "1");
    check!(ask(&*server).await.source.is_some(), "an answer names no source");
    fixture.goes_away().await;
    for _ in 0..10 {
        let verdict = ask(&*server).await;
        check_eq!(verdict.source, None, "what decided while it is away");
        let told = matches!(&verdict.outcome, VerdictOutcome::Failed { reason } if !reason.is_empty());
        check!(told, "a server that is away gives {:?}", verdict.outcome);
    }
    let status = server.status();
    check!(status.reach != PolicyServerReach::Answering && status.last_error.is_some(), "it is told as {status:?}");
    Ok(())
}

/// Two hundred decisions while it is away come to an end, too.
pub async fn everything_is_answered_in_bounded_time<F: PolicyServerFixture>() -> Outcome {
    let mut fixture = F::start().await;
    let server = fixture.server();
    fixture.goes_away().await;
    let begun = Instant::now();
    for _ in 0..200 {
        check!(ask(&*server).await.outcome != VerdictOutcome::Allow, "allowed while it is away");
    }
    check!(begun.elapsed() < Duration::from_secs(60), "200 decisions took {:?}", begun.elapsed());
    Ok(())
}
