//! Modes, bumps and differences.

use nexus_schema::compat::{CompatibilityDirection, CompatibilityMode, SchemaBump, SchemaChangeKind, diff, judge};
use serde_json::{Value, json};

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

#[test]
fn a_plain_optional_field_may_be_added_in_every_mode() {
    let old = object(json!({ "a": { "type": "string" } }));
    let new = object(json!({ "a": { "type": "string" }, "b": { "type": "integer" } }));
    for mode in CompatibilityMode::ALL {
        let report = judge(&new, &[(1, &old)], mode);
        assert!(report.compatible, "{mode}: {:?}", report.breaches);
        assert_eq!(report.required_bump, SchemaBump::Minor, "{mode}");
    }
}

#[test]
fn forward_asks_the_old_version_about_documents_of_the_new_one() {
    let old = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] });
    let new = object(json!({ "a": { "type": "string" } }));
    assert!(judge(&new, &[(1, &old)], CompatibilityMode::Backward).compatible);
    let report = judge(&new, &[(1, &old)], CompatibilityMode::Forward);
    let breach = &report.breaches[0];
    assert_eq!((breach.rule.as_str(), breach.direction), ("required-removed", CompatibilityDirection::Forward));
    assert_eq!(breach.counter_example, Some(json!({})));
    assert!(breach.message.starts_with("the new version lets in"), "{}", breach.message);
    let full = judge(&new, &[(1, &old)], CompatibilityMode::Full);
    assert_eq!(full.breaches, report.breaches);
}

#[test]
fn only_transitive_modes_find_what_the_version_before_the_last_let_in() {
    let first = object(json!({ "a": { "type": "string" }, "b": { "type": "integer" } }));
    let second = object(json!({ "a": { "type": "string" } }));
    let third = object(json!({ "a": { "type": "string" }, "b": { "type": "string" } }));
    let old = [(1, &first), (2, &second)];
    assert!(judge(&third, &old, CompatibilityMode::Backward).compatible);
    let report = judge(&third, &old, CompatibilityMode::BackwardTransitive);
    let told: Vec<_> = report.breaches.iter().map(|breach| (breach.version, breach.pointer.as_str())).collect();
    assert_eq!(told, [(1, "/properties/b/type")]);
    assert_eq!(report.required_bump, SchemaBump::Major);
}

#[test]
fn the_bump_follows_from_what_changed() {
    let old = object(json!({ "a": { "type": "integer", "minimum": 0, "default": 1, "title": "A" } }));
    let changed = |part: Value| object(json!({ "a": part }));
    for (new, bump) in [
        (old.clone(), SchemaBump::None),
        (changed(json!({ "type": "integer", "minimum": 0, "default": 1, "title": "Amount" })), SchemaBump::Patch),
        (changed(json!({ "type": "integer", "minimum": 0, "default": 2, "title": "A" })), SchemaBump::Minor),
        (changed(json!({ "type": "integer", "exclusiveMinimum": -1, "default": 1, "title": "A" })), SchemaBump::Minor),
        (changed(json!({ "type": "number", "minimum": 0, "default": 1, "title": "A" })), SchemaBump::Minor),
        (changed(json!({ "type": "integer", "minimum": 1, "default": 1, "title": "A" })), SchemaBump::Major),
    ] {
        let report = judge(&new, &[(3, &old)], CompatibilityMode::BackwardTransitive);
        assert_eq!(report.required_bump, bump, "{new}");
        // Nobody asked, but the bump stays honest.
        let unasked = judge(&new, &[(3, &old)], CompatibilityMode::None);
        assert_eq!((unasked.compatible, unasked.required_bump), (true, bump), "{new}");
    }
    assert_eq!(judge(&old, &[], CompatibilityMode::FullTransitive).required_bump, SchemaBump::None);
}

#[test]
fn another_draft_is_not_taken_for_granted() {
    let old = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "string" });
    let report = judge(&json!({ "type": "string" }), &[(1, &old)], CompatibilityMode::Backward);
    assert_eq!((report.breaches[0].rule.as_str(), report.breaches[0].pointer.as_str()), ("undecided", "/$schema"));
    let report = judge(&json!({ "type": "integer" }), &[(1, &old)], CompatibilityMode::Backward);
    assert_eq!(report.breaches[0].rule, "type-narrowed");
}

#[test]
fn a_schema_that_cannot_be_registered_is_refused_with_the_reason() {
    let old = json!({ "type": "string" });
    let report = judge(&json!({ "$ref": "https://example.com/a" }), &[(1, &old)], CompatibilityMode::Backward);
    assert_eq!(report.breaches[0].rule, "unusable-schema");
    assert!(report.breaches[0].message.contains("nothing is fetched"), "{}", report.breaches[0].message);
}

#[test]
fn differences_are_told_by_place_and_meaning() {
    let from = json!({
        "type": "object",
        "required": ["a", "b"],
        "properties": { "a": { "type": "string" }, "b": { "$ref": "#/$defs/B" }, "gone": { "type": "integer" } },
        "$defs": { "B": { "enum": ["x", "y"], "default": "x" } },
    });
    let to = json!({
        "type": "object",
        "required": ["b"],
        "properties": {
            "a": { "type": ["string", "null"], "description": "An a" },
            "b": { "enum": ["y", "z"], "default": "y" },
            "come": { "type": "boolean" },
        },
    });
    let changes = diff(&from, &to);
    let told: Vec<_> = changes.iter().map(|one| (one.pointer.as_str(), one.kind, one.bump)).collect();
    assert_eq!(
        told,
        [
            ("/properties/a/description", SchemaChangeKind::Added, SchemaBump::Patch),
            ("/properties/a/type", SchemaChangeKind::Added, SchemaBump::Minor),
            ("/properties/b/default", SchemaChangeKind::Changed, SchemaBump::Minor),
            ("/properties/b/enum", SchemaChangeKind::Removed, SchemaBump::Major),
            ("/properties/b/enum", SchemaChangeKind::Added, SchemaBump::Minor),
            ("/properties/come", SchemaChangeKind::Added, SchemaBump::Minor),
            ("/properties/gone", SchemaChangeKind::Removed, SchemaBump::Major),
            ("/required", SchemaChangeKind::Removed, SchemaBump::Minor),
        ],
        "{changes:#?}"
    );
    assert!(changes[2].warning.as_ref().is_some_and(|warning| warning.contains("upcaster")), "{:?}", changes[2]);
    assert_eq!(changes[3].description, "`enum` loses \"x\"");
}

#[test]
fn another_way_of_writing_is_no_difference() {
    let from = json!({
        "required": ["a", "b"],
        "allOf": [{ "type": "object" }, { "minProperties": 1 }],
        "properties": { "a": { "$ref": "#/$defs/A" } },
        "$defs": { "A": { "type": "string" } },
    });
    let to = json!({
        "required": ["b", "a"],
        "allOf": [{ "minProperties": 1 }, { "type": "object" }],
        "properties": { "a": { "type": "string" } },
    });
    assert_eq!(diff(&from, &to), []);
    let report = judge(&to, &[(1, &from)], CompatibilityMode::FullTransitive);
    assert_eq!((report.compatible, report.required_bump), (true, SchemaBump::Patch), "{:?}", report.breaches);
}
