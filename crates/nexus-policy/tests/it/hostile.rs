use std::time::{Duration, Instant};

use nexus_core::ports::VerdictOutcome;
use nexus_policy::{PolicyError, RegoPolicyEngine};

use crate::{alone, decide, module};

#[test]
fn an_evaluation_that_takes_too_long_fails() {
    let nested = "allow if { l := input.payload.lines; d := [1,2,3,4,5,6,7,8,9,10]; count(l) == 2; \
                  n := count([1 | some a in d; some b in d; some c in d; some e in d; some f in d; some g in d; \
                  some h in d; a+b+c+e+f+g+h > 1]); n > 0 }";
    let engine = alone(nested);
    let start = Instant::now();
    let verdict = decide(&engine);
    assert!(matches!(verdict.outcome, VerdictOutcome::Failed { .. }), "{verdict:?}");
    assert!(verdict.elapsed >= RegoPolicyEngine::TIME_LIMIT, "{:?}", verdict.elapsed);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_failed_evaluation_does_not_harm_the_next_one() {
    let rules = "allow := true if input.kind == \"command\"\nallow := false if input.kind == \"command\"";
    let failing = alone(rules);
    let working = alone("allow := true");
    for _ in 0..3 {
        assert!(matches!(decide(&failing).outcome, VerdictOutcome::Failed { .. }));
        assert!(decide(&working).allows());
    }
}

#[test]
fn recursion_and_depth_are_refused_when_loading() {
    let deep = format!("package nexus\nallow if {}true{}\n", "(".repeat(5000), ")".repeat(5000));
    for source in
        ["package nexus\na if b\nb if a\nallow if a\n", "package nexus\nf(x) := f(x)\nallow if f(1)\n", deep.as_str()]
    {
        let loaded = RegoPolicyEngine::new(vec![module("a.rego", source)]);
        let refused = match loaded {
            Err(PolicyError::Invalid { .. }) => true,
            Err(other) => panic!("{other}"),
            Ok(engine) => matches!(decide(&engine).outcome, VerdictOutcome::Failed { .. }),
        };
        assert!(refused, "{source:.60}");
    }
}

#[test]
fn huge_modules_are_refused() {
    let source = format!("package nexus\n# {}\n", "x".repeat(2 << 20));
    assert!(RegoPolicyEngine::new(vec![module("a.rego", &source)]).is_err());
}

#[test]
fn patterns_and_formats_stay_within_the_limits() {
    for rule in [
        "allow if regex.match(\"(a+)+$\", concat(\"\", [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"!\"]))",
        "allow if regex.match(\"(((a{100}){100}){100}){100}\", \"a\")",
        "allow if count(sprintf(\"%1000000000d\", [1])) > 5000",
        "allow if to_number(\"1e1000000000\") > 1",
        "allow if glob.match(\"{a,b}{a,b}{a,b}*\", [], input.action)",
    ] {
        let start = Instant::now();
        if let Ok(engine) = RegoPolicyEngine::new(vec![module("a.rego", &format!("package nexus\n{rule}\n"))]) {
            assert!(!decide(&engine).allows(), "{rule}");
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{rule}: {:?}", start.elapsed());
    }
}
