use std::fmt::Write as _;

use super::{clean::one_line, text::seen};
use crate::{Finding, GateReport, Level, rule};

/// Most findings in the summary of a step, which takes one megabyte.
const MOST_ROWS: usize = 500;

/// Workflow commands that annotate the lines of a change: <https://docs.github.com/actions/reference/workflow-commands>.
pub(super) fn annotations(report: &GateReport) -> String {
    let mut said: String = report.findings.iter().map(annotation).collect();
    // Not a workflow command, whatever it holds: counts and words of our own.
    let _ = writeln!(said, "{}", report.summary());
    said
}

fn annotation(finding: &Finding) -> String {
    let command = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let place = &finding.place;
    let mut properties = format!("file={},line={}", property(&place.file), place.start.line);
    let _ = write!(properties, ",endLine={},col={}", place.end.line.max(place.start.line), place.start.column);
    if place.end.line == place.start.line && place.end.column > place.start.column {
        // The last column of the annotation, which is inside it.
        let _ = write!(properties, ",endColumn={}", place.end.column - 1);
    }
    let title =
        rule(finding.rule).map_or_else(|_| finding.rule.to_owned(), |rule| format!("{}: {}", rule.id, rule.title));
    let _ = write!(properties, ",title={}", property(&title));
    let mut message = vec![one_line(&finding.message)];
    message.extend(finding.evidence.iter().take(5).map(|evidence| format!("evidence: {}", seen(evidence))));
    message.push(format!("fix: {}", one_line(&finding.remediation)));
    format!("::{command} {properties}::{}\n", data(&message.join("\n")))
}

/// Text behind `::`. The runner decodes these three and nothing else.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, where `:` and `,` end it.
fn property(text: &str) -> String {
    data(&one_line(text)).replace(':', "%3A").replace(',', "%2C")
}

/// The report in Markdown, for `$GITHUB_STEP_SUMMARY`.
#[must_use]
pub fn step_summary(report: &GateReport) -> String {
    let mut said = format!("### nexus check: {}\n", report.summary());
    if !report.findings.is_empty() {
        said.push_str("\n| level | rule | place | what | fix |\n| --- | --- | --- | --- | --- |\n");
    }
    for finding in report.findings.iter().take(MOST_ROWS) {
        let rule = rule(finding.rule)
            .map_or_else(|_| finding.rule.to_owned(), |rule| format!("[{}]({})", rule.id, rule.url()));
        let place = format!("{}:{}", finding.place.file, finding.place.start.line);
        let (message, fix) = (cell(&finding.message), cell(&finding.remediation));
        let _ = writeln!(said, "| {} | {rule} | {} | {message} | {fix} |", finding.level, cell(&place));
    }
    if let Some(more) = report.findings.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
        let _ = writeln!(said, "\nand {more} more");
    }
    said
}

/// Text in a cell of a Markdown table that stays text: no markup, no HTML, no link, no mention.
fn cell(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '@' => "&#64;".to_owned(),
        '\\' | '|' | '[' | ']' | '(' | ')' | '*' | '_' | '~' | '#' | '!' | '`' | '$' | ':' => {
            format!("&#{};", u32::from(c))
        }
        _ => c.to_string(),
    };
    one_line(text).chars().map(escape).collect()
}
