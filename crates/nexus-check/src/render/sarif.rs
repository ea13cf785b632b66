//! SARIF 2.1.0 as GitHub's code scanning takes it:
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::{RenderError, Rendering, clean::one_line, text::seen};
use crate::{Finding, GateReport, Place, RULES, RuleDescription};

/// Most results of a run that code scanning takes.
const MOST_RESULTS: usize = 25_000;
/// Most places of a result that code scanning shows.
const MOST_PLACES: usize = 100;

/// What stays as it is in a path of a URI: RFC 3986's unreserved characters, and the separator.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The report as one run.
pub(super) fn sarif(report: &GateReport) -> Result<String, RenderError> {
    let mut results = results(report);
    let left_out = results.len().saturating_sub(MOST_RESULTS);
    results.truncate(MOST_RESULTS);
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "nexus check",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": "https://github.com/nexus-events/nexus",
                "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation(left_out)],
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&log)
        .map(|text| text + "\n")
        .map_err(|error| RenderError { rendering: Rendering::Sarif, reason: error.to_string() })
}

fn invocation(left_out: usize) -> Value {
    let said = (left_out > 0).then(|| {
        let text = format!("{left_out} findings are left out: code scanning takes {MOST_RESULTS}");
        json!({ "level": "warning", "message": { "text": text } })
    });
    json!({ "executionSuccessful": true, "toolExecutionNotifications": said.into_iter().collect::<Vec<_>>() })
}

fn rule(rule: &RuleDescription) -> Value {
    let mut properties = Map::new();
    properties.insert("tags".to_owned(), json!(rule.tags));
    if let Some(severity) = rule.security_severity {
        properties.insert("security-severity".to_owned(), json!(severity));
    }
    let (title, why, mend, url) = (rule.title, rule.why, rule.mend, rule.url());
    json!({
        "id": rule.id,
        "shortDescription": { "text": title },
        "fullDescription": { "text": format!("{title}. {why}") },
        "help": {
            "text": format!("{why}\n\nFix: {mend}\n\n{url}"),
            "markdown": format!("{why}\n\n**Fix.** {mend}\n\n[About {}]({url})", rule.id),
        },
        "helpUri": url,
        "defaultConfiguration": { "level": rule.level.as_str() },
        "properties": properties,
    })
}

/// Errors first, for what is cut off should matter least; what was let pass last, marked as suppressed.
fn results(report: &GateReport) -> Vec<Value> {
    let mut seen_before = BTreeMap::new();
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let mut results: Vec<_> = findings.into_iter().map(|finding| result(finding, &mut seen_before, None)).collect();
    for excepted in &report.excepted {
        let why = format!("{} (until {}, {})", excepted.reason, excepted.expires, excepted.owner);
        results.push(result(&excepted.finding, &mut seen_before, Some(&why)));
    }
    for known in &report.known {
        results.push(result(known, &mut seen_before, Some("known in the baseline")));
    }
    results
}

fn result(finding: &Finding, seen_before: &mut BTreeMap<String, u32>, suppressed: Option<&str>) -> Value {
    let fingerprint = finding.fingerprint();
    let occurrence = seen_before.entry(fingerprint.clone()).or_default();
    *occurrence += 1;
    let fingerprint = format!("{fingerprint}:{occurrence}");
    let mut result = json!({
        "ruleId": finding.rule,
        "level": finding.level.as_str(),
        "message": { "text": message(finding) },
        "locations": [{
            "physicalLocation": physical(&finding.place),
            "logicalLocations": [{ "fullyQualifiedName": one_line(&finding.pointer) }],
        }],
        // Code scanning follows an alert by the second name alone; it would otherwise hash the line.
        "partialFingerprints": { "nexusFinding/v1": fingerprint, "primaryLocationLineHash": fingerprint },
        "properties": { "remediation": one_line(&finding.remediation) },
    });
    if let Value::Object(members) = &mut result {
        if let Some(index) = RULES.iter().position(|rule| rule.id == finding.rule) {
            members.insert("ruleIndex".to_owned(), json!(index));
        }
        if let Some(why) = suppressed {
            let suppression = json!({ "kind": "external", "status": "accepted", "justification": one_line(why) });
            members.insert("suppressions".to_owned(), json!([suppression]));
        }
        let related = related(finding);
        if !related.is_empty() {
            members.insert("relatedLocations".to_owned(), related.into());
        }
    }
    result
}

/// What is wrong, what shows it, and what mends it: code scanning shows nothing else beside the line.
fn message(finding: &Finding) -> String {
    let mut lines = vec![plain(&finding.message)];
    lines.extend(
        finding.evidence.iter().take(MOST_PLACES).map(|evidence| format!("Evidence: {}", plain(&seen(evidence)))),
    );
    lines.push(format!("Fix: {}", plain(&finding.remediation)));
    lines.join("\n")
}

/// Text without an embedded link (section 3.11.6 of the specification), which only we may make.
fn plain(text: &str) -> String {
    one_line(text).replace("](", "] (")
}

fn related(finding: &Finding) -> Vec<Value> {
    let placed = finding.evidence.iter().filter_map(|evidence| Some((evidence, evidence.place.as_ref()?)));
    let location = |(index, (evidence, place)): (usize, (&crate::Evidence, &Place))| json!({ "id": index + 1, "message": { "text": plain(&evidence.text) }, "physicalLocation": physical(place) });
    placed.take(MOST_PLACES).enumerate().map(location).collect()
}

fn physical(place: &Place) -> Value {
    let (start, end) = (place.start, place.end.max(place.start));
    json!({
        "artifactLocation": { "uri": utf8_percent_encode(&place.file, PATH).to_string(), "uriBaseId": "%SRCROOT%" },
        "region": {
            "startLine": start.line.max(1),
            "startColumn": start.column.max(1),
            "endLine": end.line.max(1),
            "endColumn": end.column.max(1),
        },
    })
}
