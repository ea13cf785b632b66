//! How long a decision takes: an order of 20 lines under the base policy and an order rule, with and without reuse of
//! outcomes, and how threads share.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use nexus_core::{
    Actor, Json, Timestamp,
    ports::{
        PolicyEngine, PolicyEvent, PolicyInput, PolicyKind, PolicyModule, PolicyResource, PolicySchema, RequestContext,
    },
};
use nexus_policy::{PolicyError, RegoPolicyEngine, with_shipped};
use serde_json::{Value, json};

/// The allocator of the `nexus` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORDER_RULE: &str = r#"package nexus
deny contains {
    "id": "orders.large-order",
    "message": "orders above 10000.00 need an approver",
    "remediation": "send the order with the role approver",
    "severity": "error",
} if {
    input.action in {"PlaceOrder", "OrderPlaced"}
    object.get(input, ["payload", "totalCents"], 0) > 1000000
    not "approver" in input.actor.roles
}
"#;

/// The rule of the Order example: a sum over the lines.
const EXAMPLE_RULE: &str = include_str!("../../../examples/orders/policies/orders.rego");

/// The same rule in a form whose reads can be told.
const READABLE_RULE: &str = r#"package nexus
deny contains {
    "id": "orders.large-order",
    "message": "orders above 10000.00 need an approver",
    "remediation": "send the order with the role approver",
    "severity": "error",
} if {
    input.action in {"PlaceOrder", "OrderPlaced"}
    total > 1000000
    not "approver" in input.actor.roles
}
total := input.payload.totalCents
total := input.event.payload.totalCents
"#;

fn order(total: u64) -> Json {
    let lines: Vec<Value> = (0..20)
        .map(|line| json!({ "sku": format!("SKU-{line:05}"), "quantity": line + 1, "unitPriceMinor": 1999, "note": null }))
        .collect();
    Json::from_value(&json!({
        "orderId": "01890a5d-ac96-774b-bcce-b302099a8057",
        "customerId": "customer-42",
        "placedAt": "2026-01-31T12:00:00Z",
        "lines": lines,
        "totalCents": total,
    }))
}

struct Asker {
    actor: Actor,
    context: RequestContext,
    orders: Vec<Json>,
}

impl Asker {
    /// Asks about orders with so many different totals.
    fn new(totals: u64) -> Self {
        Self {
            actor: Actor::new("ann".into(), vec!["writer".into()]),
            context: RequestContext {
                service: "orders".into(),
                client_id: None,
                environment: "production".into(),
                time: Timestamp::UNIX_EPOCH,
            },
            orders: (0..totals).map(order).collect(),
        }
    }

    fn ask(&self, engine: &RegoPolicyEngine, turn: usize, append: bool) -> bool {
        let Some(payload) = self.orders.get(turn % self.orders.len()) else { return false };
        let id = format!("order-{turn}");
        let verdict = engine.decide(&PolicyInput {
            kind: if append { PolicyKind::Append } else { PolicyKind::Command },
            action: if append { "OrderPlaced" } else { "PlaceOrder" },
            resource: PolicyResource { resource_type: "Order", id: &id },
            actor: &self.actor,
            payload: (!append).then_some(payload),
            event: append.then_some(PolicyEvent { event_type: "OrderPlaced", payload }),
            schema: Some(PolicySchema { id: 1, version: 1, registered: true }),
            request: &self.context,
        });
        verdict.allows()
    }
}

fn measure(name: &str, turns: usize, mut once: impl FnMut(usize) -> bool) {
    let mut times: Vec<Duration> = (0..turns)
        .map(|turn| {
            let start = Instant::now();
            let allowed = once(turn);
            let took = start.elapsed();
            assert!(allowed, "the order was refused");
            took
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1000).copied().unwrap_or_default();
    let line = format!("{name}: p50 {:?}  p99 {:?}  p99.9 {:?}\n", at(500), at(990), at(999));
    // Nobody reads a figure that could not be written.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

fn engine(rule: &str) -> Result<RegoPolicyEngine, PolicyError> {
    let orders = PolicyModule { name: "orders.rego".to_owned(), source: rule.to_owned() };
    RegoPolicyEngine::new(with_shipped([orders]))
}

fn main() -> Result<(), PolicyError> {
    let (unclear, readable) = (engine(ORDER_RULE)?, engine(READABLE_RULE)?);
    let example = engine(EXAMPLE_RULE)?;
    let (one, many) = (Asker::new(1), Asker::new(5_000));
    measure("command of the Order example, every order different", 20_000, |turn| many.ask(&example, turn, false));
    measure("append of the Order example, remembered", 200_000, |turn| one.ask(&example, turn, true));
    for append in [false, true] {
        let kind = if append { "append" } else { "command" };
        measure(&format!("{kind}, evaluated over the whole input"), 20_000, |turn| one.ask(&unclear, turn, append));
        measure(&format!("{kind}, every total different"), 20_000, |turn| many.ask(&readable, turn, append));
        measure(&format!("{kind}, remembered"), 100_000, |turn| one.ask(&readable, turn, append));
    }
    for threads in [1, 2] {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..20_000).all(|turn| one.ask(&unclear, turn, true)));
            }
        });
        let rate = 20_000.0 * f64::from(threads) / start.elapsed().as_secs_f64();
        let line = format!("{threads} thread(s), evaluated each time: {rate:.0} decisions/s\n");
        let _ = std::io::stdout().write_all(line.as_bytes());
    }
    Ok(())
}
