use nexus_core::ports::{PolicyKind, VerdictOutcome};
use nexus_policy::{run_tests, shipped, shipped_tests};

use crate::{decide, decide_as, with_base};

#[test]
fn the_tests_of_the_shipped_policy_hold_and_go_through_every_line() {
    let report = run_tests(&[shipped(), shipped_tests()].concat()).unwrap();
    let failures: Vec<_> = report.failures().collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(report.results.len() >= 18, "{:?}", report.results.len());
    assert_eq!(report.coverage.len(), shipped().len());
    for module in &report.coverage {
        assert!(module.uncovered.is_empty(), "{module:?}");
        assert!(!module.covered.is_empty(), "{module:?}");
    }
}

/// Each of these takes one rule out, or turns it round; the tests of the policy must notice.
#[test]
fn a_change_of_a_shipped_rule_fails_a_test() {
    for (file, text, instead) in [
        ("nexus/append_only.rego", "\"events.truncate\"", "\"events.cut\""),
        ("nexus/append_only.rego", "input.action in {\"update\"", "input.action in {\"edit\""),
        ("nexus/schemas.rego", "== true", "== false"),
        ("nexus/schemas.rego", "{\"command\", \"append\"}", "{\"command\"}"),
        ("nexus/system_streams.rego", "not \"system\"", "\"system\""),
        ("nexus/system_streams.rego", "{\"query\", \"subscribe\"}", "{\"query\"}"),
        ("nexus/system_streams.rego", "\tnot may_inspect\n", ""),
        ("nexus/system_streams.rego", "\tnot reads_a_row\n", ""),
        (
            "nexus/system_streams.rego",
            "not input.context.environment == \"dev\"",
            "input.context.environment != \"dev\"",
        ),
        ("nexus/system_streams.rego", "startswith(input.resource.id, \"$\")", "startswith(input.resource.id, \"$d\")"),
        ("nexus/roles.rego", "inspecting := {", "inspecting := {\"operator\", "),
        ("nexus/development.rego", "\"dev\"", "\"prod\""),
        ("nexus/roles.rego", "looking_back := {", "looking_back := {\"reader\", "),
        ("nexus/roles.rego", "operating := {\"operator\"", "operating := {\"auditor\""),
        ("nexus/nexus.rego", "some role in input.actor.roles", "some role in {\"admin\"}"),
        ("nexus/sides.rego", "\"query-service\" in", "\"command-service\" in"),
        ("nexus/architecture.rego", "callee.side != caller.side", "callee.side == \"query\""),
        ("nexus/architecture.rego", "not limited(endpoint, \"maxRange\")", "not limited(endpoint, \"rateLimit\")"),
        ("nexus/architecture.rego", "endpoint[name] > 0", "endpoint[name] >= 0"),
    ] {
        let mut modules = [shipped(), shipped_tests()].concat();
        let module = modules.iter_mut().find(|module| module.name == file).unwrap();
        assert!(module.source.contains(text), "{file}: {text}");
        module.source = module.source.replace(text, instead);
        let report = run_tests(&modules).unwrap();
        assert!(report.failures().next().is_some(), "{file}: `{instead}` went unnoticed");
    }
}

#[test]
fn an_order_rule_extends_the_base_policy() {
    let engine = with_base(
        r#"
        deny contains {
            "id": "orders.large-order",
            "message": sprintf("%d is too much", [input.payload.totalCents]),
            "remediation": "split the order",
            "severity": "error",
        } if input.payload.totalCents > 4000
        "#,
    );
    let verdict = decide(&engine);
    assert!(!verdict.allows());
    let [denial] = verdict.denials() else { panic!("{verdict:?}") };
    assert_eq!(denial.id, "orders.large-order");
    assert_eq!(denial.message, "5000 is too much");
    assert_eq!(denial.remediation, "split the order");
}

#[test]
fn the_base_policy_goes_by_role() {
    let engine = with_base("");
    for (kind, role, allowed) in [
        (PolicyKind::Command, "writer", true),
        (PolicyKind::Command, "reader", false),
        (PolicyKind::Append, "system", true),
        (PolicyKind::Query, "reader", true),
        (PolicyKind::Query, "stranger", false),
        (PolicyKind::Subscribe, "operator", true),
        (PolicyKind::Temporal, "writer", false),
        (PolicyKind::Temporal, "auditor", true),
        (PolicyKind::Admin, "auditor", false),
        (PolicyKind::Admin, "operator", true),
    ] {
        let verdict = decide_as(&engine, kind, &[role]);
        let expected = if allowed { VerdictOutcome::Allow } else { VerdictOutcome::Undefined };
        assert_eq!(verdict.outcome, expected, "{kind:?} {role}");
    }
}
