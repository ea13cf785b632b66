use nexus_core::{
    Json,
    ports::{CompiledPolicy, PolicyKind},
};
use nexus_policy::{RegoPolicyEngine, with_shipped};
use serde_json::{Value, json};

use crate::{alone, ask, module};

fn value_at(engine: &RegoPolicyEngine, path: &str, input: &Value) -> Option<Value> {
    let found = engine.value_at(path, Some(&Json::from_value(input))).unwrap();
    found.map(|json| json.to().unwrap())
}

#[test]
fn a_value_is_found_by_its_path() {
    let engine = alone("x := input.a + 1\ny contains input.b\nz[\"k\"] := 1\n");
    let input = json!({ "a": 1, "b": 2 });
    assert_eq!(value_at(&engine, "nexus/x", &input), Some(json!(2)));
    assert_eq!(value_at(&engine, "nexus/y", &input), Some(json!([2])));
    assert_eq!(value_at(&engine, "nexus/z/k", &input), Some(json!(1)));
    assert_eq!(value_at(&engine, "nexus/x", &json!({})), None);
    assert_eq!(value_at(&engine, "nexus/no/such", &input), None);
    assert_eq!(value_at(&engine, "other", &input), None);
    assert_eq!(value_at(&engine, "nexus", &input), Some(json!({ "x": 2, "y": [2], "z": { "k": 1 } })));
    assert_eq!(value_at(&engine, "", &input), Some(json!({ "nexus": { "x": 2, "y": [2], "z": { "k": 1 } } })));
}

#[test]
fn a_package_holds_what_its_rules_are_each_by_itself() {
    let engine =
        RegoPolicyEngine::new(with_shipped([module("own.rego", "package nexus\nlimit(x) := x + 1\n")])).unwrap();
    for (role, allowed) in [("admin", true), ("writer", true), ("stranger", false)] {
        let input = json!({
            "kind": "command", "action": "PlaceOrder", "resource": { "type": "Order", "id": "a" },
            "actor": { "id": "ann", "roles": [role] }, "schema": { "registered": true },
            "context": { "environment": "production" },
        });
        let package = value_at(&engine, "nexus", &input).unwrap();
        assert_eq!((&package["allow"], &package["deny"]), (&json!(allowed), &json!([])), "{role}");
        assert_eq!(value_at(&engine, "nexus/allow", &input), Some(json!(allowed)));
        assert_eq!(Some(package["roles"].clone()), value_at(&engine, "nexus/roles", &input));
        assert_eq!(package.get("limit"), None, "a function is no document");
        assert_eq!(value_at(&engine, "", &input).unwrap()["nexus"], package);
    }
}

#[test]
fn what_is_no_path_is_refused_and_nothing_else_is_evaluated() {
    let engine = alone("x := 1");
    for path in ["nexus/x\"]; data", "nexus/\\", "nexus/{", "nexus/a\nb"] {
        assert!(engine.value_at(path, None).is_err(), "{path}");
    }
}

#[test]
fn a_lookup_that_does_not_end_is_cut_off() {
    let engine = alone("d := numbers.range(1, 1000)\nx := count([1 | some a in d; some b in d; some c in d])\n");
    let start = std::time::Instant::now();
    assert!(engine.value_at("nexus/x", None).is_err());
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn an_explanation_tells_each_definition_that_fired() {
    let rules = "package nexus\n\
                 deny contains \"a\" if input.action == \"PlaceOrder\"\n\
                 deny contains \"b\" if input.action == \"Other\"\n\
                 deny contains \"c\" if { some line in input.payload.lines; line.sku == \"b\" }; allow if input.kind == \"x\"\n";
    let engine =
        RegoPolicyEngine::new(with_shipped([module("more.rego", &rules.replace("; allow", "\nallow"))])).unwrap();
    let told = ask(PolicyKind::Command, &["writer"], |input| engine.explain(input));
    assert_eq!(told.verdict.denials().len(), 2);
    let fired: Vec<_> = told
        .rules
        .iter()
        .filter(|rule| rule.fired)
        .map(|rule| (rule.rule.as_str(), rule.module.as_str(), rule.line))
        .collect();
    assert_eq!(
        fired,
        [("nexus.allow", "nexus/nexus.rego", 6), ("nexus.deny", "more.rego", 2), ("nexus.deny", "more.rego", 4)]
    );
    assert!(told.rules.len() > fired.len() + 3);
    let more = told.coverage.iter().find(|module| module.module == "more.rego").unwrap();
    assert_eq!(more.uncovered, Vec::<u32>::new());
}
