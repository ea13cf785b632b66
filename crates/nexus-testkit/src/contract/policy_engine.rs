//! The contract of [`PolicyEngine`].
//!
//! The cases bring their own policies, as Rego v1 modules of the package `nexus`.

use std::sync::{Arc, Barrier};

use nexus_core::{
    Actor, Json, Timestamp,
    ports::{
        Denial, PolicyEngine, PolicyEvent, PolicyInput, PolicyKind, PolicyResource, PolicySchema, RequestContext,
        Severity, Verdict, VerdictOutcome,
    },
};

use crate::{
    contract::{Breach, Outcome, blocking_suite, check, check_eq},
    fixture::{actor_with, json_text, request_context},
};

/// Makes the policy engine under test.
pub trait PolicyEngineFixture: Sized + Send + 'static {
    /// An engine over these Rego v1 modules, name and source, and no others: no base policy is added.
    ///
    /// # Errors
    /// When a module cannot be compiled.
    fn engine(modules: &[(&str, &str)]) -> Result<Arc<dyn PolicyEngine>, String>;
}

blocking_suite! {
    /// One `#[test]` for every case of [`contract::policy_engine`](crate::contract::policy_engine), run against a type
    /// that implements [`PolicyEngineFixture`](crate::contract::PolicyEngineFixture). Invoke it in a module of its
    /// own.
    export $ policy_engine_contract, policy_engine: [
        what_is_allowed_is_allowed,
        a_denial_tells_id_message_and_remediation,
        every_rule_that_denies_is_told,
        a_denial_outweighs_an_allow,
        a_warning_does_not_refuse,
        undefined_is_not_allow_and_is_told,
        allow_must_be_true_itself,
        a_failing_evaluation_is_not_allow,
        denials_of_another_shape_are_not_overlooked,
        endless_evaluation_is_stopped,
        every_member_of_the_input_is_there,
        members_that_are_absent_are_undefined,
        the_digest_names_the_bundle,
        the_verdict_carries_the_digest,
        the_same_input_gives_the_same_verdict,
        decisions_on_many_threads_do_not_mix,
        a_module_that_does_not_compile_is_refused,
    ]
}

/// Allows writers; denies amounts above 100 to all but approvers; warns above 50.
const ORDERS: &str = r#"
package nexus

default allow := false

allow if "writer" in input.actor.roles

deny contains {
    "id": "orders.large-order",
    "message": sprintf("the order of %v is over 100", [input.payload.amount]),
    "remediation": "ask an approver",
    "severity": "error",
} if {
    input.payload.amount > 100
    not "approver" in input.actor.roles
}

deny contains {
    "id": "orders.sizeable-order",
    "message": "the order is over 50",
    "remediation": "check it",
    "severity": "warning",
} if {
    input.payload.amount > 50
}
"#;

fn engine<F: PolicyEngineFixture>(source: &str) -> Result<Arc<dyn PolicyEngine>, Breach> {
    F::engine(&[("case.rego", source)]).map_err(|error| Breach::new(format!("a valid policy: {error}")))
}

/// What is asked: a command on an order, with a payload and an actor's roles.
fn decide(engine: &Arc<dyn PolicyEngine>, roles: &[&str], payload: &str) -> Verdict {
    let (actor, payload, request) = (actor_with(roles), json_text(payload), request_context());
    engine.decide(&command(&actor, &payload, &request))
}

fn command<'a>(actor: &'a Actor, payload: &'a Json, request: &'a RequestContext) -> PolicyInput<'a> {
    PolicyInput {
        kind: PolicyKind::Command,
        action: "PlaceOrder",
        resource: PolicyResource { resource_type: "Order", id: "order-1" },
        actor,
        payload: Some(payload),
        event: None,
        schema: Some(PolicySchema { id: 7, version: 2, registered: true }),
        request,
    }
}

/// An explicit allow without a denial is a yes.
pub fn what_is_allowed_is_allowed<F: PolicyEngineFixture>() -> Outcome {
    let engine = engine::<F>(ORDERS)?;
    let verdict = decide(&engine, &["reader", "writer"], r#"{"amount":50}"#);
    check_eq!(verdict.outcome, VerdictOutcome::Allow, "a small order");
    check!(verdict.allows(), "an allow that does not allow");
    Ok(())
}

/// A denial names its rule, what is wrong and what would make it a yes.
pub fn a_denial_tells_id_message_and_remediation<F: PolicyEngineFixture>() -> Outcome {
    let engine = engine::<F>(ORDERS)?;
    let verdict = decide(&engine, &["writer"], r#"{"amount":150}"#);
    let expected = Denial {
        id: "orders.large-order".to_owned(),
        message: "the order of 150 is over 100".to_owned(),
        remediation: "ask an approver".to_owned(),
        severity: Severity::Error,
    };
    check_eq!(errors(&verdict), [&expected], "the denials of {verdict:?}");
    check!(!verdict.allows(), "a denial that allows");
    let approved = decide(&engine, &["writer", "approver"], r#"{"amount":150}"#);
    check!(approved.allows(), "an approver's order: {approved:?}");
    Ok(())
}

fn errors(verdict: &Verdict) -> Vec<&Denial> {
    let denials = verdict.denials().iter();
    denials.filter(|denial| denial.severity == Severity::Error).collect()
}

/// All rules that deny are told, whichever module they are in, always in the same order.
pub fn every_rule_that_denies_is_told<F: PolicyEngineFixture>() -> Outcome {
    let rule = |id: &str| {
        format!(
            "package nexus\n\ndeny contains {{\"id\": \"{id}\", \"message\": \"m\", \"remediation\": \"r\", \
             \"severity\": \"error\"}} if input.payload.amount > 1\n"
        )
    };
    let (b, a) = (rule("b.rule"), rule("a.rule"));
    let modules = [("orders.rego", ORDERS), ("b.rego", &b), ("a.rego", &a)];
    let engine = F::engine(&modules).map_err(Breach::new)?;
    let verdict = decide(&engine, &["writer"], r#"{"amount":150}"#);
    let mut ids: Vec<&str> = errors(&verdict).into_iter().map(|denial| denial.id.as_str()).collect();
    ids.sort_unstable();
    check_eq!(ids, ["a.rule", "b.rule", "orders.large-order"], "the rules");
    let again = decide(&engine, &["writer"], r#"{"amount":150}"#);
    check_eq!(again.outcome, verdict.outcome, "the same decision again");
    Ok(())
}

/// Allow and deny at once is a no; deny without allow is told as the denial it is.
pub fn a_denial_outweighs_an_allow<F: PolicyEngineFixture>() -> Outcome {
    let engine = engine::<F>(ORDERS)?;
    for roles in [&["writer"][..], &[]] {
        let verdict = decide(&engine, roles, r#"{"amount":101}"#);
        check!(matches!(verdict.outcome, VerdictOutcome::Deny(_)), "roles {roles:?}: {verdict:?}");
    }
    Ok(())
}

/// A finding of severity warning leaves a yes a yes, and a missing allow a no.
pub fn a_warning_does_not_refuse<F: PolicyEngineFixture>() -> Outcome {
    let engine = engine::<F>(ORDERS)?;
    let warned = decide(&engine, &["writer"], r#"{"amount":60}"#);
    check!(warned.allows(), "a warning: {warned:?}");
    let unasked = decide(&engine, &["reader"], r#"{"amount":60}"#);
    check!(!unasked.allows(), "a warning without an allow: {unasked:?}");
    check_eq!(unasked.outcome, VerdictOutcome::Undefined, "a warning without an allow");
    Ok(())
}

/// Where no rule says anything, the verdict is `Undefined`, which is a no.
pub fn undefined_is_not_allow_and_is_told<F: PolicyEngineFixture>() -> Outcome {
    for source in [
        ORDERS,
        "package nexus\n",
        "package nexus\n\nallow if input.payload.nothing == 1\n",
        "package other\n\nallow := true\n",
    ] {
        let verdict = decide(&engine::<F>(source)?, &["reader"], r#"{"amount":1}"#);
        check_eq!(verdict.outcome, VerdictOutcome::Undefined, "the verdict of `{source}`");
        check!(!verdict.allows(), "an undefined verdict that allows");
    }
    Ok(())
}

/// Only the value `true` allows; values that other languages take for true do not.
pub fn allow_must_be_true_itself<F: PolicyEngineFixture>() -> Outcome {
    for value in ["1", "\"true\"", "[true]", "{\"allow\": true}", "null", "false"] {
        let engine = engine::<F>(&format!("package nexus\n\nallow := {value}\n"))?;
        let verdict = decide(&engine, &["writer"], "{}");
        check!(!verdict.allows(), "allow := {value} allows");
    }
    Ok(())
}

/// Rules that contradict each other fail the evaluation; that is told, and is a no.
pub fn a_failing_evaluation_is_not_allow<F: PolicyEngineFixture>() -> Outcome {
    let conflict = "package nexus\n\nallow := true if input.kind == \"command\"\n\n\
                    allow := false if input.action == \"PlaceOrder\"\n";
    let verdict = decide(&engine::<F>(conflict)?, &["writer"], "{}");
    check!(!verdict.allows(), "a failed evaluation allows: {verdict:?}");
    match &verdict.outcome {
        VerdictOutcome::Failed { reason } => check!(!reason.is_empty(), "a failure without a reason"),
        other => check!(false, "contradicting rules: {other:?}"),
    }
    Ok(())
}

/// A denial that is not an object as agreed is still a denial or a failure, never a yes.
pub fn denials_of_another_shape_are_not_overlooked<F: PolicyEngineFixture>() -> Outcome {
    for deny in [
        "deny contains \"plain text\"",
        "deny contains {\"id\": \"only.id\"}",
        "deny contains 7",
        "deny contains {\"id\": 7, \"message\": [], \"remediation\": null, \"severity\": \"error\"}",
        "deny contains {\"id\": \"x\", \"message\": \"m\", \"remediation\": \"r\", \"severity\": \"unheard-of\"}",
        "deny := true",
        "deny := \"no\"",
        "deny := {\"id\": \"x\"}",
        "deny := [\"no\"]",
    ] {
        let engine = engine::<F>(&format!("package nexus\n\nallow := true\n\n{deny}\n"))?;
        let verdict = decide(&engine, &["writer"], "{}");
        check!(!verdict.allows(), "`{deny}` is overlooked: {verdict:?}");
    }
    Ok(())
}

/// A policy whose work explodes is stopped within a bounded time, and is a no.
pub fn endless_evaluation_is_stopped<F: PolicyEngineFixture>() -> Outcome {
    let source = "package nexus\n\nallow if {\n    input.kind == \"command\"\n    some a in numbers.range(1, 2000)\n    \
                  some b in numbers.range(1, 2000)\n    some c in numbers.range(1, 2000)\n    \
                  a + b + c == 7000\n}\n";
    let engine = engine::<F>(source)?;
    let verdict = decide(&engine, &["writer"], "{}");
    check!(!verdict.allows(), "a policy that does not end allows");
    check!(matches!(verdict.outcome, VerdictOutcome::Failed { .. }), "a policy that does not end: {verdict:?}");
    Ok(())
}

/// Every member of the input reaches the policy under its documented name.
pub fn every_member_of_the_input_is_there<F: PolicyEngineFixture>() -> Outcome {
    let source = r#"
package nexus

allow if {
    input.kind == "append"
    input.action == "OrderPlaced"
    input.resource == {"type": "Order", "id": "order-1"}
    input.actor.id == "tester"
    input.actor.roles == ["writer", "ключ"]
    input.payload == {"amount": 1}
    input.event == {"type": "OrderPlaced", "payload": {"text": "é"}}
    input.schema == {"id": 7, "version": 2, "registered": true}
    input.context.service == "nexus"
    input.context.clientId == "testkit"
    input.context.environment == "test"
    input.context.time == "1970-01-01T00:00:00Z"
}
"#;
    let engine = engine::<F>(source)?;
    let (actor, payload, request) = (actor_with(&["writer", "ключ"]), json_text(r#"{"amount":1}"#), request_context());
    let fact = json_text(r#"{"text":"\u00e9"}"#);
    let input = PolicyInput {
        kind: PolicyKind::Append,
        action: "OrderPlaced",
        event: Some(PolicyEvent { event_type: "OrderPlaced", payload: &fact }),
        ..command(&actor, &payload, &request)
    };
    let verdict = engine.decide(&input);
    check_eq!(verdict.outcome, VerdictOutcome::Allow, "a policy that looks at every member");
    let later = RequestContext { time: Timestamp::UNIX_EPOCH.saturating_add_micros(1), ..request_context() };
    let other = engine.decide(&PolicyInput { request: &later, ..input });
    check!(!other.allows(), "a policy that looks at another time");
    Ok(())
}

/// What a request does not have is undefined for the policy, not null or empty.
pub fn members_that_are_absent_are_undefined<F: PolicyEngineFixture>() -> Outcome {
    let source = "package nexus\n\nallow if {\n    not has(\"payload\")\n    not has(\"event\")\n    \
                  not has(\"schema\")\n}\n\nhas(name) if name in object.keys(input)\n";
    let engine = engine::<F>(source)?;
    let (actor, payload, request) = (actor_with(&[]), json_text("{}"), request_context());
    let full = command(&actor, &payload, &request);
    check!(!engine.decide(&full).allows(), "the payload is there");
    let bare = PolicyInput { kind: PolicyKind::Query, payload: None, schema: None, ..full };
    let verdict = engine.decide(&bare);
    check!(verdict.allows(), "absent members: {verdict:?}");
    Ok(())
}

/// The same modules have the same digest, in whatever order; any other text has another.
pub fn the_digest_names_the_bundle<F: PolicyEngineFixture>() -> Outcome {
    let other = ORDERS.replace("100", "101");
    let extra = ("extra.rego", "package nexus\n");
    let digest = |modules: &[(&str, &str)]| {
        let engine = F::engine(modules).map_err(Breach::new)?;
        Ok::<_, Breach>(engine.digest())
    };
    let first = digest(&[("orders.rego", ORDERS), extra])?;
    check_eq!(digest(&[("orders.rego", ORDERS), extra])?, first, "the digest of the same bundle");
    check_eq!(digest(&[extra, ("orders.rego", ORDERS)])?, first, "the digest in another order");
    for modules in [&[("orders.rego", ORDERS)][..], &[("orders.rego", other.as_str()), extra]] {
        check!(digest(modules)? != first, "another bundle has the same digest");
    }
    Ok(())
}

/// Every verdict, also a no, names the bundle it came from.
pub fn the_verdict_carries_the_digest<F: PolicyEngineFixture>() -> Outcome {
    let engine = engine::<F>(ORDERS)?;
    for (roles, payload) in [(&["writer"][..], "{}"), (&[], "{}"), (&["writer"], r#"{"amount":500}"#)] {
        let verdict = decide(&engine, roles, payload);
        check_eq!(verdict.policy_digest, engine.digest(), "the digest of {verdict:?}");
    }
    Ok(())
}

/// Nothing of an earlier decision shows in a later one.
pub fn the_same_input_gives_the_same_verdict<F: PolicyEngineFixture>() -> Outcome {
    let engine = engine::<F>(ORDERS)?;
    let asked = [
        (&["writer"][..], r#"{"amount":1}"#),
        (&["writer"], r#"{"amount":150}"#),
        (&[], r#"{"amount":1}"#),
        (&["writer", "approver"], r#"{"amount":150}"#),
        (&[], "{}"),
    ];
    let ask = || asked.map(|(roles, payload)| decide(&engine, roles, payload).outcome);
    let first = ask();
    for _ in 0..20 {
        check_eq!(ask(), first, "the same questions again");
    }
    let fresh = self::engine::<F>(ORDERS)?;
    let backward = asked.iter().rev().map(|(roles, payload)| decide(&fresh, roles, payload).outcome);
    let mut backward: Vec<VerdictOutcome> = backward.collect();
    backward.reverse();
    check_eq!(backward, first, "the same questions in another order, of another engine");
    Ok(())
}

/// Threads that ask at the same time each get the answer to their own question.
pub fn decisions_on_many_threads_do_not_mix<F: PolicyEngineFixture>() -> Outcome {
    let engine = engine::<F>(ORDERS)?;
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8_usize)
        .map(|thread| {
            let (engine, barrier) = (Arc::clone(&engine), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                (0..50).try_for_each(|round| {
                    let amount = if (thread + round) % 2 == 0 { 10 } else { 101 + round };
                    let verdict = decide(&engine, &["writer"], &format!(r#"{{"amount":{amount}}}"#));
                    check_eq!(verdict.allows(), amount == 10, "an order of {amount}");
                    let named = verdict.denials().iter().all(|denial| {
                        denial.message.contains(&amount.to_string()) || denial.severity == Severity::Warning
                    });
                    check!(named, "the answer to another question than {amount}: {verdict:?}");
                    Ok(())
                })
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| Breach::new("a decision panicked"))??;
    }
    Ok(())
}

/// A module that is not Rego v1 is refused with its name; it does not become an engine that decides nothing.
pub fn a_module_that_does_not_compile_is_refused<F: PolicyEngineFixture>() -> Outcome {
    for source in ["package nexus\n\nallow if {", "not rego at all", ""] {
        match F::engine(&[("orders.rego", ORDERS), ("broken.rego", source)]) {
            Ok(_) => check!(false, "`{source}` is accepted"),
            Err(reason) => check!(reason.contains("broken.rego"), "`{reason}` does not name the module"),
        }
    }
    Ok(())
}
