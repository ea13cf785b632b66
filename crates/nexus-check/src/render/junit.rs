use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{RenderError, Rendering, clean::one_line, text::seen};
use crate::{Finding, GateReport, Level, RULES};

/// The report as JUnit XML: a suite per rule, a case per subject that passed and per finding, so that what was looked at
/// is seen as well as what was found.
pub(super) fn junit(report: &GateReport) -> Result<String, RenderError> {
    let mut document = Report::new("nexus check");
    document
        .add_test_suites(RULES.iter().map(|rule| suite(report, rule.id)).filter(|suite| !suite.test_cases.is_empty()));
    document.to_string().map_err(|error| RenderError { rendering: Rendering::Junit, reason: error.to_string() })
}

fn suite(report: &GateReport, rule: &'static str) -> TestSuite {
    let mut suite = TestSuite::new(rule);
    let passed = report.subjects.iter().filter(|subject| subject.rule == rule && subject.findings == 0);
    suite.add_test_cases(passed.map(|subject| case(rule, &subject.name, TestCaseStatus::success())));
    let of_rule = |finding: &&Finding| finding.rule == rule;
    suite.add_test_cases(report.findings.iter().filter(of_rule).map(found));
    let aside = report.excepted.iter().map(|excepted| (&excepted.finding, format!("excepted: {}", excepted.reason)));
    let aside = aside.chain(report.known.iter().map(|finding| (finding, "known in the baseline".to_owned())));
    suite
        .add_test_cases(aside.filter(|(finding, _)| of_rule(finding)).map(|(finding, why)| passed_over(finding, &why)));
    suite
}

fn case(rule: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(one_line(name), status);
    case.set_classname(rule);
    case
}

/// A note is told and fails nothing.
fn found(finding: &Finding) -> TestCase {
    let status = match finding.level {
        Level::Note => TestCaseStatus::success(),
        Level::Warning | Level::Error => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status
                .set_type(finding.level.as_str())
                .set_message(one_line(&finding.message))
                .set_description(told(finding));
            status
        }
    };
    let mut case = case(finding.rule, &name(finding), status);
    if finding.level == Level::Note {
        case.set_system_out(format!("{}\n{}", one_line(&finding.message), told(finding)));
    }
    case
}

fn passed_over(finding: &Finding, why: &str) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(one_line(why)).set_description(one_line(&finding.message));
    case(finding.rule, &name(finding), status)
}

/// Without the line, so that a case keeps its name when the file is edited elsewhere.
fn name(finding: &Finding) -> String {
    match finding.pointer.is_empty() {
        true => finding.place.file.clone(),
        false => format!("{} {}", finding.place.file, finding.pointer),
    }
}

fn told(finding: &Finding) -> String {
    let place = &finding.place;
    let mut lines = vec![format!("{}:{}:{}", one_line(&place.file), place.start.line, place.start.column)];
    lines.extend(finding.evidence.iter().map(|evidence| format!("evidence: {}", seen(evidence))));
    lines.push(format!("fix: {}", one_line(&finding.remediation)));
    lines.join("\n")
}
