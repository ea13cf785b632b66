use serde_json::{Value, json};

use crate::{accepts, refusal, violations};

fn object(name: &str) -> Value {
    json!({ "type": "object", "properties": { name: {} } })
}

#[test]
fn undeclared_members_are_refused_at_every_level() {
    let schema = json!({
        "type": "object",
        "properties": {
            "inner": object("a"),
            "list": { "type": "array", "items": object("b") },
            "map": { "type": "object", "additionalProperties": object("c") },
        },
    });
    for (document, good) in [
        (json!({ "inner": { "a": 1 }, "list": [{ "b": 1 }], "map": { "any": { "c": 1 } } }), true),
        (json!({ "other": 1 }), false),
        (json!({ "inner": { "x": 1 } }), false),
        (json!({ "list": [{ "b": 1 }, { "x": 1 }] }), false),
        (json!({ "map": { "any": { "x": 1 } } }), false),
    ] {
        assert_eq!(accepts(&schema, &document), good, "{document}");
    }
}

#[test]
fn a_schema_can_open_itself() {
    let open = json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": true });
    assert!(accepts(&open, &json!({ "x": 1 })));
    assert!(accepts(&json!({ "type": "object" }), &json!({ "x": 1 })));
    let partly = json!({ "properties": { "a": {} }, "additionalProperties": { "type": "integer" } });
    assert!(accepts(&partly, &json!({ "x": 1 })));
    assert!(!accepts(&partly, &json!({ "x": "text" })));
}

#[test]
fn parts_of_one_object_are_closed_together() {
    for combined in [
        json!({ "allOf": [object("a"), object("b")] }),
        json!({ "allOf": [object("a")], "properties": { "b": {} } }),
        json!({ "$ref": "#/$defs/A", "properties": { "b": {} }, "$defs": { "A": object("a") } }),
        json!({ "properties": { "b": {} }, "if": { "required": ["b"] }, "then": object("a"), "else": object("a") }),
        json!({ "$schema": "http://json-schema.org/draft-07/schema#",
                "allOf": [{ "$ref": "#/definitions/A" }, object("b")], "definitions": { "A": object("a") } }),
    ] {
        assert!(accepts(&combined, &json!({ "a": 1, "b": 2 })), "{combined}");
        assert!(!accepts(&combined, &json!({ "a": 1, "b": 2, "x": 3 })), "{combined}");
    }
}

#[test]
fn a_definition_used_alone_and_in_company_is_closed_in_both_places() {
    for keyword in [None, Some("http://json-schema.org/draft-07/schema#")] {
        let mut schema = json!({
            "type": "object",
            "properties": {
                "alone": { "$ref": "#/definitions/A" },
                "more": { "allOf": [{ "$ref": "#/definitions/A" }, object("b")] },
            },
            "definitions": { "A": object("a") },
        });
        if let Some(keyword) = keyword {
            schema["$schema"] = keyword.into();
        }
        assert!(accepts(&schema, &json!({ "alone": { "a": 1 }, "more": { "a": 1, "b": 1 } })), "{schema}");
        assert!(!accepts(&schema, &json!({ "alone": { "a": 1, "b": 1 } })), "{schema}");
        assert!(!accepts(&schema, &json!({ "more": { "a": 1, "b": 1, "c": 1 } })), "{schema}");
    }
}

#[test]
fn an_optional_object_and_a_recursive_one_are_closed() {
    let schema = json!({
        "type": "object",
        "properties": {
            "value": {},
            "next": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] },
        },
    });
    assert!(accepts(&schema, &json!({ "value": 1, "next": { "value": 2, "next": null } })));
    assert!(!accepts(&schema, &json!({ "value": 1, "next": { "value": 2, "x": null } })));
    assert!(!accepts(&schema, &json!({ "x": 1 })));
}

#[test]
fn alternatives_are_closed_around_the_one_that_fits() {
    let tagged = |tag: &str, member: &str| json!({ "properties": { "kind": { "const": tag }, member: {} }, "required": ["kind"] });
    let schema = json!({ "oneOf": [tagged("card", "number"), tagged("cash", "drawer")] });
    assert!(accepts(&schema, &json!({ "kind": "card", "number": 1 })));
    assert!(accepts(&schema, &json!({ "kind": "cash", "drawer": 1 })));
    assert!(!accepts(&schema, &json!({ "kind": "cash", "number": 1 })));
    assert!(!accepts(&schema, &json!({ "kind": "cash", "drawer": 1, "x": 1 })));
}

#[test]
fn closing_never_accepts_what_the_schema_refuses() {
    // Both alternatives fit in the original, so it refuses; closed, only one would.
    let schema = json!({ "oneOf": [
        { "type": "object", "properties": { "in": object("a") } },
        { "type": "object", "properties": { "in": object("b") } },
    ] });
    assert!(!accepts(&schema, &json!({ "in": { "a": 1 } })));
}

#[test]
fn undeclared_members_are_told_beside_other_violations() {
    let schema = json!({
        "type": "object",
        "required": ["id"],
        "properties": { "id": {}, "either": { "oneOf": [object("a"), { "type": "null" }] } },
    });
    let mut keywords: Vec<String> =
        violations(&schema, &json!({ "x": 1 })).into_iter().map(|violation| violation.keyword).collect();
    keywords.sort();
    assert_eq!(keywords, ["additionalProperties", "required"]);
}

#[test]
fn values_that_only_look_like_schemas_are_left_alone() {
    let schema = json!({
        "properties": { "a": { "enum": [{ "properties": { "x": 1 } }] }, "properties": { "const": object("x") } },
    });
    assert!(accepts(&schema, &json!({ "a": { "properties": { "x": 1 } }, "properties": object("x") })));
}

#[test]
fn what_cannot_be_closed_is_refused_with_its_place() {
    let schema = json!({
        "type": "object",
        "properties": { "a": { "type": "object", "properties": { "b": {} } },
                        "c": { "allOf": [{ "$ref": "#/properties/a" }, object("d")] } },
    });
    let reason = refusal(&schema);
    assert!(reason.contains("at #/properties/a") && reason.contains("$defs"), "{reason}");
}
