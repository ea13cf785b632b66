//! Verdicts on compatibility: how long they take for ordinary schemas, and a long run over random pairs that also
//! looks for wrong ones. `NEXUS_COMPAT_PAIRS` sets the number of pairs (100 000), `NEXUS_COMPAT_SEED` the seed (1).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that meets the unexpected must fail"
)]

use std::{
    io::Write,
    time::{Duration, Instant},
};

use nexus_core::{
    Timestamp,
    ports::{Registration, SchemaKind, SchemaRegistry, Subject, SubjectRegistry},
};
use nexus_schema::{
    JsonSchemaRegistry,
    compat::{CompatibilityMode, judge},
};
use serde_json::{Value, json};

#[path = "../tests/it/compat/documents.rs"]
mod documents;
#[path = "../tests/it/compat/pairs.rs"]
mod pairs;
#[path = "../tests/it/compat/random.rs"]
mod random;
#[path = "../tests/it/compat/schemas.rs"]
mod schemas;

/// The allocator of the server, so that times are those of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn say(line: &str) {
    // Nobody reads a figure that could not be written.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// An order as a service of some size describes it.
fn order() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "OrderPlaced",
        "type": "object",
        "required": ["orderId", "customerId", "lines", "totalCents"],
        "properties": {
            "orderId": { "type": "string", "format": "uuid" },
            "customerId": { "type": "string", "minLength": 1, "maxLength": 64 },
            "placedAt": { "type": "string", "format": "date-time" },
            "channel": { "enum": ["web", "shop", "phone"] },
            "address": {
                "type": "object",
                "required": ["street", "country"],
                "properties": {
                    "street": { "type": "string" },
                    "zip": { "type": "string", "pattern": "^[0-9]{5}$" },
                    "country": { "type": "string", "minLength": 2, "maxLength": 2 },
                },
            },
            "lines": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/Line" } },
            "totalCents": { "type": "integer", "minimum": 0 },
        },
        "$defs": { "Line": {
            "type": "object",
            "required": ["sku", "quantity", "unitCents"],
            "properties": {
                "sku": { "type": "string", "pattern": "^[A-Z]+-[0-9]{5}$" },
                "quantity": { "type": "integer", "minimum": 1 },
                "unitCents": { "type": "integer", "minimum": 0 },
                "note": { "type": ["string", "null"] },
            },
        } },
    })
}

/// What people do to a schema between two releases.
fn edits() -> Vec<(&'static str, Value)> {
    let edit = |change: fn(&mut Value)| {
        let mut schema = order();
        change(&mut schema);
        schema
    };
    vec![
        ("a title", edit(|schema| schema["title"] = json!("An order was placed"))),
        ("an optional property", edit(|schema| schema["properties"]["coupon"] = json!({ "type": "string" }))),
        (
            "an optional property of a line",
            edit(|schema| {
                schema["$defs"]["Line"]["properties"]["gift"] = json!({ "type": "boolean" });
            }),
        ),
        (
            "a required property",
            edit(|schema| schema["required"] = json!(["orderId", "customerId", "lines", "totalCents", "placedAt"])),
        ),
        (
            "a value more",
            edit(|schema| schema["properties"]["channel"] = json!({ "enum": ["web", "shop", "phone", "api"] })),
        ),
        ("a value less", edit(|schema| schema["properties"]["channel"] = json!({ "enum": ["web", "shop"] }))),
        (
            "a wider type in a line",
            edit(|schema| {
                schema["$defs"]["Line"]["properties"]["quantity"] = json!({ "type": "number", "minimum": 0 });
            }),
        ),
        (
            "a narrower bound in a line",
            edit(|schema| {
                schema["$defs"]["Line"]["properties"]["quantity"] = json!({ "type": "integer", "minimum": 2 });
            }),
        ),
        (
            "another pattern",
            edit(|schema| {
                schema["properties"]["address"]["properties"]["zip"] =
                    json!({ "type": "string", "pattern": "^[0-9]{4}$" });
            }),
        ),
        (
            "no property",
            edit(|schema| {
                schema["properties"].as_object_mut().map(|named| named.remove("channel"));
            }),
        ),
    ]
}

fn at(times: &[Duration], permille: usize) -> Duration {
    times.get(times.len() * permille / 1000).copied().unwrap_or_default()
}

fn ordinary() {
    let old = order();
    let mut all = Vec::new();
    for (name, new) in edits() {
        let mut times: Vec<Duration> = Vec::new();
        let mut compatible = false;
        for _ in 0..500 {
            let start = Instant::now();
            compatible = judge(&new, &[(1, &old)], CompatibilityMode::BackwardTransitive).compatible;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        say(&format!("order, {name}: compatible {compatible}, p50 {:?}  p99 {:?}", at(&times, 500), at(&times, 990)));
        all.extend(times);
    }
    all.sort_unstable();
    say(&format!("order, all edits: p50 {:?}  p99 {:?}", at(&all, 500), at(&all, 990)));
}

/// The same as the registry answers: the earlier versions are registered, so it keeps them ready.
fn registered() {
    let (registry, now) = (JsonSchemaRegistry::new(), Timestamp::from_micros(0).unwrap());
    let subject = Subject::new(SchemaKind::Event, "OrderPlaced");
    registry.register(subject.kind, &subject.name, &order()).unwrap();
    let mut all = Vec::new();
    for (name, new) in edits() {
        let wanted = Registration::new(subject.clone(), new);
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..500 {
            let start = Instant::now();
            registry.judge(&wanted, None, now).unwrap();
            times.push(start.elapsed());
        }
        times.sort_unstable();
        say(&format!("registered order, {name}: p50 {:?}  p99 {:?}", at(&times, 500), at(&times, 990)));
        all.extend(times);
    }
    all.sort_unstable();
    say(&format!("registered order, all edits: p50 {:?}  p99 {:?}", at(&all, 500), at(&all, 990)));
}

fn main() {
    ordinary();
    registered();
    let (seed, wanted) = (setting("NEXUS_COMPAT_SEED", 1), setting("NEXUS_COMPAT_PAIRS", 100_000));
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let start = Instant::now();
    let mut tally = pairs::run(seed.wrapping_mul(1_000_003).wrapping_add(1_000), wanted);
    let (median, slow, slowest) = (tally.time(500), tally.time(990), tally.time(999));
    say(&format!(
        "random pairs, seed {seed}: {} pairs, {} fit ({} documents tried), {} broken with a document, {} undecided \
         ({:.2} % of refusals shown), {} wrong, p50 {median:?}  p99 {slow:?}  p99.9 {slowest:?}, {:?} in all",
        tally.pairs,
        tally.fit,
        tally.documents,
        tally.broken,
        tally.undecided,
        tally.shown(),
        tally.wrong.len(),
        start.elapsed(),
    ));
    for wrong in tally.wrong.iter().take(5) {
        say(wrong);
    }
    assert!(tally.wrong.is_empty(), "wrong verdicts");
}
