//! Runs the tests of a bundle.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use nexus_core::ports::{PolicyModule, PolicyTestReport, PolicyTestResult};
use regorus::{Engine, Value, unstable::Rule};

use crate::{
    PolicyError,
    bundle::{self, invalid, is_test},
    calls, coverage,
};

/// Longest time one test may take.
const TEST_LIMIT: Duration = Duration::from_secs(1);
/// Longest time all tests of a bundle may take together.
const ALL_LIMIT: Duration = Duration::from_secs(10);
/// How the rules that are tests begin.
const PREFIX: &str = "test_";

/// Runs every rule whose name starts with `test_` in the packages whose names end with `_test`. A test holds when its
/// value is `true`; one that is undefined, something else, failing or too slow does not.
///
/// # Errors
/// [`PolicyError`]: the modules cannot be loaded.
pub fn run_tests(modules: &[PolicyModule]) -> Result<PolicyTestReport, PolicyError> {
    let mut engine = bundle::prepare(modules, TEST_LIMIT, false)?;
    let tests = tests_in(&mut engine);
    engine.set_enable_coverage(true);
    engine.set_input(Value::new_object());
    let begun = Instant::now();
    let mut results = Vec::with_capacity(tests.len());
    for (name, module, line) in tests {
        let start = Instant::now();
        let failure = if begun.elapsed() > ALL_LIMIT {
            Some("not run: the tests before it took too long".to_owned())
        } else {
            failure(&mut engine, modules, &name)
        };
        let name = name.strip_prefix("data.").unwrap_or(&name).to_owned();
        results.push(PolicyTestResult { name, module, line, failure, elapsed: start.elapsed() });
    }
    let testing: Vec<String> = results.iter().map(|result| result.module.clone()).collect();
    let coverage = coverage::of(&mut engine, |module| !testing.iter().any(|test| test == module));
    Ok(PolicyTestReport { results, coverage })
}

/// Full name, module and line of every test, each name once.
fn tests_in(engine: &mut Engine) -> Vec<(String, String, u32)> {
    let mut found: Vec<(String, String, u32)> = Vec::new();
    for module in engine.get_modules() {
        let package = calls::package(module);
        if !is_test(&package) {
            continue;
        }
        for rule in module.policy.iter().filter(|rule| matches!(rule.as_ref(), Rule::Spec { .. })) {
            let name = calls::name(&package, rule);
            let tests = name.rsplit('.').next().is_some_and(|last| last.starts_with(PREFIX));
            if tests && !found.iter().any(|(known, ..)| *known == name) {
                let span = rule.span();
                found.push((name, span.source.file().clone(), span.line));
            }
        }
    }
    found
}

/// Why a test does not hold.
fn failure(engine: &mut Engine, modules: &[PolicyModule], name: &str) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| engine.eval_rule(name.to_owned()))) {
        Ok(Ok(Value::Bool(true))) => None,
        Ok(Ok(Value::Undefined)) => Some("it is undefined: one of its expressions does not hold".to_owned()),
        Ok(Ok(other)) => Some(format!("it is {other}, not true")),
        Ok(Err(error)) => Some(invalid(modules, "bundle", &error).to_string()),
        Err(_) => Some("the policy engine panicked".to_owned()),
    }
}
