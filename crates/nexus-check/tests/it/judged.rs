//! What counts after exceptions and the baseline have had their say.

use jiff::civil::{Date, date};
use nexus_check::{Baseline, Checked, Exceptions, FactCounts, Finding, GateReport, Level, Scope};

use crate::samples::{call, unnamed};

const TODAY: Date = date(2026, 11, 26);

const EXCEPTION: &str = r#"[[exception]]
rule = "NX-ARCH-001"
pointer = "orders/billing"
owner = "team-orders"
reason = "until March"
expires = 2027-03-31
"#;

fn checked(findings: Vec<Finding>) -> Checked {
    Checked { findings, subjects: Vec::new(), facts: FactCounts::default() }
}

fn judged(findings: Vec<Finding>, exceptions: &str, baseline: Option<&Baseline>) -> GateReport {
    let exceptions = Exceptions::parse(Exceptions::FILE, exceptions).unwrap();
    GateReport::judged(checked(findings), &exceptions, baseline, Scope::WHOLE, TODAY)
}

#[test]
fn exceptions_go_before_the_baseline() {
    let baseline = Baseline::of(&[call(), unnamed()]);
    let report = judged(vec![call(), unnamed()], EXCEPTION, Some(&baseline));
    assert_eq!((report.excepted.len(), report.known.clone()), (1, vec![unnamed()]));
    let rules: Vec<_> = report.findings.iter().map(|finding| (finding.rule, finding.place.file.as_str())).collect();
    assert_eq!(rules, [("NX-EXC-001", Baseline::FILE)], "what is excepted is in the baseline for nothing");
}

#[test]
fn what_is_wrong_with_exceptions_and_baseline_fails_the_gate() {
    let baseline = Baseline::of(&[unnamed()]);
    let report = judged(Vec::new(), EXCEPTION, Some(&baseline));
    let files: Vec<_> = report.findings.iter().map(|finding| finding.place.file.as_str()).collect();
    assert_eq!(files, [Baseline::FILE, Exceptions::FILE]);
    assert!(report.fails(Level::Error));
}

#[test]
fn a_baseline_does_not_hide_what_is_wrong_with_exceptions() {
    let expired = EXCEPTION.replace("2027-03-31", "2026-03-31");
    let first = judged(vec![call()], &expired, None);
    assert_eq!(first.findings.len(), 2);
    let baseline = Baseline::of(&first.findings);
    let second = judged(vec![call()], &expired, Some(&baseline));
    let rules: Vec<_> = second.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["NX-EXC-001"]);
}

#[test]
fn a_clean_run_has_nothing_to_say() {
    let report = judged(Vec::new(), "", Some(&Baseline::default()));
    assert_eq!((report.findings.len(), report.fails(Level::Note)), (0, false));
}
