use std::sync::{Arc, Barrier};

use nexus_core::ports::{PolicyEngine, PolicyModule};
use nexus_policy::{PolicyError, RegoPolicyEngine, with_shipped};

use crate::{alone, decide, module, with_base};

fn refusal(modules: Vec<PolicyModule>) -> PolicyError {
    match RegoPolicyEngine::new(modules) {
        Ok(_) => panic!("the bundle was accepted"),
        Err(error) => error,
    }
}

#[test]
fn an_error_names_the_file_and_the_line() {
    for (source, line) in [
        ("package nexus\n\nallow if {\n  input.x ==\n}\n", 5),
        ("package nexus\nallow {\n  true\n}\n", 2),
        ("package nexus\n\nallow if x > 1\n", 3),
        ("not rego", 1),
    ] {
        let error = refusal(with_shipped([module("orders.rego", source)]));
        let PolicyError::Invalid { module, line: found, reason } = &error else { panic!("{error}") };
        assert_eq!((module.as_str(), *found), ("orders.rego", Some(line)), "{error}");
        assert!(!reason.is_empty() && !reason.contains("-->"), "{reason}");
    }
}

#[test]
fn the_digest_is_that_of_the_content_in_any_order() {
    let digest = |modules: Vec<PolicyModule>| RegoPolicyEngine::new(modules).unwrap().digest();
    let other = || module("other.rego", "package other\nx := 1\n");
    let both = digest(with_shipped([other()]));
    assert_eq!(both, digest([vec![other()], with_shipped([])].concat()));
    assert_ne!(both, digest(with_shipped([])));
    assert_ne!(both, digest(with_shipped([module("renamed.rego", &other().source)])));
    assert_ne!(both, digest(with_shipped([module("other.rego", "package other\nx := 2\n")])));
    let verdict = decide(&RegoPolicyEngine::new([vec![other()], with_shipped([])].concat()).unwrap());
    assert_eq!(verdict.policy_digest, both);
}

#[test]
fn two_modules_of_one_name_are_refused() {
    let other = || module("other.rego", "package other\nx := 1\n");
    let error = refusal(vec![other(), other()]);
    assert!(matches!(error, PolicyError::Duplicate { .. }));
}

#[test]
fn the_entry_package_is_reserved() {
    for package in ["nexus_entry", "nexus_entry.more", "nexus_entry[\"x\"]"] {
        let error = refusal(with_shipped([module("a.rego", &format!("package {package}\ndecision := 1\n"))]));
        assert!(matches!(error, PolicyError::Reserved { .. }), "{package}: {error}");
    }
}

#[test]
fn built_ins_without_bounds_or_with_a_network_are_refused() {
    for call in [
        "http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1/\"})",
        "opa.runtime()",
        "numbers.range(1, input.payload.n)",
        "numbers.range_step(1, 9, 2)",
        "bits.lsh(1, input.payload.n)",
        "graph.reachable_paths({}, [])",
        "rand.intn(\"x\", 5)",
        "sprintf(\"%1000000000d\", [1])",
        "sprintf(\"%s %0.5000f\", [\"a\", 1])",
        "sprintf(input.payload.format, [1])",
    ] {
        let source = format!("package nexus\n\nx if {{\n  y := [z | z := {call}]\n  count(y) > 0\n}}\n");
        let error = refusal(with_shipped([module("a.rego", &source)]));
        let PolicyError::Forbidden { module, line, function, .. } = &error else { panic!("{call}: {error}") };
        assert_eq!((module.as_str(), *line), ("a.rego", 4));
        assert!(call.starts_with(function.as_str()), "{error}");
    }
}

#[test]
fn ordinary_formats_are_accepted() {
    let rule = "allow if sprintf(\"%d of %05d, 100%%, 20000 %s\", [1, 2, input.action]) == \"1 of 00002, 100%, 20000 PlaceOrder\"";
    assert!(decide(&alone(rule)).allows());
}

#[test]
fn a_short_literal_range_is_accepted_and_a_long_one_is_not() {
    let with = |call: &str| {
        let source = format!("package nexus\nallow if {{ some n in {call}; n == 7 }}\n");
        RegoPolicyEngine::new(vec![module("a.rego", &source)])
    };
    assert!(decide(&with("numbers.range(1, 2000)").unwrap()).allows());
    assert!(with("numbers.range(1, 20000)").is_err());
    assert!(with("numbers.range(input.payload.low, 9)").is_err());
}

#[test]
fn many_threads_decide_alike() {
    let engine = Arc::new(with_base("deny contains \"too large\" if input.payload.totalCents > 4000"));
    let expected = decide(&engine).outcome;
    let start = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (engine, start) = (Arc::clone(&engine), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                (0..50).map(|_| decide(&engine).outcome).collect::<Vec<_>>()
            })
        })
        .collect();
    for thread in threads {
        assert!(thread.join().unwrap().iter().all(|outcome| *outcome == expected));
    }
}
