//! How long a check takes: an order of 20 lines, and the same with an unevaluated-properties schema.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use nexus_core::{
    Json,
    ports::{SchemaKind, SchemaRegistry},
};
use nexus_schema::JsonSchemaRegistry;
use serde_json::{Value, json};

fn order() -> Json {
    let lines: Vec<Value> = (0..20)
        .map(|line| json!({ "sku": format!("SKU-{line:05}"), "quantity": line + 1, "unitCents": 1999, "note": null }))
        .collect();
    Json::from_value(&json!({
        "orderId": "01890a5d-ac96-774b-bcce-b302099a8057",
        "customerId": "customer-42",
        "placedAt": "2026-01-31T12:00:00Z",
        "email": "ann@example.com",
        "lines": lines,
        "totalCents": 419_790,
    }))
}

fn schema(line: &Value) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["orderId", "customerId", "lines", "totalCents"],
        "properties": {
            "orderId": { "type": "string", "format": "uuid" },
            "customerId": { "type": "string", "minLength": 1, "maxLength": 64 },
            "placedAt": { "type": "string", "format": "date-time" },
            "email": { "type": "string", "format": "email" },
            "lines": { "type": "array", "minItems": 1, "items": line },
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

fn measure(name: &str, mut once: impl FnMut()) {
    for _ in 0..2_000 {
        once();
    }
    let mut times: Vec<Duration> = (0..100_000)
        .map(|_| {
            let start = Instant::now();
            once();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1000).copied().unwrap_or_default();
    let line = format!("{name}: p50 {:?}  p99 {:?}  p99.9 {:?}\n", at(500), at(990), at(999));
    // Nobody reads a figure that could not be written.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

fn main() {
    let registry = JsonSchemaRegistry::new();
    let plain = schema(&json!({ "$ref": "#/$defs/Line" }));
    let composed = schema(&json!({ "allOf": [{ "$ref": "#/$defs/Line" }], "properties": { "extra": {} } }));
    let mut registered = Vec::new();
    for (name, schema) in [("plain", &plain), ("composed", &composed)] {
        registered.push(registry.register(SchemaKind::Event, name, schema));
    }
    assert!(registered.iter().all(Result::is_ok), "{registered:?}");
    let good = order();
    let bad = Json::from_stored(good.as_str().replace("SKU", "sku").into());
    let size = good.len();
    for name in ["plain", "composed"] {
        measure(&format!("{name}, valid, {size} bytes"), || {
            assert!(registry.check(SchemaKind::Event, name, None, &good).is_ok());
        });
    }
    measure("plain, 20 violations", || {
        assert!(registry.check(SchemaKind::Event, "plain", None, &bad).is_err());
    });
    measure("parsing alone", || {
        assert!(good.to_value().is_ok());
    });
    hostile();
}

/// The slowest pattern the limits allow, on a megabyte of text.
fn hostile() {
    let text = Json::from_value(&Value::from("a".repeat(1 << 20)));
    let wide = Json::from_value(&Value::from((0..100_000).map(|i| json!({ "i": i })).collect::<Vec<_>>()));
    for (name, schema, document) in [
        ("a{1000}b", json!({ "pattern": "a{1000}b" }), &text),
        ("(a{20}|b){20}c", json!({ "pattern": "(a{20}|b){20}c" }), &text),
        ("(a+)+$", json!({ "pattern": "(a+)+b$" }), &text),
        ("uniqueItems", json!({ "uniqueItems": true }), &wide),
    ] {
        let registry = JsonSchemaRegistry::new();
        let usable = registry.register(SchemaKind::Event, "hostile", &schema).is_ok();
        let start = Instant::now();
        let accepted = usable && registry.check(SchemaKind::Event, "hostile", None, document).is_ok();
        let line = format!("{name}: usable {usable}, accepted {accepted}, {:?}\n", start.elapsed());
        let _ = std::io::stdout().write_all(line.as_bytes());
    }
}
