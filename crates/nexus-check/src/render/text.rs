use annotate_snippets::{AnnotationKind, Element, Group, Level as Shade, Origin, Renderer, Snippet};

use super::{Sources, clean::one_line, exception_line::exception_line, snippet::Shown};
use crate::{Evidence, Finding, GateReport, Level, report::plural, rule};

/// Most pieces of evidence that are shown of one finding.
const MOST_EVIDENCE: usize = 10;

/// The report for a person: each finding with its line, why, evidence, fix and the exception it would take; counts last.
pub(super) fn text(report: &GateReport, sources: &Sources, colored: bool) -> String {
    let renderer = if colored { Renderer::styled() } else { Renderer::plain() };
    let mut said = String::new();
    for finding in &report.findings {
        said.push_str(&renderer.render(&[group(finding, sources)]));
        said.push_str("\n\n");
    }
    said.push_str(&closing(report));
    said.push('\n');
    said
}

fn group<'a>(finding: &Finding, sources: &Sources) -> Group<'a> {
    let title = shade(finding.level).primary_title(one_line(&finding.message)).id(finding.rule);
    let mut group = title.element(place(finding, sources));
    for (name, text) in remarks(finding) {
        group = group.element(Shade::NOTE.with_name(name).message(text));
    }
    group
}

fn place<'a>(finding: &Finding, sources: &Sources) -> Element<'a> {
    let file = one_line(&finding.place.file);
    match Shown::of(&finding.place, sources) {
        Some(shown) => Snippet::source(shown.text)
            .line_start(shown.first)
            .path(file)
            .annotation(AnnotationKind::Primary.span(shown.marked))
            .into(),
        None => {
            let point = finding.place.start;
            let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
            Origin::path(file).line(number(point.line)).char_column(number(point.column)).into()
        }
    }
}

/// What is said below the line.
fn remarks(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut remarks = Vec::new();
    if let Ok(rule) = rule(finding.rule) {
        remarks.push(("why", rule.why.to_owned()));
    }
    remarks.extend(finding.evidence.iter().take(MOST_EVIDENCE).map(|evidence| ("evidence", seen(evidence))));
    if let Some(more) = finding.evidence.len().checked_sub(MOST_EVIDENCE).filter(|more| *more > 0) {
        remarks.push(("evidence", format!("and {more} more, all of them with `--format json`")));
    }
    remarks.push(("fix", one_line(&finding.remediation)));
    if let Some(owner) = &finding.owner {
        remarks.push(("owner", one_line(owner)));
    }
    // Exceptions are not excepted.
    if finding.rule != "NX-EXC-001" {
        remarks.push(("except", one_line(&exception_line(finding))));
    }
    remarks
}

/// A piece of evidence with its place.
pub(super) fn seen(evidence: &Evidence) -> String {
    let text = one_line(&evidence.text);
    match &evidence.place {
        Some(place) => format!("{text} ({}:{}:{})", one_line(&place.file), place.start.line, place.start.column),
        None => text,
    }
}

const fn shade(level: Level) -> Shade<'static> {
    match level {
        Level::Error => Shade::ERROR,
        Level::Warning => Shade::WARNING,
        Level::Note => Shade::NOTE,
    }
}

fn closing(report: &GateReport) -> String {
    let checks = plural(report.subjects.len(), "check");
    let mut rules: Vec<_> = report.subjects.iter().map(|subject| subject.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let mut said = format!("{}; {checks} by {}", report.summary(), plural(rules.len(), "rule"));
    let mut found: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
    found.sort_unstable();
    found.dedup();
    if let Some(first) = found.first() {
        said.push_str(&format!("\nmore about a rule: nexus check --explain {first}"));
    }
    said
}
