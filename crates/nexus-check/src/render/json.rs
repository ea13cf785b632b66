use serde_json::{Map, Value, json};

use super::{RenderError, Rendering, clean};
use crate::{Excepted, Finding, GateReport, Level};

/// The version of the document; it changes when a member is removed or means something else.
pub(super) const VERSION: u32 = 1;

/// The report as one document, for programs.
pub(super) fn json(report: &GateReport) -> Result<String, RenderError> {
    let document = document(report).map_err(|error| refused(Rendering::Json, &error))?;
    Ok(clean::json(&format!("{document:#}\n")))
}

/// The findings that count, one document a line.
pub(super) fn lines(report: &GateReport) -> Result<String, RenderError> {
    let line = |found| finding(found).map(|document| clean::json(&document.to_string()) + "\n");
    let lines: serde_json::Result<String> = report.findings.iter().map(line).collect();
    lines.map_err(|error| refused(Rendering::Jsonl, &error))
}

pub(super) fn refused(rendering: Rendering, error: &serde_json::Error) -> RenderError {
    RenderError { rendering, reason: error.to_string() }
}

fn document(report: &GateReport) -> serde_json::Result<Value> {
    let findings = |findings: &[Finding]| findings.iter().map(finding).collect::<serde_json::Result<Vec<_>>>();
    let excepted: serde_json::Result<Vec<_>> = report.excepted.iter().map(self::excepted).collect();
    let mut document = Map::new();
    document.insert("version".to_owned(), json!(VERSION));
    document.insert("findings".to_owned(), findings(&report.findings)?.into());
    document.insert("excepted".to_owned(), excepted?.into());
    document.insert("known".to_owned(), findings(&report.known)?.into());
    document.insert("subjects".to_owned(), serde_json::to_value(&report.subjects)?);
    document.insert("facts".to_owned(), serde_json::to_value(report.facts)?);
    document.insert(
        "summary".to_owned(),
        json!({
            "errors": report.count(Level::Error),
            "warnings": report.count(Level::Warning),
            "notes": report.count(Level::Note),
            "excepted": report.excepted.len(),
            "known": report.known.len(),
            "subjects": report.subjects.len(),
        }),
    );
    Ok(Value::Object(document))
}

/// A finding with what is computed from it.
fn finding(finding: &Finding) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(finding)?;
    if let Value::Object(members) = &mut value {
        members.insert("fingerprint".to_owned(), finding.fingerprint().into());
        members.insert("docs".to_owned(), finding.docs().into());
    }
    Ok(value)
}

fn excepted(excepted: &Excepted) -> serde_json::Result<Value> {
    let mut value = finding(&excepted.finding)?;
    if let Value::Object(members) = &mut value {
        let Excepted { finding: _, owner, reason, expires } = excepted;
        members.insert("exception".to_owned(), json!({ "owner": owner, "reason": reason, "expires": expires }));
    }
    Ok(value)
}
