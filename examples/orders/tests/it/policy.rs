use nexus_core::ports::PolicyModule;
use nexus_policy::{RegoPolicyEngine, run_tests, with_shipped};

fn own() -> PolicyModule {
    PolicyModule { name: "orders.rego".into(), source: orders::POLICY.into() }
}

#[test]
fn the_policy_loads_beside_the_shipped_one() {
    RegoPolicyEngine::new(with_shipped([own()])).unwrap();
}

#[test]
fn every_test_of_the_policy_holds() {
    let tests = include_str!("../../policies/orders_test.rego");
    let tests = PolicyModule { name: "orders_test.rego".into(), source: tests.into() };
    let report = run_tests(&with_shipped([own(), tests.clone()])).unwrap();
    let failures: Vec<_> = report.failures().collect();
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(report.results.len(), tests.source.matches("\ntest_").count());
}
