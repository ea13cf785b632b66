use nexus_core::ports::{PolicyKind, VerdictOutcome};
use nexus_policy::base_policy;

use crate::{decide, decide_as, with_base};

/// Runs every rule of the Rego test file whose name starts with `test_`.
#[test]
fn the_rego_tests_of_the_base_policy_pass() {
    let tests = include_str!("../../policies/nexus_test.rego");
    let mut engine = regorus::Engine::new();
    let base = base_policy();
    engine.add_policy(base.name, base.source).unwrap();
    engine.add_policy("nexus_test.rego".to_owned(), tests.to_owned()).unwrap();
    let names: Vec<&str> =
        tests.lines().filter_map(|line| line.strip_suffix(" if {")).filter(|name| name.starts_with("test_")).collect();
    assert!(names.len() >= 14, "{names:?}");
    for name in names {
        let value = engine.eval_rule(format!("data.nexus_test.{name}")).unwrap();
        assert_eq!(value, regorus::Value::from(true), "{name}");
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
