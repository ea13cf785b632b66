//! References to other registered schemas: followed without a connection, as one document.

use nexus_core::{
    Json, Timestamp,
    ports::{
        RegisterError, RegisteredSchema, Registration, RegistrationPlan, RegistryChange, SchemaKind, SchemaLink,
        SchemaRegistry, Subject, SubjectRegistry,
    },
};
use nexus_schema::JsonSchemaRegistry;
use serde_json::{Value, json};

fn now() -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).unwrap()
}

fn event(name: &str) -> Subject {
    Subject::new(SchemaKind::Event, name)
}

fn link(name: &str, subject: &str) -> SchemaLink {
    SchemaLink { name: name.to_owned(), subject: event(subject), version: 1 }
}

fn plan(
    registry: &JsonSchemaRegistry,
    name: &str,
    schema: &Value,
    links: &[SchemaLink],
) -> Result<RegisteredSchema, RegisterError> {
    let wanted = Registration { links: links.to_vec(), ..Registration::new(event(name), schema.clone()) };
    match registry.plan_registration(&wanted, now())? {
        RegistrationPlan::New(new) => Ok(*new),
        RegistrationPlan::Known(known) => panic!("{known:?}"),
    }
}

fn add(registry: &JsonSchemaRegistry, name: &str, schema: &Value, links: &[SchemaLink]) {
    let new = plan(registry, name, schema, links).unwrap();
    registry.apply(RegistryChange::Registered(Box::new(new))).unwrap();
}

fn accepts(registry: &JsonSchemaRegistry, name: &str, document: &Value) -> bool {
    registry.check(SchemaKind::Event, name, None, &Json::from_value(document)).is_ok()
}

fn money() -> Value {
    json!({ "type": "object", "properties": { "cents": { "type": "integer" } }, "required": ["cents"] })
}

#[test]
fn a_chain_of_references_is_checked_and_closed_at_every_link() {
    let registry = JsonSchemaRegistry::new();
    add(&registry, "Money", &money(), &[]);
    let line = json!({ "type": "object", "properties": { "price": { "$ref": "money" }, "next": { "$ref": "#" } } });
    add(&registry, "Line", &line, &[link("money", "Money")]);
    let order = json!({
        "type": "object",
        "properties": {
            "lines": { "type": "array", "items": { "$ref": "line" } },
            "total": { "$ref": "money" },
            "cents": { "$ref": "money#/properties/cents" },
        },
    });
    add(&registry, "Order", &order, &[link("line", "Line"), link("money", "Money")]);
    let line = json!({ "price": { "cents": 3 }, "next": { "price": { "cents": 4 } } });
    assert!(accepts(&registry, "Order", &json!({ "lines": [line], "total": { "cents": 7 }, "cents": 7 })));
    for bad in [
        json!({ "total": { "cents": "7" } }),
        json!({ "total": { "cents": 7, "undeclared": 1 } }),
        json!({ "cents": "7" }),
        json!({ "lines": [{ "price": {} }] }),
        json!({ "lines": [{ "next": { "undeclared": 1 } }] }),
        json!({ "lines": [{ "next": { "next": { "price": { "cents": false } } } }] }),
    ] {
        assert!(!accepts(&registry, "Order", &bad), "{bad}");
    }
}

#[test]
fn references_by_id_by_anchor_and_relative_to_the_own_id_are_followed() {
    let registry = JsonSchemaRegistry::new();
    let money = json!({
        "$id": "https://shop.example/money.json",
        "$defs": { "whole": { "$anchor": "whole", "type": "integer" } },
        "$ref": "#whole",
    });
    add(&registry, "Money", &money, &[]);
    let order = json!({
        "$id": "https://shop.example/order.json",
        "type": "object",
        "properties": {
            "absolute": { "$ref": "https://shop.example/money.json" },
            "relative": { "$ref": "money.json" },
            "anchor": { "$ref": "money.json#whole" },
            "own": { "$ref": "https://shop.example/order.json#/$defs/text" },
        },
        "$defs": { "text": { "type": "string" } },
    });
    add(&registry, "Order", &order, &[link("https://shop.example/money.json", "Money")]);
    assert!(accepts(&registry, "Order", &json!({ "absolute": 1, "relative": 2, "anchor": 3, "own": "x" })));
    for member in ["absolute", "relative", "anchor"] {
        assert!(!accepts(&registry, "Order", &json!({ member: "1" })), "{member}");
    }
    assert!(!accepts(&registry, "Order", &json!({ "own": 1 })));
}

#[test]
fn what_only_looks_like_a_reference_is_left_alone() {
    let registry = JsonSchemaRegistry::new();
    add(&registry, "Money", &money(), &[]);
    let order = json!({
        "type": "object",
        "properties": {
            "$ref": { "type": "string" },
            "default": { "$ref": "money" },
            "fixed": { "const": { "$ref": "money" } },
        },
        "examples": [{ "$ref": "money" }],
    });
    add(&registry, "Order", &order, &[link("money", "Money")]);
    let fine = json!({ "$ref": "money", "default": { "cents": 1 }, "fixed": { "$ref": "money" } });
    assert!(accepts(&registry, "Order", &fine));
    assert!(!accepts(&registry, "Order", &json!({ "fixed": { "$ref": "#/$defs/Money.1" } })));
    assert!(!accepts(&registry, "Order", &json!({ "default": 1 })));
}

#[test]
fn older_drafts_refer_as_well() {
    let registry = JsonSchemaRegistry::new();
    let draft = "http://json-schema.org/draft-07/schema#";
    let money = json!({ "$schema": draft, "$id": "money.json", "definitions": { "a": { "$id": "#a", "type": "integer" } },
        "type": "object", "properties": { "cents": { "$ref": "#a" } } });
    add(&registry, "Money", &money, &[]);
    let order = json!({ "$schema": draft, "type": "object", "properties": { "price": { "$ref": "money.json" } } });
    add(&registry, "Order", &order, &[link("money.json", "Money")]);
    assert!(accepts(&registry, "Order", &json!({ "price": { "cents": 1 } })));
    assert!(!accepts(&registry, "Order", &json!({ "price": { "cents": "1" } })));
}

#[test]
fn references_that_cannot_be_followed_are_refused_by_name() {
    let registry = JsonSchemaRegistry::new();
    add(&registry, "Money", &money(), &[]);
    add(&registry, "Old", &json!({ "$schema": "http://json-schema.org/draft-04/schema#" }), &[]);
    add(&registry, "Dynamic", &json!({ "$dynamicRef": "#a", "$defs": { "a": { "$dynamicAnchor": "a" } } }), &[]);
    let order = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [{ "$ref": "x" }] });
    let refuse = |links: &[SchemaLink]| match plan(&registry, "Order", &order, links) {
        Err(RegisterError::Reference { name, reason }) => {
            assert_eq!(if name == "#a" { "x" } else { &name }, "x");
            reason
        }
        other => panic!("{other:?}"),
    };
    assert!(refuse(&[link("x", "Nothing")]).contains("there is no event `Nothing`"));
    assert!(refuse(&[link("x", "Order")]).contains("there is no event `Order` with version 1"));
    assert!(refuse(&[link("x", "Old")]).contains("another draft"));
    assert!(refuse(&[link("x", "Dynamic")]).contains("$dynamicRef"));
    assert!(refuse(&[link("x", "Money"), link("x", "Money")]).contains("named twice"));
    let unnamed = plan(&registry, "Order", &order, &[link("y", "Money")]);
    assert!(matches!(unnamed, Err(RegisterError::Invalid { ref reason }) if reason.contains("nothing is fetched")));
    let place = json!({ "$ref": "x#/properties/nothing" });
    assert!(matches!(plan(&registry, "Order", &place, &[link("x", "Money")]), Err(RegisterError::Invalid { .. })));
}

#[test]
fn what_a_schema_refers_to_counts_into_its_size_once() {
    let registry = JsonSchemaRegistry::new();
    let large = |text: &str| json!({ "description": text.repeat(400_000) });
    for name in ["A", "B", "C"] {
        add(&registry, name, &large(name), &[]);
    }
    let all = |names: &[&str]| {
        let parts: Vec<Value> = names.iter().map(|name| json!({ "$ref": name })).collect();
        let links: Vec<SchemaLink> = names.iter().map(|name| link(name, name)).collect();
        plan(&registry, "All", &json!({ "anyOf": parts }), &links)
    };
    assert!(all(&["A", "B"]).is_ok());
    assert!(matches!(all(&["A", "B", "C"]), Err(RegisterError::Reference { reason, .. }) if reason.contains("bytes")));
    let twice = json!({ "anyOf": [{ "$ref": "a" }, { "$ref": "b" }] });
    assert!(plan(&registry, "Twice", &twice, &[link("a", "A"), link("b", "A")]).is_ok());
}

#[test]
fn a_change_behind_a_reference_is_judged() {
    let registry = JsonSchemaRegistry::new();
    add(&registry, "Money", &money(), &[]);
    let stricter = json!({ "type": "object", "properties": { "cents": { "type": "integer", "minimum": 0 } }, "required": ["cents"] });
    add(&registry, "Strict", &stricter, &[]);
    let order = json!({ "type": "object", "properties": { "price": { "$ref": "money" } } });
    add(&registry, "Order", &order, &[link("money", "Money")]);
    let refused = plan(&registry, "Order", &order, &[link("money", "Strict")]);
    let Err(RegisterError::Incompatible { report, .. }) = refused else { panic!("{refused:?}") };
    let example = report.breaches[0].counter_example.as_ref().unwrap();
    assert!(example["price"]["cents"].as_i64().unwrap() < 0, "{example}");
}

#[test]
fn a_deleted_schema_still_serves_those_that_refer_to_it() {
    let registry = JsonSchemaRegistry::new();
    add(&registry, "Money", &money(), &[]);
    let order = json!({ "type": "object", "properties": { "price": { "$ref": "money" } } });
    add(&registry, "Order", &order, &[link("money", "Money")]);
    let deleted =
        RegistryChange::Deleted { subject: event("Money"), versions: vec![1], in_use: Vec::new(), for_good: false };
    registry.apply(deleted).unwrap();
    assert!(accepts(&registry, "Order", &json!({ "price": { "cents": 1 } })));
    assert!(!accepts(&registry, "Order", &json!({ "price": { "cents": "1" } })));
}
