use std::collections::BTreeSet;

use nexus_check::{Finding, GateReport, Level, RULES, Rendering, Sources, render};
use serde_json::Value;

use crate::samples::{call, finding, place, report};

pub(crate) fn log(report: &GateReport) -> Value {
    let log = render(report, Rendering::Sarif, &Sources::below("."), false).unwrap();
    let log: Value = serde_json::from_str(&log).unwrap();
    assert_eq!(problems(&log), [] as [String; 0]);
    log
}

fn problems(log: &Value) -> Vec<String> {
    let mut schema: Value = serde_json::from_str(include_str!("../fixtures/sarif-schema-2.1.0.json")).unwrap();
    // A bracket too many, which only lenient engines read. A log of ours has no `language`.
    for owner in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][owner]["properties"]["language"];
        assert_eq!(language["pattern"], "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$");
        language.as_object_mut().unwrap().remove("pattern");
    }
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    validator.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn a_report_is_valid_sarif() {
    log(&report());
    log(&GateReport::default());
}

#[test]
fn what_is_no_sarif_is_seen_by_the_schema() {
    let mut broken = log(&report());
    broken["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0.into();
    assert_eq!(problems(&broken).len(), 1);
}

#[test]
fn every_rule_is_described_and_every_result_leads_to_one() {
    let log = log(&report());
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), RULES.len());
    for rule in rules {
        assert!(rule["help"]["markdown"].as_str().unwrap().contains("**Fix.**"));
        assert!(
            rule["helpUri"].as_str().unwrap().ends_with(&format!("docs/rules/{}.md", rule["id"].as_str().unwrap()))
        );
    }
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

#[test]
fn a_result_has_a_place_its_evidence_and_a_fix() {
    let log = log(&report());
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "NX-ARCH-001", "errors come first");
    let physical = &result["locations"][0]["physicalLocation"];
    assert_eq!(physical["artifactLocation"]["uri"], "services/orders/src/client.rs");
    let region = serde_json::json!({ "startLine": 2, "startColumn": 24, "endLine": 2, "endColumn": 48 });
    assert_eq!(physical["region"], region);
    let related = &result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(related, "services/billing/nexus.service.toml");
    let message = result["message"]["text"].as_str().unwrap();
    assert!(
        message.contains("Evidence: orders → billing") && message.ends_with("Fix: consume the events of `billing`")
    );
}

#[test]
fn what_was_let_pass_is_suppressed_and_says_why() {
    let log = log(&report());
    let suppressed: Vec<_> = log["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|result| Some((result["ruleId"].as_str()?, result["suppressions"][0]["justification"].as_str()?)))
        .collect();
    let excepted = "before the first customer (until 2026-12-31, team-platform)";
    assert_eq!(suppressed, [("NX-EVT-001", excepted), ("NX-ARCH-002", "known in the baseline")]);
}

#[test]
fn fingerprints_are_unique_and_do_not_move_with_the_line() {
    let twice = |line| {
        let moved = |line| Finding { place: place("services/orders/src/client.rs", line, 1..2), ..call() };
        let findings = vec![moved(line), moved(line + 4)];
        let log = log(&GateReport { findings, ..GateReport::default() }.sorted());
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(twice(2), twice(30));
    assert_eq!(twice(2).into_iter().collect::<BTreeSet<_>>().len(), 2);
    assert!(twice(2)[0].contains("primaryLocationLineHash"));
}

#[test]
fn more_than_code_scanning_takes_is_cut_from_the_least_and_said() {
    let warning = |n: u32| finding("NX-EVT-004", Level::Warning, place("a", n, 1..2), &n.to_string(), "x");
    let mut findings: Vec<_> = (1..=25_001).map(warning).collect();
    findings.push(call());
    let report = GateReport { findings, ..GateReport::default() };
    let log = render(&report, Rendering::Sarif, &Sources::below("."), false).unwrap();
    let log: Value = serde_json::from_str(&log).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 25_000);
    assert_eq!(results[0]["ruleId"], "NX-ARCH-001");
    let said = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(said, "2 findings are left out: code scanning takes 25000");
}
