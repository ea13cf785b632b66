use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{accepts, refusal, violations};

const PROMPT: Duration = Duration::from_secs(5);

#[test]
fn references_out_of_the_document_are_refused_without_a_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let local = format!("http://{}/schema.json", listener.local_addr().unwrap());
    for target in
        [local.as_str(), "https://example.com/a", "file:///etc/passwd", "../other.json", "other.json#/x", "urn:x"]
    {
        for schema in [
            json!({ "$ref": target }),
            json!({ "properties": { "a": { "items": { "$ref": target } } } }),
            json!({ "$defs": { "unused": { "$ref": target } } }),
            json!({ "$dynamicRef": target }),
        ] {
            let reason = refusal(&schema);
            assert!(reason.contains("nothing is fetched"), "{schema}: {reason}");
        }
        let reason = refusal(&json!({ "$schema": target }));
        assert!(reason.contains("`$schema` names"), "{reason}");
        let embedded =
            refusal(&json!({ "$id": target, "properties": { "a": { "$id": "http://x/y", "$ref": "#/z" } } }));
        assert!(!embedded.is_empty());
    }
    assert!(listener.accept().is_err(), "something was fetched");
}

#[test]
fn references_that_lead_nowhere_or_in_circles_are_refused() {
    assert!(refusal(&json!({ "$ref": "#/$defs/missing" })).contains("nothing"));
    assert!(refusal(&json!({ "$ref": "#nowhere" })).contains("anchor"));
    assert!(refusal(&json!({ "$ref": "#" })).contains("refers to itself"));
    let circle = json!({ "$ref": "#/$defs/a", "$defs": { "a": { "allOf": [{ "$ref": "#/$defs/b" }] }, "b": { "$ref": "#/$defs/a" } } });
    assert!(refusal(&circle).contains("refers to itself"));
}

#[test]
fn names_of_members_are_not_keywords() {
    let schema =
        json!({ "type": "object", "properties": { "$ref": { "type": "string" }, "$id": { "type": "string" } } });
    assert!(accepts(&schema, &json!({ "$ref": "http://example.com", "$id": "x" })));
}

#[test]
fn catastrophic_patterns_are_matched_in_linear_time() {
    let start = Instant::now();
    for pattern in ["(a+)+$", "(a|a)*b", "(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
        let text = format!("{}!", "a".repeat(100_000));
        accepts(&json!({ "type": "string", "pattern": pattern }), &json!(text));
        accepts(&json!({ "patternProperties": { pattern: { "type": "null" } } }), &json!({ text: 1 }));
    }
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}

#[test]
fn patterns_that_are_broken_or_too_large_are_refused() {
    let start = Instant::now();
    let large = "(a{100}|b{100}){100}".repeat(500);
    for pattern in ["(?=a)b", "(a)\\1", "(", "(ab|cd{1,1000000})*", large.as_str()] {
        let reason = refusal(&json!({ "type": "string", "pattern": pattern }));
        assert!(reason.len() < 500, "{reason}");
        refusal(&json!({ "patternProperties": { pattern: { "type": "null" } } }));
    }
    let many: serde_json::Map<String, Value> = (0..10_000).map(|i| (format!("^{i}$"), json!(true))).collect();
    assert!(refusal(&json!({ "patternProperties": many })).contains("regular expressions"));
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}

#[test]
fn high_repetition_counts_are_refused_and_allowed_ones_match_promptly() {
    for pattern in ["a{1,1000000}", "a{1001}", "\\p{L}{10000}", "^[a-z]{0,99999999999}$", "x\\\\{5000}"] {
        let reason = refusal(&json!({ "properties": { "a": { "pattern": pattern } } }));
        assert!(reason.contains("the limit is 1000") && reason.contains("at #/properties/a"), "{reason}");
    }
    let start = Instant::now();
    for pattern in ["a{1000}b", "^a{0,1000}$", "^a{2}\\{5000}", "(a{20}|b){20}c"] {
        accepts(&json!({ "type": "string", "pattern": pattern }), &json!("a".repeat(20_000)));
    }
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}

#[test]
fn huge_and_deep_schemas_are_refused() {
    assert!(refusal(&json!({ "description": "x".repeat(1 << 20) })).contains("the limit is 1048576"));
    let mut deep = json!(true);
    for _ in 0..200 {
        deep = json!({ "not": deep });
    }
    assert!(refusal(&deep).contains("64 levels"));
    for wrong in [json!(null), json!(7), json!([]), json!("x"), json!({ "type": "strange" }), json!({ "minimum": "x" })]
    {
        refusal(&wrong);
    }
}

/// A chain of definitions each of which uses the next one twice.
fn doubling(wrap: fn(Value) -> Value) -> Value {
    let mut definitions = serde_json::Map::new();
    for level in 0..30 {
        let next = wrap(json!({ "$ref": format!("#/$defs/d{}", level + 1) }));
        definitions.insert(format!("d{level}"), json!({ "allOf": [next, next] }));
    }
    definitions.insert("d30".to_owned(), json!({ "type": ["integer", "object"] }));
    json!({ "$ref": "#/$defs/d0", "$defs": definitions })
}

#[test]
fn branches_that_multiply_are_bounded() {
    let start = Instant::now();
    assert!(refusal(&doubling(|next| next)).contains("schemas apply"));
    let by_depth = doubling(|next| json!({ "additionalProperties": next }));
    let mut document = json!(1);
    for _ in 0..40 {
        document = json!({ "a": document });
    }
    assert_eq!(violations(&by_depth, &document)[0].keyword, "depth");
    assert!(accepts(&by_depth, &json!({ "a": { "a": 1 } })));
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}

#[test]
fn recursive_schemas_stay_cheap_on_deep_documents() {
    let start = Instant::now();
    let node = |with: Value| {
        let mut schema = json!({ "type": "object", "properties": { "child": { "$ref": "#/$defs/N" }, "kind": {} } });
        for (keyword, value) in with.as_object().unwrap() {
            schema[keyword] = value.clone();
        }
        json!({ "$ref": "#/$defs/N", "$defs": { "N": schema, "base": { "properties": { "x": {} } } } })
    };
    let variant = |kind: &str| json!({ "properties": { "child": { "$ref": "#/$defs/N" }, "kind": { "const": kind } } });
    for schema in [
        node(json!({})),
        node(json!({ "allOf": [{ "$ref": "#/$defs/base" }] })),
        node(json!({ "anyOf": [variant("a"), variant("b")] })),
        node(json!({ "oneOf": [variant("a"), variant("b"), variant("c")] })),
        node(json!({ "if": variant("a"), "then": variant("a"), "else": variant("b") })),
    ] {
        for leaf in [json!({ "kind": "a" }), json!({ "kind": "z", "undeclared": 1 }), json!(7)] {
            let mut document = leaf;
            for _ in 0..60 {
                document = json!({ "child": document, "kind": "a" });
            }
            violations(&schema, &document);
        }
    }
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}

#[test]
fn a_plain_recursive_schema_accepts_deep_documents() {
    let schema = json!({ "properties": { "left": { "$ref": "#" }, "right": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] } } });
    let mut document = json!({});
    for _ in 0..120 {
        document = json!({ "left": document, "right": null });
    }
    assert!(accepts(&schema, &document));
}

#[test]
fn costly_keywords_answer_promptly() {
    let start = Instant::now();
    let distinct: Vec<Value> = (0..20_000).map(|i| json!({ "i": i })).collect();
    assert!(accepts(&json!({ "uniqueItems": true }), &json!(distinct)));
    accepts(&json!({ "multipleOf": 1e-300 }), &json!(1e300));
    accepts(&json!({ "format": "regex" }), &json!("(((a{100}){100}){100}){100}"));
    assert!(accepts(&json!({ "maxLength": 1e15 }), &json!("x")));
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}
