use nexus_schema::compat::SchemaChange;
use serde_json::{Value, json};

use super::check::Finding;
use crate::cli::Output;

/// Findings as a compiler would print them.
pub(crate) fn findings_text(findings: &[Finding], output: Output) -> String {
    findings.iter().map(|finding| finding_text(finding, output)).collect::<Vec<_>>().join("\n\n")
}

fn finding_text(finding: &Finding, output: Output) -> String {
    let mut text = output.bold(&format!("error[{}]: {}", finding.rule, finding.message));
    let place = if finding.pointer.is_empty() { String::new() } else { format!(" at {}", finding.pointer) };
    let file = finding.file.as_ref().map(|file| format!("{}{place}, ", file.display())).unwrap_or_default();
    text.push_str(&format!("\n  --> {file}{} version {}", finding.subject, finding.version));
    let lines = [("why", finding.reason.clone()), ("example", finding.example.as_ref().map(Value::to_string))];
    for (label, line) in lines {
        text.extend(line.map(|line| format!("\n  = {label}: {line}")));
    }
    text.push_str(&format!("\n  = fix: {}", finding.fix));
    text
}

/// A finding as JSON.
pub(crate) fn finding_document(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule,
        "kind": finding.subject.kind.to_string(),
        "name": finding.subject.name,
        "version": finding.version,
        "file": finding.file.as_ref().map(|file| file.display().to_string()),
        "pointer": finding.pointer,
        "message": finding.message,
        "reason": finding.reason,
        "fix": finding.fix,
        "example": finding.example,
        "incompatible": finding.incompatible,
    })
}

/// A change of a schema as JSON.
pub(crate) fn change_document(change: &SchemaChange) -> Value {
    json!({
        "pointer": change.pointer,
        "kind": change.kind.to_string(),
        "description": change.description,
        "bump": change.bump.to_string(),
        "warning": change.warning,
    })
}

/// Changes for a person: `+` for what is new, `-` for what is gone, `~` for what is different.
pub(crate) fn changes_text(changes: &[Value]) -> String {
    if changes.is_empty() {
        return "no difference that matters".to_owned();
    }
    let line = |change: &Value| {
        let text = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mark = match text("kind").as_str() {
            "added" => '+',
            "removed" => '-',
            _ => '~',
        };
        let warning =
            if text("warning").is_empty() { String::new() } else { format!("\n    note: {}", text("warning")) };
        format!("{mark} {}  {} ({}){warning}", text("pointer"), text("description"), text("bump"))
    };
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}
