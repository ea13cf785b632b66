use nexus_check::{Evidence, Finding, GateReport, Level, Rendering, render, step_summary};
use quick_junit::{TestCase, TestCaseStatus};
use serde_json::Value;

use crate::samples::{call, finding, place, report, repository, unnamed};

fn rendered(report: &GateReport, rendering: Rendering) -> String {
    let (_directory, sources) = repository();
    render(report, rendering, &sources, false).unwrap()
}

#[test]
fn text_shows_the_line_why_evidence_fix_and_the_exception() {
    let report = GateReport { findings: vec![call()], ..GateReport::default() };
    let expected = "\
error[NX-ARCH-001]: `orders` calls `billing`
 --> services/orders/src/client.rs:2:24
  |
2 |     client.post(url, \"für\", \"http://billing/invoices\").await;
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = why: A service that calls another is down when the other is down, and can only be released with it.
  = evidence: `billing` is a service of this repository (services/billing/nexus.service.toml:2:8)
  = evidence: orders → billing
  = fix: consume the events of `billing`
  = owner: team-orders
  = except: { rule = \"NX-ARCH-001\", place = \"services/orders/src/client.rs\", pointer = \"orders/billing\", owner = \"team-orders\", reason = \"\", expires = \"\" }

1 error; 0 checks by 0 rules
more about a rule: nexus check --explain NX-ARCH-001
";
    assert_eq!(rendered(&report, Rendering::Text), expected);
}

#[test]
fn text_tells_the_place_of_a_file_that_is_not_there() {
    let said = rendered(&report(), Rendering::Text);
    assert!(said.contains("note[NX-SCH-004]"), "{said}");
    assert!(said.contains("--> schemas/event/OrderPlaced/2.json:1:1"), "{said}");
    let closing = "1 error, 1 warning, 1 note; 1 excepted; 1 in the baseline; 3 checks by 2 rules\n";
    assert!(said.contains(closing), "{said}");
}

#[test]
fn text_of_nothing_says_what_was_looked_at() {
    let report = GateReport { findings: Vec::new(), excepted: Vec::new(), known: Vec::new(), ..report() };
    assert_eq!(rendered(&report, Rendering::Text), "nothing found; 3 checks by 2 rules\n");
}

#[test]
fn text_is_coloured_when_it_is_asked_to_be() {
    let (_directory, sources) = repository();
    let plain = render(&report(), Rendering::Text, &sources, false).unwrap();
    let coloured = render(&report(), Rendering::Text, &sources, true).unwrap();
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains('\u{1b}'));
}

#[test]
fn text_offers_no_exception_to_what_is_wrong_with_exceptions() {
    let about = Finding { rule: "NX-EXC-001", ..call() };
    let said = rendered(&GateReport { findings: vec![about, unnamed()], ..GateReport::default() }, Rendering::Text);
    assert_eq!(said.matches("= except: ").count(), 1, "{said}");
}

#[test]
fn long_evidence_is_cut_and_says_so() {
    let evidence = (0..13).map(|n| Evidence { text: format!("consumer {n}"), place: None }).collect();
    let report = GateReport { findings: vec![Finding { evidence, ..call() }], ..GateReport::default() };
    let said = rendered(&report, Rendering::Text);
    assert!(said.contains("evidence: consumer 9\n") && !said.contains("consumer 10"), "{said}");
    assert!(said.contains("evidence: and 3 more"), "{said}");
}

#[test]
fn github_annotates_the_line_and_keeps_the_message_on_it() {
    let report = GateReport { findings: vec![call()], ..GateReport::default() };
    let expected = "::error file=services/orders/src/client.rs,line=2,endLine=2,col=24,endColumn=47,\
        title=NX-ARCH-001%3A Services talk to each other through events only::`orders` calls `billing`\
        %0Aevidence: `billing` is a service of this repository (services/billing/nexus.service.toml:2:8)\
        %0Aevidence: orders → billing%0Afix: consume the events of `billing`\n1 error\n";
    assert_eq!(rendered(&report, Rendering::Github), expected);
}

#[test]
fn github_has_a_command_for_each_level() {
    let said = rendered(&report(), Rendering::Github);
    let commands: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("::")?.split(' ').next()).collect();
    assert_eq!(commands, ["notice", "warning", "error"]);
}

#[test]
fn the_summary_of_a_step_is_a_table_with_links_to_the_rules() {
    let said = step_summary(&report());
    assert!(said.starts_with("### nexus check: 1 error, 1 warning, 1 note; 1 excepted; 1 in the baseline\n"), "{said}");
    let row = "| error | [NX-ARCH-001](https://github.com/nexus-events/nexus/blob/main/docs/rules/NX-ARCH-001.md) |";
    assert!(said.lines().any(|line| line.starts_with(row)), "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("| ")).count(), 2 + 3);
}

#[test]
fn json_has_a_version_every_finding_and_the_counts() {
    let document: Value = serde_json::from_str(&rendered(&report(), Rendering::Json)).unwrap();
    assert_eq!(document["version"], 1);
    let found = &document["findings"][2];
    assert_eq!(found["rule"], "NX-ARCH-001");
    assert_eq!(found["level"], "error");
    assert_eq!(found["place"]["start"], serde_json::json!({ "line": 2, "column": 24 }));
    assert_eq!(found["fingerprint"], call().fingerprint());
    assert_eq!(found["docs"], "docs/rules/NX-ARCH-001.md");
    assert_eq!(document["excepted"][0]["exception"]["expires"], "2026-12-31");
    assert_eq!(document["known"][0]["rule"], "NX-ARCH-002");
    let counts = serde_json::json!(
        { "errors": 1, "warnings": 1, "notes": 1, "excepted": 1, "known": 1, "subjects": 3 }
    );
    assert_eq!(document["summary"], counts);
}

#[test]
fn json_lines_are_the_findings_of_the_document() {
    let document: Value = serde_json::from_str(&rendered(&report(), Rendering::Json)).unwrap();
    let lines = rendered(&report(), Rendering::Jsonl);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::Array(lines), document["findings"]);
    assert_eq!(rendered(&GateReport::default(), Rendering::Jsonl), "");
}

#[test]
fn junit_shows_what_passed_failed_and_was_passed_over() {
    let read = quick_junit::Report::deserialize_from_str(&rendered(&report(), Rendering::Junit)).unwrap();
    let told = |case: &TestCase| match &case.status {
        TestCaseStatus::Success { .. } => "passed",
        TestCaseStatus::NonSuccess { .. } => "failed",
        TestCaseStatus::Skipped { .. } => "skipped",
    };
    let suites: Vec<(_, Vec<_>)> = read
        .test_suites
        .iter()
        .map(|suite| (suite.name.as_str(), suite.test_cases.iter().map(told).collect()))
        .collect();
    let expected = [
        ("NX-ARCH-001", vec!["passed", "failed"]),
        ("NX-ARCH-002", vec!["skipped"]),
        ("NX-EVT-001", vec!["skipped"]),
        ("NX-EVT-004", vec!["passed", "failed"]),
        ("NX-SCH-004", vec!["passed"]),
    ];
    assert_eq!(suites, expected);
    let names: Vec<_> = read.test_suites[0].test_cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["billing", "services/orders/src/client.rs orders/billing"]);
}

#[test]
fn the_same_findings_are_told_in_the_same_order() {
    let mut reversed = report();
    reversed.findings.reverse();
    for rendering in Rendering::ALL {
        assert_eq!(rendered(&reversed.clone().sorted(), rendering), rendered(&report(), rendering), "{rendering}");
    }
}

#[test]
fn a_name_of_a_rendering_is_read_back_and_others_are_refused() {
    for rendering in Rendering::ALL {
        assert_eq!(rendering.as_str().parse(), Ok(rendering));
    }
    assert_eq!("xml".parse::<Rendering>(), Err("it is one of: text, json, jsonl, sarif, github, junit".to_owned()));
}

#[test]
fn a_note_fails_no_level_and_a_warning_only_its_own() {
    let of = |findings| GateReport { findings, ..GateReport::default() };
    let note = finding("NX-SCH-004", Level::Note, place("a", 1, 1..2), "", "");
    let warning = finding("NX-EVT-004", Level::Warning, place("a", 1, 1..2), "", "");
    assert!(!of(vec![note]).fails(Level::Warning));
    assert!(of(vec![warning.clone()]).fails(Level::Warning));
    assert!(!of(vec![warning]).fails(Level::Error));
    assert!(of(vec![call()]).fails(Level::Error));
}
