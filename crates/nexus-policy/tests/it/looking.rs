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
fn a_package_is_the_sum_of_its_rules() {
    let first = module("a.rego", "package nexus\nallow if input.a == 1\nf(x) := x\nm[k] := 1 if some k in input.keys");
    let second = module("b.rego", "package nexus\ndefault allow := false\nallow if input.a in data.nexus.inner.all");
    let third = module("c.rego", "package nexus.inner[\"1.0\"]\nno if false\nx.y.z := 3");
    let fourth = module("d.rego", "package nexus.inner\nall := {2}");
    let engine = RegoPolicyEngine::new(vec![first, second, third, fourth]).unwrap();
    let input = json!({ "a": 2, "keys": ["p", "q"] });
    let inner = json!({ "all": [2], "1.0": { "x": { "y": { "z": 3 } } } });
    let whole = json!({ "allow": true, "m": { "p": 1, "q": 1 }, "inner": inner });
    assert_eq!(value_at(&engine, "nexus", &input), Some(whole.clone()));
    assert_eq!(value_at(&engine, "", &input), Some(json!({ "nexus": whole })));
    assert_eq!(value_at(&engine, "nexus/inner", &input), Some(inner));
    assert_eq!(value_at(&engine, "nexus/inner/1.0/x", &input), Some(json!({ "y": { "z": 3 } })));
    assert_eq!(value_at(&engine, "nexus/m/q", &input), Some(json!(1)));
    assert_eq!(value_at(&engine, "nexus/f", &input), None);
}

#[test]
fn looking_at_a_whole_package_whose_defaults_would_win_is_refused() {
    let first = module("a.rego", "package nexus.x\nok if input.a == 1");
    let second = module("b.rego", "package nexus.x\ndefault ok := false\nok if input.a == 2");
    for looking in ["data.nexus.x", "data.nexus.x[input.which]", "data.nexus[input.which].ok"] {
        let third = module("c.rego", &format!("package nexus\nallow if {looking}"));
        let error = RegoPolicyEngine::new(vec![first.clone(), second.clone(), third]).err().unwrap().to_string();
        assert!(error.starts_with("c.rego:2: ") && error.contains("`nexus.x.ok` has a default"), "{looking}: {error}");
    }
    let named = module("c.rego", "package nexus\nallow if data.nexus.x.ok");
    let engine = RegoPolicyEngine::new(vec![first, second, named]).unwrap();
    assert_eq!(value_at(&engine, "nexus/allow", &json!({ "a": 2 })), Some(json!(true)));
}

#[test]
fn the_shipped_package_says_as_a_whole_what_its_rules_say() {
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
