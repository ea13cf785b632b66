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
fn rules_and_functions_that_lead_to_themselves_are_refused() {
    for rules in [
        "a if b\nb if a\nallow if a",
        "f(x) := f(x)\nallow if f(1)",
        "f(x) := g(x)\ng(x) := y if { some y in [f(x)] }\nallow if f(1)",
        "f(x) := x if r\nr if f(1)\nallow if r",
        "f(x) := x if data.nexus.r\nr if data.nexus[\"f\"](1)",
        "import data.nexus.f as other\nf(x) := other(x)",
        "import data.nexus\nf(x) := nexus.f(x)",
        "f(x) := x if count(data) > 0\nallow if f(1)",
        "g(x) := f(x)\nf(x) := x\nallow if f(1) with f as g",
        "allow if count([1]) == 1 with count as sum",
    ] {
        let loaded = RegoPolicyEngine::new(vec![module("a.rego", &format!("package nexus\n{rules}\n"))]);
        let Err(PolicyError::Invalid { module, line, .. }) = loaded else { panic!("accepted: {rules}") };
        assert_eq!(module, "a.rego");
        assert!(line.is_some_and(|line| line > 1), "{rules}");
    }
}

#[test]
fn rules_that_use_each_other_one_way_are_accepted() {
    let rules = "
        double(x) := x * 2
        large if double(input.payload.totalCents) > 100
        count_of(x) := count(x)
        allow if { large; count_of(input.payload.lines) == 2; data.nexus.large }
    ";
    assert!(decide(&alone(rules)).allows());
}

/// Functions that call each other in a row, each inside this many comprehensions.
fn chain(length: usize, nested: usize) -> String {
    let open = "[y | y := ".repeat(nested);
    let close = "][_]".repeat(nested);
    let step = |i: usize| format!("f{i}(x) := z if {{ z := {open}f{}(x){close} }}\n", i + 1);
    let steps: String = (0..length).map(step).collect();
    format!("package nexus\n{steps}f{length}(x) := x\nallow if f0(1) == 1\n")
}

#[test]
fn deep_ways_are_refused() {
    for (length, nested) in [(20_000, 0), (200, 0), (30, 8), (8, 20)] {
        let loaded = RegoPolicyEngine::new(vec![module("a.rego", &chain(length, nested))]);
        assert!(matches!(loaded, Err(PolicyError::Invalid { .. })), "{length} × {nested}");
    }
}

#[test]
fn the_deepest_ways_allowed_fit_the_stack_of_an_ordinary_thread() {
    for nested in [0, 2, 7] {
        let load = move |length| RegoPolicyEngine::new(vec![module("a.rego", &chain(length, nested))]);
        let decided = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            let (length, engine) = (1..=85).rev().find_map(|length| Some((length, load(length).ok()?))).unwrap();
            (length, decide(&engine).allows())
        });
        let (length, allows) = decided.unwrap().join().unwrap();
        assert!(allows, "{length} × {nested}");
        assert!(length * (nested + 1) > 50, "{length} × {nested} is less than people write");
    }
}

#[test]
fn deep_expressions_are_refused() {
    let deep = format!("package nexus\nallow if {}true{}\n", "(".repeat(5000), ")".repeat(5000));
    assert!(RegoPolicyEngine::new(vec![module("a.rego", &deep)]).is_err());
}

#[test]
fn no_nesting_ends_the_stack_of_an_ordinary_thread_or_takes_for_ever() {
    let begun = Instant::now();
    let nested = |open: &str, close: &str, depth: usize| {
        format!("allow if x\nx := {}1{}", open.repeat(depth), close.repeat(depth))
    };
    let forms = [
        ("[\n", "]"),
        ("{\n", "}"),
        ("{1:\n", "}"),
        ("(\n", ")"),
        ("-\n", ""),
        ("[y | y := \n", "]"),
        ("count(\n", ")"),
    ];
    for (open, close) in forms {
        for depth in [10, 60, 15_000] {
            let source = format!("package nexus\n{}", nested(open, close, depth));
            // A thread with the stack that threads have by default: what ends it ends the test.
            let loaded = std::thread::spawn(move || {
                RegoPolicyEngine::new(vec![module("deep.rego", &source)]).map(|engine| decide(&engine).allows())
            });
            let loaded = loaded.join().unwrap();
            assert!(depth < 100 || loaded.is_err(), "{depth} times {open:?}");
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
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
