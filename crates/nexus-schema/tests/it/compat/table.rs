//! Every kind of change with the verdict it must get, backward, the old version closed for writers.

use jsonschema::Draft;
use nexus_schema::compat::{CompatibilityMode, CompatibilityReport, judge};
use serde_json::{Value, json};

/// What a change must be called.
enum Expected {
    Fits,
    /// The rule and the pointer into the new schema.
    Breaks(&'static str, &'static str),
}

use Expected::{Breaks, Fits};

fn backward(old: &Value, new: &Value) -> CompatibilityReport {
    judge(new, &[(1, old)], CompatibilityMode::Backward)
}

fn validates(schema: &Value, document: &Value) -> bool {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
        .is_valid(document)
}

fn hold(rows: Vec<(&str, Value, Value, Expected)>) {
    let mut wrong = Vec::new();
    for (name, old, new, expected) in rows {
        let report = backward(&old, &new);
        let told: Vec<_> =
            report.breaches.iter().map(|breach| (breach.rule.as_str(), breach.pointer.as_str())).collect();
        let right = match expected {
            Fits => report.compatible,
            Breaks(rule, pointer) => {
                let breach = report.breaches.iter().find(|breach| breach.rule == rule && breach.pointer == pointer);
                let example = breach.and_then(|breach| breach.counter_example.as_ref());
                // A test of its own, on the crate alone: the schema refuses what is said to break.
                !report.compatible
                    && example.is_some_and(|example| validates(&old, example) && !validates(&new, example))
            }
        };
        if !right {
            wrong.push(format!("{name}: {told:?} {:?}", report.breaches.first()));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

fn with(mut schema: Value, more: Value) -> Value {
    schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    schema
}

fn closed(schema: Value) -> Value {
    with(schema, json!({ "additionalProperties": false }))
}

#[test]
fn members_come_and_go_as_the_table_says() {
    let a = || object(json!({ "a": { "type": "string" } }));
    let ab = || object(json!({ "a": { "type": "string" }, "b": { "type": "integer" } }));
    let b_default = || object(json!({ "a": { "type": "string" }, "b": { "type": "integer", "default": 1 } }));
    let strings = |schema| with(schema, json!({ "additionalProperties": { "type": "string" } }));
    hold(vec![
        ("open: add an optional typed property", a(), ab(), Fits),
        ("open: add a property with an empty schema", a(), object(json!({ "a": { "type": "string" }, "b": {} })), Fits),
        ("open: add required", a(), with(ab(), json!({ "required": ["b"] })), Breaks("required-added", "/required")),
        (
            "open: add required with a default",
            a(),
            with(b_default(), json!({ "required": ["b"] })),
            Breaks("required-added", "/required"),
        ),
        ("closed: add optional", closed(a()), closed(ab()), Fits),
        (
            "closed: add required",
            closed(a()),
            closed(with(ab(), json!({ "required": ["b"] }))),
            Breaks("required-added", "/required"),
        ),
        (
            "closed: add required with a default",
            closed(a()),
            closed(with(b_default(), json!({ "required": ["b"] }))),
            Breaks("required-added", "/required"),
        ),
        ("open: remove a property", ab(), a(), Fits),
        ("closed: remove a property", closed(ab()), closed(a()), Breaks("property-removed", "/additionalProperties")),
        (
            "closed: remove a property whose schema is false",
            closed(object(json!({ "a": { "type": "string" }, "b": false }))),
            closed(a()),
            Fits,
        ),
        (
            "partially open: add what is covered",
            strings(a()),
            strings(object(json!({ "a": { "type": "string" }, "b": { "type": "string" } }))),
            Fits,
        ),
        (
            "partially open: add what is not covered",
            strings(a()),
            strings(ab()),
            Breaks("type-narrowed", "/properties/b/type"),
        ),
        (
            "partially open by a pattern: add what is covered",
            with(a(), json!({ "patternProperties": { "^b": { "type": "integer" } } })),
            with(ab(), json!({ "patternProperties": { "^b": { "type": "integer" } } })),
            Fits,
        ),
        (
            "partially open by a pattern: add what is not covered",
            with(a(), json!({ "patternProperties": { "^b": { "type": "string" } } })),
            with(ab(), json!({ "patternProperties": { "^b": { "type": "string" } } })),
            Breaks("type-narrowed", "/properties/b/type"),
        ),
    ]);
}

#[test]
fn openness_changes_as_the_table_says() {
    let a = || object(json!({ "a": { "type": "string" } }));
    let strings = |schema| with(schema, json!({ "additionalProperties": { "type": "string" } }));
    hold(vec![
        ("additionalProperties absent to false", a(), closed(a()), Fits),
        (
            "additionalProperties true to false",
            with(a(), json!({ "additionalProperties": true })),
            closed(a()),
            Breaks("property-removed", "/additionalProperties"),
        ),
        ("additionalProperties false to true", closed(a()), with(a(), json!({ "additionalProperties": true })), Fits),
        ("additionalProperties schema to true", strings(a()), with(a(), json!({ "additionalProperties": true })), Fits),
        (
            "additionalProperties true to schema",
            with(a(), json!({ "additionalProperties": true })),
            strings(a()),
            Breaks("type-narrowed", "/additionalProperties/type"),
        ),
    ]);
}

#[test]
fn demands_change_as_the_table_says() {
    let a = || object(json!({ "a": { "type": "string" } }));
    let ab = || object(json!({ "a": { "type": "string" }, "b": { "type": "integer" } }));
    let b_default = || object(json!({ "a": { "type": "string" }, "b": { "type": "integer", "default": 1 } }));
    hold(vec![
        ("optional to required", ab(), with(ab(), json!({ "required": ["a"] })), Breaks("required-added", "/required")),
        (
            "optional to required with a default",
            b_default(),
            with(b_default(), json!({ "required": ["b"] })),
            Breaks("required-added", "/required"),
        ),
        ("required to optional", with(ab(), json!({ "required": ["a"] })), ab(), Fits),
        (
            "required names what is not declared",
            a(),
            with(a(), json!({ "required": ["zip"] })),
            Breaks("required-added", "/required"),
        ),
        (
            "required changes its name",
            with(json!({ "type": "object" }), json!({ "required": ["foo"] })),
            with(json!({ "type": "object" }), json!({ "required": ["bar"] })),
            Breaks("required-added", "/required"),
        ),
    ]);
}

#[test]
fn types_and_values_change_as_the_table_says() {
    hold(vec![
        ("enum value added", json!({ "enum": ["a", "b"] }), json!({ "enum": ["a", "b", "c"] }), Fits),
        (
            "enum value removed",
            json!({ "enum": ["a", "b"] }),
            json!({ "enum": ["a"] }),
            Breaks("enum-narrowed", "/enum"),
        ),
        ("string enum to string", json!({ "type": "string", "enum": ["a"] }), json!({ "type": "string" }), Fits),
        ("const changed", json!({ "const": "a" }), json!({ "const": "b" }), Breaks("const-changed", "/const")),
        ("const to enum", json!({ "const": "a" }), json!({ "enum": ["a", "b"] }), Fits),
        ("integer to number", json!({ "type": "integer" }), json!({ "type": "number" }), Fits),
        (
            "number to integer",
            json!({ "type": "number" }),
            json!({ "type": "integer" }),
            Breaks("type-narrowed", "/type"),
        ),
        ("string to string or null", json!({ "type": "string" }), json!({ "type": ["string", "null"] }), Fits),
        (
            "string or null to string",
            json!({ "type": ["string", "null"] }),
            json!({ "type": "string" }),
            Breaks("type-narrowed", "/type"),
        ),
        (
            "a type in a list inside an object",
            object(json!({ "list": { "type": "array", "items": { "type": "number" } } })),
            object(json!({ "list": { "type": "array", "items": { "type": "integer" } } })),
            Breaks("type-narrowed", "/properties/list/items/type"),
        ),
        (
            "a type behind a reference",
            json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/A" } }, "$defs": { "A": { "type": ["string", "null"] } } }),
            json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/A" } }, "$defs": { "A": { "type": "string" } } }),
            Breaks("type-narrowed", "/$defs/A/type"),
        ),
    ]);
}

#[test]
fn combinations_change_as_the_table_says() {
    let text = || json!({ "type": "string" });
    let whole = || json!({ "type": "integer" });
    hold(vec![
        ("anyOf: branch added", json!({ "anyOf": [text()] }), json!({ "anyOf": [text(), whole()] }), Fits),
        (
            "anyOf: branch removed",
            json!({ "anyOf": [text(), whole()] }),
            json!({ "anyOf": [text()] }),
            Breaks("any-of-narrowed", "/anyOf"),
        ),
        ("oneOf: disjoint branch added", json!({ "oneOf": [text()] }), json!({ "oneOf": [text(), whole()] }), Fits),
        (
            "oneOf: overlapping branch added",
            json!({ "oneOf": [text()] }),
            json!({ "oneOf": [text(), { "maxLength": 3 }] }),
            Breaks("one-of-narrowed", "/oneOf"),
        ),
        (
            "anyOf to oneOf, disjoint",
            json!({ "anyOf": [text(), whole()] }),
            json!({ "oneOf": [text(), whole()] }),
            Fits,
        ),
        ("oneOf to anyOf", json!({ "oneOf": [text(), whole()] }), json!({ "anyOf": [text(), whole()] }), Fits),
        (
            "allOf: conjunct added",
            json!({ "allOf": [text()] }),
            json!({ "allOf": [text(), { "minLength": 1 }] }),
            Breaks("length-narrowed", "/allOf/1/minLength"),
        ),
        (
            "allOf: conjunct removed",
            json!({ "allOf": [text(), { "minLength": 1 }] }),
            json!({ "allOf": [text()] }),
            Fits,
        ),
        (
            "several branches changed, all wider",
            json!({ "anyOf": [{ "type": "string", "maxLength": 3 }, { "type": "integer", "minimum": 0 }] }),
            json!({ "anyOf": [{ "type": "integer" }, { "type": "string", "maxLength": 5 }] }),
            Fits,
        ),
        (
            "several branches changed, one narrower",
            json!({ "anyOf": [{ "type": "string", "maxLength": 3 }, { "type": "integer", "minimum": 0 }] }),
            json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "maxLength": 5 }] }),
            Breaks("any-of-narrowed", "/anyOf"),
        ),
    ]);
}

#[test]
fn negations_and_conditions_change_as_the_table_says() {
    let text = || json!({ "type": "string" });
    hold(vec![
        ("not narrowed", json!({ "not": { "type": ["string", "null"] } }), json!({ "not": text() }), Fits),
        (
            "not extended",
            json!({ "not": text() }),
            json!({ "not": { "type": ["string", "null"] } }),
            Breaks("not-narrowed", "/not"),
        ),
        (
            "if and then added to an object",
            object(json!({ "a": {}, "b": {} })),
            with(
                object(json!({ "a": {}, "b": {} })),
                json!({ "if": { "required": ["a"] }, "then": { "required": ["b"] } }),
            ),
            Breaks("required-added", "/then/required"),
        ),
        (
            "an existing condition tightened",
            with(
                object(json!({ "a": {}, "b": {}, "c": {} })),
                json!({ "if": { "required": ["a"] }, "then": { "required": ["b"] } }),
            ),
            with(
                object(json!({ "a": {}, "b": {}, "c": {} })),
                json!({ "if": { "required": ["a"] }, "then": { "required": ["b", "c"] } }),
            ),
            Breaks("required-added", "/then/required"),
        ),
    ]);
}

#[test]
fn bounds_change_as_the_table_says() {
    let rows = [
        ("minimum", json!(3), json!(2), "range-narrowed"),
        ("maximum", json!(3), json!(4), "range-narrowed"),
        ("exclusiveMinimum", json!(3), json!(2), "range-narrowed"),
        ("exclusiveMaximum", json!(3), json!(4), "range-narrowed"),
        ("multipleOf", json!(4), json!(2), "multiple-of-narrowed"),
        ("minLength", json!(3), json!(2), "length-narrowed"),
        ("maxLength", json!(3), json!(4), "length-narrowed"),
        ("minItems", json!(3), json!(2), "item-count-narrowed"),
        ("maxItems", json!(3), json!(4), "item-count-narrowed"),
        ("minProperties", json!(3), json!(2), "property-count-narrowed"),
        ("maxProperties", json!(3), json!(4), "property-count-narrowed"),
    ];
    for (keyword, tight, wide, rule) in rows {
        let pointer: &'static str = Box::leak(format!("/{keyword}").into_boxed_str());
        let [tight, wide] = [json!({ keyword: tight }), json!({ keyword: wide })];
        hold(vec![
            (keyword, tight.clone(), wide.clone(), Fits),
            (keyword, tight.clone(), json!({}), Fits),
            (keyword, wide, tight.clone(), Breaks(rule, pointer)),
            (keyword, json!({}), tight, Breaks(rule, pointer)),
        ]);
    }
    hold(vec![
        (
            "pattern removed",
            json!({ "pattern": "^a" }),
            json!({ "type": ["string", "number", "object", "array", "boolean", "null"] }),
            Fits,
        ),
        (
            "pattern added",
            json!({ "type": "string" }),
            json!({ "type": "string", "pattern": "^a" }),
            Breaks("pattern-narrowed", "/pattern"),
        ),
        (
            "pattern changed",
            json!({ "pattern": "^[a-z]+$" }),
            json!({ "pattern": "^[a-y]+$" }),
            Breaks("pattern-narrowed", "/pattern"),
        ),
        (
            "integer minimum to exclusive minimum",
            json!({ "type": "integer", "minimum": 0 }),
            json!({ "type": "integer", "exclusiveMinimum": -1 }),
            Fits,
        ),
        (
            "unique items added",
            json!({ "type": "array" }),
            json!({ "type": "array", "uniqueItems": true }),
            Breaks("unique-items-added", "/uniqueItems"),
        ),
        ("unique items removed", json!({ "type": "array", "uniqueItems": true }), json!({ "type": "array" }), Fits),
    ]);
}

#[test]
fn what_others_do_not_look_at_is_looked_at() {
    let map = |value: Value| json!({ "type": "object", "patternProperties": { "^x-": value }, "additionalProperties": false });
    hold(vec![
        (
            "patternProperties value narrowed",
            map(json!({ "type": "number" })),
            map(json!({ "type": "integer" })),
            Breaks("type-narrowed", "/patternProperties/^x-/type"),
        ),
        ("patternProperties value widened", map(json!({ "type": "integer" })), map(json!({ "type": "number" })), Fits),
        (
            "propertyNames added",
            json!({ "type": "object" }),
            json!({ "type": "object", "propertyNames": { "maxLength": 3 } }),
            Breaks("property-names-narrowed", "/propertyNames/maxLength"),
        ),
        (
            "contains added",
            json!({ "type": "array" }),
            json!({ "type": "array", "contains": { "type": "string" } }),
            Breaks("contains-narrowed", "/contains"),
        ),
        (
            "dependentRequired added",
            object(json!({ "a": {}, "b": {} })),
            with(object(json!({ "a": {}, "b": {} })), json!({ "dependentRequired": { "a": ["b"] } })),
            Breaks("required-added", "/dependentRequired"),
        ),
        (
            "format added, which is asserted here",
            json!({ "type": "string" }),
            json!({ "type": "string", "format": "date" }),
            Breaks("format-narrowed", "/format"),
        ),
        ("format removed", json!({ "type": "string", "format": "date" }), json!({ "type": "string" }), Fits),
    ]);
}

#[test]
fn tuples_follow_the_same_logic() {
    let tuple =
        |first: &str, rest: Value| json!({ "type": "array", "prefixItems": [{ "type": first }], "items": rest });
    hold(vec![
        ("tuple item widened", tuple("integer", json!(false)), tuple("number", json!(false)), Fits),
        (
            "tuple item narrowed",
            tuple("number", json!(false)),
            tuple("integer", json!(false)),
            Breaks("type-narrowed", "/prefixItems/0/type"),
        ),
        (
            "closed tuple: item added",
            tuple("number", json!(false)),
            json!({ "type": "array", "prefixItems": [{ "type": "number" }, { "type": "string" }], "items": false }),
            Fits,
        ),
        (
            "open tuple: item added",
            tuple("number", json!(true)),
            json!({ "type": "array", "prefixItems": [{ "type": "number" }, { "type": "string" }] }),
            Breaks("type-narrowed", "/prefixItems/1/type"),
        ),
        (
            "partially open tuple: item added that is covered",
            tuple("number", json!({ "type": "string" })),
            json!({ "type": "array", "prefixItems": [{ "type": "number" }, { "type": "string" }], "items": { "type": "string" } }),
            Fits,
        ),
        ("rest opened", tuple("number", json!(false)), tuple("number", json!(true)), Fits),
        (
            "rest closed",
            tuple("number", json!(true)),
            tuple("number", json!(false)),
            Breaks("items-narrowed", "/items"),
        ),
    ]);
}
