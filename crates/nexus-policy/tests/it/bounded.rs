//! Policies that try to fill the memory, each in a process of its own that has little of it.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nexus_core::ports::VerdictOutcome;
use nexus_policy::RegoPolicyEngine;

use crate::{decide, module};

/// Says to the child which policy to evaluate.
const CHILD: &str = "NEXUS_HOSTILE_POLICY";
/// How much memory a child may map, in KiB.
const MEMORY: u32 = 1_500_000;
/// Longest time a child may take, its start included.
const TIME: Duration = Duration::from_secs(20);

/// Rules in a row, each made of the one before it: `{now}` and `{before}` are their names. They begin once there is a
/// payload, so that they are not stopped as early as at loading.
fn row(length: usize, first: &str, step: &str) -> String {
    let steps = (1..=length)
        .map(|now| step.replace("{now}", &format!("a{now}")).replace("{before}", &format!("a{}", now - 1)) + "\n");
    format!("a0 := {first} if input.payload\n{}", steps.collect::<String>())
}

/// Name and rules of every attempt. Each would need gigabytes if it came to its end.
fn attempts() -> Vec<(&'static str, String)> {
    let many = |call: &str| {
        row(
            14,
            "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\"",
            "{now} := concat(\"\", [{before}, {before}])",
        ) + &format!("some_of := [a13 | some n in numbers.range(1, 300); input.payload]\nallow if count({call}) > 5\n")
    };
    let twice = row(60, "[1, 2]", "{now} := [{before}, {before}]");
    let wide = row(60, "{\"k\": 1}", "{now} := {\"k\": {before}, \"l\": {before}}");
    vec![
        (
            "text doubled",
            row(40, "\"0123456789\"", "{now} := concat(\"\", [{before}, {before}])") + "allow if count(a40) > 5\n",
        ),
        ("text joined", many("concat(a13, [x | some y in [some_of, some_of, some_of, some_of]; some x in y])")),
        ("text formatted", many("sprintf(\"%v\", [some_of])")),
        ("text replaced", many("replace(a13, \"0\", a13)")),
        ("text replaced by many", many("strings.replace_n({\"0\": a13, \"1\": a13}, a13)")),
        ("text replaced by pattern", many("regex.replace(a13, \"x?\", a13)")),
        ("array doubled", row(40, "[1, 2]", "{now} := array.concat({before}, {before})") + "allow if count(a40) > 5\n"),
        ("structure printed", twice.clone() + "allow if count(sprintf(\"%v\", [a60])) > 5\n"),
        ("structure written as JSON", twice + "allow if count(json.marshal(a60)) > 5\n"),
        ("structures united", wide + "allow if object.union(a60, a59).k\n"),
        (
            "everything kept",
            "d := numbers.range(1, 10000) if input.payload\n\
             allow if count({[x, y, z] | some x in d; some y in d; some z in d}) > 5\n"
                .to_owned(),
        ),
        (
            "sets of sets",
            "d := numbers.range(1, 3000) if input.payload\nallow if count([{x | some x in d; x != y} | some y in d]) > 5\n".to_owned(),
        ),
        ("numbers multiplied", row(60, "99999999999999999999", "{now} := {before} * {before}") + "allow if a60 > 5\n"),
    ]
}

#[test]
fn what_would_fill_the_memory_is_cut_off_and_denied() {
    if let Ok(index) = std::env::var(CHILD) {
        let (name, rules) = attempts().swap_remove(index.parse().unwrap());
        let engine = RegoPolicyEngine::new(vec![module("hostile.rego", &format!("package nexus\n{rules}"))]);
        let engine = engine.unwrap_or_else(|error| panic!("{name}: {error}"));
        let verdict = decide(&engine);
        assert!(matches!(verdict.outcome, VerdictOutcome::Failed { .. }), "{name}: {verdict:?}");
        return;
    }
    for (index, (name, _)) in attempts().into_iter().enumerate() {
        let itself = std::env::current_exe().unwrap();
        let limited = format!(
            "ulimit -v {MEMORY} && exec \"$0\" --exact bounded::what_would_fill_the_memory_is_cut_off_and_denied"
        );
        let mut child = Command::new("sh");
        child
            .arg("-c")
            .arg(limited)
            .arg(itself)
            .env(CHILD, index.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let start = Instant::now();
        let mut child = child.spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            if start.elapsed() > TIME {
                child.kill().unwrap();
                panic!("{name}: still running after {TIME:?}");
            }
            // waits: for the child to end
            std::thread::sleep(Duration::from_millis(5));
        }
        let ended = child.wait_with_output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success() && told.contains("1 passed"), "{name}: {:?}\n{told}", ended.status);
    }
}

#[test]
fn a_walk_over_what_a_policy_made_is_refused_and_over_its_input_it_is_not() {
    let load = |rule: &str| RegoPolicyEngine::new(vec![module("a.rego", &format!("package nexus\n{rule}\n"))]);
    assert!(load("a := [1]\nallow if walk(a, [_, 1])").is_err());
    assert!(load("allow if walk([input], [_, 1])").is_err());
    assert!(decide(&load("allow if walk(input.payload, [_, 5000])").unwrap()).allows());
}
