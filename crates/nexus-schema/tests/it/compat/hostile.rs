//! Schemas made to cost much. A verdict is given all the same, soon, and never a wrong one.

use std::time::{Duration, Instant};

use nexus_schema::compat::{CompatibilityMode, judge};
use serde_json::{Map, Value, json};

/// Far above what any of these takes, far below what an unbounded search would.
const LIMIT: Duration = Duration::from_secs(20);

fn verdict(name: &str, old: &Value, new: &Value) -> bool {
    let start = Instant::now();
    let report = judge(new, &[(1, old)], CompatibilityMode::FullTransitive);
    let took = start.elapsed();
    eprintln!("{name}: compatible {}, {} breaches, {took:?}", report.compatible, report.breaches.len());
    assert!(took < LIMIT, "{name} took {took:?}");
    report.compatible
}

fn wide(count: usize, kind: &str) -> Value {
    let properties: Map<String, Value> =
        (0..count).map(|index| (format!("property{index}"), json!({ "type": kind, "title": "some words" }))).collect();
    json!({ "type": "object", "properties": properties })
}

#[test]
fn a_schema_of_a_mebibyte_is_judged() {
    let old = wide(15_000, "integer");
    let mut new = old.clone();
    new["properties"]["property77"] = json!({ "type": "string" });
    assert!(!verdict("wide, one narrowed", &old, &new));
    assert!(!verdict("wide, all changed", &old, &wide(15_000, "string")));
    let values: Vec<u32> = (0..60_000).collect();
    let fewer: Vec<u32> = (0..59_999).collect();
    assert!(!verdict("many values", &json!({ "enum": values }), &json!({ "enum": fewer })));
}

#[test]
fn deep_and_long_schemas_are_judged() {
    let nested = |levels: usize, last: Value| {
        (0..levels).fold(last, |inner, _| json!({ "type": "object", "properties": { "a": inner } }))
    };
    assert!(!verdict("deep", &nested(28, json!({ "type": "number" })), &nested(28, json!({ "type": "integer" }))));
    let chain = |count: usize, last: Value| {
        let mut definitions: Map<String, Value> = (0..count)
            .map(|index| {
                let next = json!({ "$ref": format!("#/$defs/d{}", index + 1) });
                (format!("d{index}"), json!({ "type": "object", "properties": { "next": next } }))
            })
            .collect();
        definitions.insert(format!("d{count}"), last);
        json!({ "$ref": "#/$defs/d0", "$defs": definitions })
    };
    verdict(
        "a chain of references",
        &chain(400, json!({ "type": "number" })),
        &chain(400, json!({ "type": "integer" })),
    );
}

#[test]
fn alternatives_that_multiply_are_judged() {
    let choices = |limit: u64| {
        let groups: Vec<Value> = (0..12)
            .map(|group| {
                let branches: Vec<Value> = (0..12)
                    .map(|branch| json!({ "properties": { format!("p{group}"): { "type": "integer", "minimum": branch, "maximum": branch + limit } } }))
                    .collect();
                json!({ "anyOf": branches })
            })
            .collect();
        json!({ "type": "object", "allOf": groups })
    };
    verdict("choices", &choices(5), &choices(6));
    let dependent = |kind: &str| {
        let named: Map<String, Value> = (0..40)
            .map(|index| (format!("k{index}"), json!({ "properties": { format!("v{index}"): { "type": kind } } })))
            .collect();
        json!({ "type": "object", "dependentSchemas": named })
    };
    verdict("dependencies", &dependent("integer"), &dependent("number"));
}

#[test]
fn schemas_that_come_back_to_themselves_are_judged() {
    let tree = |kind: &str| {
        json!({
            "$ref": "#/$defs/Tree",
            "$defs": { "Tree": {
                "type": "object",
                "required": ["value"],
                "properties": {
                    "value": { "type": kind },
                    "children": { "type": "array", "items": { "$ref": "#/$defs/Tree" } },
                    "left": { "$ref": "#/$defs/Tree" },
                    "right": { "anyOf": [{ "$ref": "#/$defs/Tree" }, { "type": "null" }] },
                },
            } },
        })
    };
    assert!(!verdict("trees", &tree("integer"), &tree("number")), "the new one lets in what the old one refuses");
    let backward = judge(&tree("number"), &[(1, &tree("integer"))], CompatibilityMode::BackwardTransitive);
    assert!(backward.compatible, "{:?}", backward.breaches);
    let root =
        |kind: &str| json!({ "type": "object", "properties": { "v": { "type": kind }, "next": { "$ref": "#" } } });
    let backward = judge(&root("number"), &[(1, &root("integer"))], CompatibilityMode::BackwardTransitive);
    assert!(backward.compatible, "{:?}", backward.breaches);
    let crossing = |kind: &str| {
        json!({
            "$ref": "#/$defs/A",
            "$defs": {
                "A": { "type": "object", "properties": { "x": { "$ref": "#/$defs/B" }, "y": { "$ref": "#/$defs/A" } } },
                "B": { "type": "object", "properties": { "x": { "$ref": "#/$defs/A" }, "v": { "type": kind }, "y": { "$ref": "#/$defs/B" } } },
            },
        })
    };
    assert!(!verdict("crossing", &crossing("number"), &crossing("integer")));
}
