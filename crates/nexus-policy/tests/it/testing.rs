use nexus_core::ports::PolicyTestReport;
use nexus_policy::{PolicyError, RegoPolicyEngine, run_tests};

use crate::{decide, module};

fn run(rules: &str, tests: &str) -> PolicyTestReport {
    let rules = module("rules.rego", &format!("package nexus\n{rules}"));
    let tests = module("rules_test.rego", &format!("package nexus.rules_test\n{tests}"));
    run_tests(&[rules, tests]).unwrap()
}

#[test]
fn every_test_is_told_with_its_place_and_what_came_of_it() {
    let report = run(
        "double(x) := x * 2\n",
        "test_holds if data.nexus.double(2) == 4\n\
         test_undefined if data.nexus.double(2) == 5\n\
         test_no := false\n\
         test_not_true := \"yes\"\n\
         test_conflict := 1 if true\ntest_conflict := 2 if true\n\
         helper if false\n",
    );
    let told: Vec<_> = report
        .results
        .iter()
        .map(|one| (one.name.rsplit('.').next().unwrap(), one.line, one.failure.is_some()))
        .collect();
    let wanted = [
        ("test_holds", 2, false),
        ("test_undefined", 3, true),
        ("test_no", 4, true),
        ("test_not_true", 5, true),
        ("test_conflict", 6, true),
    ];
    assert_eq!(told, wanted);
    assert!(report.results.iter().all(|one| one.module == "rules_test.rego"));
    assert_eq!(report.failures().count(), 4);
}

#[test]
fn coverage_names_the_lines_that_no_test_went_through() {
    let report = run(
        "small if {\n\tinput.x < 10\n}\nlarge if {\n\tinput.x > 100\n\tinput.y\n}\n",
        "test_small if data.nexus.small with input as {\"x\": 1}\n\
         test_not_large if not data.nexus.large with input as {\"x\": 1}\n",
    );
    assert_eq!(report.failures().count(), 0, "{report:?}");
    let [coverage] = report.coverage.as_slice() else { panic!("{report:?}") };
    assert_eq!((coverage.module.as_str(), coverage.covered.as_slice()), ("rules.rego", [3, 6].as_slice()));
    assert_eq!(coverage.uncovered, [7]);
}

#[test]
fn tests_that_do_not_end_are_failures() {
    let loops = "test_endless if count([1 | some a in d; some b in d; some c in d; some e in d; some f in d]) == 0\n\
                 d := numbers.range(1, 1000)\n";
    let report = run("x := 1", loops);
    assert_eq!(report.failures().count(), 1);
    assert!(report.results[0].elapsed < std::time::Duration::from_secs(5));
}

#[test]
fn tests_take_no_part_in_decisions() {
    let rules = module("rules.rego", "package nexus\nallow := true\n");
    let tests =
        module("rules_test.rego", "package nexus.rules_test\ntest_time if data.nexus.allow with time.now_ns as 5\n");
    let engine = RegoPolicyEngine::new(vec![rules.clone(), tests.clone()]).unwrap();
    let bare = RegoPolicyEngine::new(vec![rules.clone()]).unwrap();
    assert_eq!(decide(&engine).policy_digest, decide(&bare).policy_digest);
    assert_eq!(run_tests(&[rules, tests]).unwrap().failures().count(), 0);
}

#[test]
fn a_test_cannot_put_a_function_for_a_function() {
    let tests = module("a_test.rego", "package a_test\nf(x) := count(x)\ntest_a if count([1]) == 1 with count as f\n");
    assert!(matches!(run_tests(&[tests]), Err(PolicyError::Invalid { line: Some(3), .. })));
}
