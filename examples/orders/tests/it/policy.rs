use nexus_policy::{PolicyModule, RegoPolicyEngine, base_policy};

const TESTS: &str = include_str!("../../policies/orders_test.rego");

#[test]
fn the_policy_loads_beside_the_base_policy() {
    let own = PolicyModule { name: "orders.rego".into(), source: orders::POLICY.into() };
    RegoPolicyEngine::new(vec![base_policy(), own]).unwrap();
}

#[test]
fn every_test_of_the_policy_holds() {
    let mut engine = regorus::Engine::new();
    engine.add_policy("orders.rego".into(), orders::POLICY.into()).unwrap();
    engine.add_policy("orders_test.rego".into(), TESTS.into()).unwrap();
    let names: Vec<_> =
        TESTS.lines().filter_map(|line| line.strip_suffix(" if {")).filter(|name| name.starts_with("test_")).collect();
    assert_eq!(names.len(), TESTS.matches("\ntest_").count());
    for name in names {
        let holds = engine.eval_rule(format!("data.nexus_orders_test.{name}")).unwrap();
        assert_eq!(holds, regorus::Value::Bool(true), "{name}");
    }
}
