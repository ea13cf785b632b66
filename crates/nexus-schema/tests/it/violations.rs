use nexus_core::{
    Json,
    ports::{SchemaKind, SchemaRefusal, SchemaRegistry, Violation},
};
use nexus_schema::JsonSchemaRegistry;
use serde_json::{Value, json};

use crate::{accepts, violations};

fn one(schema: &Value, document: &Value) -> (String, String, String) {
    let found = violations(schema, document);
    let [Violation { pointer, keyword, message }] = found.as_slice() else { panic!("{found:?}") };
    (pointer.clone(), keyword.clone(), message.clone())
}

#[test]
fn every_violation_is_named_with_its_place_and_keyword() {
    let schema = json!({
        "type": "object",
        "required": ["customer", "lines"],
        "properties": {
            "customer": { "type": "string", "minLength": 1 },
            "total": { "type": "integer", "minimum": 0 },
            "lines": { "type": "array", "items": {
                "type": "object", "required": ["sku"], "properties": { "sku": { "type": "string" } } } },
        },
    });
    let document = json!({ "total": -4, "lines": [{ "sku": "a" }, { "sku": 7, "x/y": 1 }], "colour": "red" });
    let mut found: Vec<_> = violations(&schema, &document)
        .into_iter()
        .map(|violation| (violation.pointer, violation.keyword, violation.message))
        .collect();
    found.sort();
    let text =
        |pointer: &str, keyword: &str, message: &str| (pointer.to_owned(), keyword.to_owned(), message.to_owned());
    assert_eq!(
        found,
        [
            text("", "additionalProperties", "the schema declares no member `colour` here; remove it or declare it"),
            text("", "required", "the member \"customer\" is missing"),
            text(
                "/lines/1",
                "additionalProperties",
                "the schema declares no member `x/y` here; remove it or declare it"
            ),
            text("/lines/1/sku", "type", "expected the type string; found 7"),
            text("/total", "minimum", "expected at least 0; found -4"),
        ]
    );
}

#[test]
fn formats_are_asserted() {
    for (format, good, bad) in [
        ("date-time", "2026-01-31T12:00:00Z", "yesterday"),
        ("date", "2026-01-31", "2026-02-31"),
        ("uuid", "01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d"),
        ("email", "ann@example.com", "ann"),
        ("ipv4", "127.0.0.1", "256.0.0.1"),
    ] {
        for draft in ["http://json-schema.org/draft-04/schema#", "https://json-schema.org/draft/2020-12/schema"] {
            let schema = json!({ "$schema": draft, "type": "string", "format": format });
            if format != "uuid" || draft.contains("2020") {
                assert!(!accepts(&schema, &json!(bad)), "{format} {draft}");
            }
            assert!(accepts(&schema, &json!(good)), "{format} {draft}");
        }
    }
    let (_, keyword, message) = one(&json!({ "format": "uuid" }), &json!("x"));
    assert_eq!((keyword.as_str(), message.as_str()), ("format", "expected the format `uuid`; found \"x\""));
}

#[test]
fn long_values_are_cut_short() {
    for document in [json!("x".repeat(1 << 20)), json!(vec![7; 10_000]), json!({ "k": "v".repeat(5000) })] {
        let (_, _, message) = one(&json!({ "type": "integer" }), &document);
        assert!(message.len() < 250, "{message}");
    }
    let (_, _, message) = one(&json!({ "enum": vec!["long"; 1] }), &json!("é".repeat(300)));
    assert!(message.len() < 600, "{message}");
}

#[test]
fn at_most_a_hundred_violations_are_reported() {
    let schema = json!({ "type": "array", "items": { "type": "integer" } });
    assert_eq!(violations(&schema, &json!(vec!["x"; 5000])).len(), 100);
    let undeclared: serde_json::Map<String, Value> = (0..500).map(|i| (format!("m{i}"), json!(i))).collect();
    let closed = json!({ "properties": { "a": {} } });
    assert_eq!(violations(&closed, &Value::Object(undeclared)).len(), 100);
}

#[test]
fn the_nearest_alternative_is_explained() {
    let schema = json!({ "oneOf": [
        { "type": "string" },
        { "type": "object", "required": ["number"], "properties": { "number": { "type": "string" } } },
    ] });
    let (_, keyword, message) = one(&schema, &json!({ "number": 5 }));
    assert_eq!(keyword, "oneOf");
    assert!(message.contains("/number") && message.contains("expected the type string"), "{message}");
}

#[test]
fn stored_bytes_that_are_not_json_are_a_violation() {
    let registry = JsonSchemaRegistry::new();
    registry.register(SchemaKind::Event, "A", &json!(true)).unwrap();
    let broken = Json::from_stored("{\"a\":".into());
    let Err(SchemaRefusal::Invalid { violations, .. }) = registry.check(SchemaKind::Event, "A", None, &broken) else {
        panic!("accepted");
    };
    assert_eq!(violations[0].keyword, "json");
}
