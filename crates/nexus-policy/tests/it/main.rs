//! The policy engine as its users see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod bounded;
mod bundles;
mod contract;
mod hostile;
mod looking;
mod outcomes;
mod shipped;
mod testing;
mod twin;

use nexus_core::{
    Actor, Json, Timestamp,
    ports::{
        PolicyEngine, PolicyEvent, PolicyInput, PolicyKind, PolicyModule, PolicyResource, PolicySchema, RequestContext,
        Verdict,
    },
};
use nexus_policy::{RegoPolicyEngine, with_shipped};
use serde_json::json;

fn module(name: &str, source: &str) -> PolicyModule {
    PolicyModule { name: name.to_owned(), source: source.to_owned() }
}

/// An engine with nothing but this text after `package nexus`.
fn alone(rules: &str) -> RegoPolicyEngine {
    RegoPolicyEngine::new(vec![module("alone.rego", &format!("package nexus\n{rules}"))]).unwrap()
}

/// An engine with the base policy and this text after `package nexus`.
fn with_base(rules: &str) -> RegoPolicyEngine {
    let more = module("more.rego", &format!("package nexus\n{rules}"));
    RegoPolicyEngine::new(with_shipped([more])).unwrap()
}

/// A command in production with a registered schema, and an event of the same content.
fn decide_as(engine: &RegoPolicyEngine, kind: PolicyKind, roles: &[&'static str]) -> Verdict {
    ask(kind, roles, |input| engine.decide(input))
}

fn ask<T>(kind: PolicyKind, roles: &[&'static str], ask: impl FnOnce(&PolicyInput<'_>) -> T) -> T {
    let actor = Actor::new("ann".into(), roles.iter().map(|role| (*role).into()).collect());
    let payload = Json::from_value(&json!({ "totalCents": 5000, "lines": [{ "sku": "a" }, { "sku": "b" }] }));
    let context = RequestContext {
        service: "orders".into(),
        client_id: Some("shop".into()),
        environment: "production".into(),
        time: Timestamp::UNIX_EPOCH,
    };
    ask(&PolicyInput {
        kind,
        action: "PlaceOrder",
        resource: PolicyResource { resource_type: "Order", id: "order-1" },
        actor: &actor,
        payload: Some(&payload),
        event: Some(PolicyEvent { event_type: "OrderPlaced", payload: &payload }),
        schema: Some(PolicySchema { id: 3, version: 2, registered: true }),
        request: &context,
    })
}

fn decide(engine: &RegoPolicyEngine) -> Verdict {
    decide_as(engine, PolicyKind::Command, &["writer"])
}
