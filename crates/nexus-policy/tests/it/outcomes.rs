use nexus_core::ports::{PolicyKind, Severity, VerdictOutcome};

use crate::{alone, decide, decide_as};

fn failure(rules: &str) -> String {
    match decide(&alone(rules)).outcome {
        VerdictOutcome::Failed { reason } => reason,
        other => panic!("{rules}: {other:?}"),
    }
}

#[test]
fn only_an_explicit_allow_allows() {
    for (rules, outcome) in [
        ("allow := true", VerdictOutcome::Allow),
        ("default allow := false", VerdictOutcome::Undefined),
        ("allow if input.kind == \"never\"", VerdictOutcome::Undefined),
        ("something := 1", VerdictOutcome::Undefined),
        ("deny contains \"x\" if false", VerdictOutcome::Undefined),
    ] {
        assert_eq!(decide(&alone(rules)).outcome, outcome, "{rules}");
    }
}

#[test]
fn a_denial_outweighs_an_allow() {
    let verdict = decide(&alone("allow := true\ndeny contains \"because\""));
    let [denial] = verdict.denials() else { panic!("{verdict:?}") };
    assert_eq!((denial.id.as_str(), denial.message.as_str()), ("policy.unnamed", "because"));
    assert_eq!(denial.severity, Severity::Error);
    assert!(!denial.remediation.is_empty());
}

#[test]
fn warnings_do_not_refuse_and_unknown_severities_do() {
    let with = |severity: &str| {
        let rule =
            format!("allow := true\ndeny contains {{\"id\": \"a\", \"message\": \"m\", \"severity\": {severity}}}");
        decide(&alone(&rule)).allows()
    };
    assert!(with("\"warning\""));
    for severity in ["\"error\"", "\"Warning\"", "\"info\"", "null", "7"] {
        assert!(!with(severity), "{severity}");
    }
}

#[test]
fn every_denial_is_reported() {
    let rules = "allow := true\ndeny contains {\"id\": id, \"message\": \"m\"} if some id in [\"b\", \"a\", \"c\"]";
    let verdict = decide(&alone(rules));
    let ids: Vec<&str> = verdict.denials().iter().map(|denial| denial.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[test]
fn what_is_not_a_set_or_not_a_boolean_fails() {
    assert!(failure("allow := true\ndeny := []").contains("not a set"));
    assert!(failure("allow := true\ndeny := {\"a\": 1}").contains("not a set"));
    assert!(failure("allow := true\ndeny := false").contains("not a set"));
    assert!(failure("allow := true\ndeny contains 7").contains("neither an object nor a text"));
    assert!(failure("allow := \"true\"").contains("not a boolean"));
}

#[test]
fn conflicting_rules_fail() {
    let rules = "allow := true if input.kind == \"command\"\nallow := false if input.action == \"PlaceOrder\"";
    assert!(!failure(rules).is_empty());
}

#[test]
fn the_input_is_as_documented() {
    let rules = r#"
        wanted := {
            "kind": "command", "action": "PlaceOrder",
            "resource": {"type": "Order", "id": "order-1"},
            "actor": {"id": "ann", "roles": ["writer"]},
            "payload": {"totalCents": 5000, "lines": [{"sku": "a"}, {"sku": "b"}]},
            "event": {"type": "OrderPlaced", "payload": {"totalCents": 5000, "lines": [{"sku": "a"}, {"sku": "b"}]}},
            "schema": {"id": 3, "version": 2, "registered": true},
            "context": {"service": "orders", "clientId": "shop", "environment": "production", "time": "1970-01-01T00:00:00Z"},
        }
        allow if input == wanted
    "#;
    assert_eq!(decide(&alone(rules)).outcome, VerdictOutcome::Allow);
    for (kind, name) in [
        (PolicyKind::Append, "append"),
        (PolicyKind::Query, "query"),
        (PolicyKind::Temporal, "temporal"),
        (PolicyKind::Subscribe, "subscribe"),
        (PolicyKind::Admin, "admin"),
    ] {
        let engine = alone(&format!("allow if input.kind == \"{name}\""));
        assert!(decide_as(&engine, kind, &[]).allows(), "{name}");
    }
}

#[test]
fn a_request_is_judged_by_what_it_reads_however_it_reads_it() {
    for rule in [
        "allow if input[\"payload\"][\"totalCents\"] == 5000",
        "allow if { key := \"payload\"; input[key].totalCents == 5000 }",
        "allow if { walk(input, [path, value]); path == [\"payload\", \"totalCents\"]; value == 5000 }",
        "allow if object.get(input, [\"payload\", \"totalCents\"], 0) == 5000",
        "allow if { some name, _ in input.payload; name == \"totalCents\" }",
        "whole := input\nallow if whole.payload.totalCents == 5000",
        "import input.payload as sent\nallow if sent.totalCents == 5000",
        "total(of) := of.totalCents\nallow if total(input.payload) == 5000",
        "allow if { input.payload.totalCents == 1 } else if input.event.payload.lines[1].sku == \"b\"",
        "allow if { x := {\"a\": input.payload.totalCents}.a; x == 5000 }",
        "allow if count([line | some line in input.payload.lines]) == 2",
        "allow if every line in input.payload.lines { line.sku in {\"a\", \"b\"} }",
        "allow if time.now_ns() > 0",
    ] {
        let engine = alone(rule);
        for _ in 0..2 {
            assert_eq!(decide(&engine).outcome, VerdictOutcome::Allow, "{rule}");
        }
    }
}
