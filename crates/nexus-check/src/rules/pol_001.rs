use std::sync::Arc;

use nexus_core::ports::PolicyCoverage;
use nexus_policy::PolicyError;

use super::{Draft, Looked, Rule, rego};
use crate::{
    Level, Place,
    facts::{Facts, PolicyBundle, Text},
};

/// NX-POL-001: policies load, are tested by tests that pass, and say in every refusal which rule it was and what helps.
pub(crate) struct PoliciesAreTested;

impl Rule for PoliciesAreTested {
    fn id(&self) -> &'static str {
        "NX-POL-001"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        rego::with_room(|| facts.policies.iter().flat_map(of_bundle).collect())
    }
}

fn of_bundle(bundle: &PolicyBundle) -> Vec<Looked> {
    if let Some(error) = rego::refusal(bundle) {
        let (text, draft) = refused(bundle, &error);
        return vec![Looked::at(text, vec![draft])];
    }
    let mut looked: Vec<_> = bundle.modules.iter().map(|text| Looked::at(&text.file, silent(text))).collect();
    looked.push(Looked::at(name(bundle), tests(bundle)));
    looked
}

fn name(bundle: &PolicyBundle) -> String {
    if bundle.directory.is_empty() { "the root".to_owned() } else { bundle.directory.clone() }
}

/// The bundle does not load.
fn refused(bundle: &PolicyBundle, error: &PolicyError) -> (String, Draft) {
    let at = match error {
        PolicyError::Invalid { module, line, .. } => Some((module, line.unwrap_or(1))),
        PolicyError::Forbidden { module, line, .. } => Some((module, *line)),
        PolicyError::Duplicate { module } | PolicyError::Reserved { module } => Some((module, 1)),
        _ => None,
    };
    let found = at.and_then(|(module, line)| {
        let text = bundle.modules.iter().chain(&bundle.tests).find(|text| PolicyBundle::module_name(text) == module)?;
        Some((text, line))
    });
    let (place, file) = match found {
        Some((text, line)) => (line_of(text, line), text.file.clone()),
        None => bundle
            .modules
            .iter()
            .chain(&bundle.tests)
            .next()
            .map_or_else(|| (Text::default().head(), String::new()), |text| (text.head(), text.file.clone())),
    };
    let draft = Draft::new(place, "load", format!("the policy cannot be used: {error}"));
    (file, draft.fix("mend it; `nexus` does not start with it, and nothing is decided by a part of a bundle"))
}

/// The whole of a line.
fn line_of(text: &Text, line: u32) -> Place {
    let index = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let start: usize = text.text.split_inclusive('\n').take(index).map(str::len).sum();
    let written = text.text.lines().nth(index).unwrap_or("");
    let indent = written.len() - written.trim_start().len();
    text.place(start + indent..start + written.trim_end().len().max(indent))
}

fn silent(text: &Arc<Text>) -> Vec<Draft> {
    let draft = |silent: rego::Silent| {
        let lacks = silent.lacks.iter().map(|member| format!("`{member}`")).collect::<Vec<_>>().join(" and ");
        let pointer = format!("deny/{}", occurrence(text, silent.line));
        Draft::new(line_of(text, silent.line), pointer, format!("this deny rule says no {lacks}")).fix(
            "let it be `deny contains {\"id\": …, \"message\": …, \"remediation\": …, \"severity\": \"error\"}`: whoever is \
             refused has to learn by which rule, and what would help",
        )
    };
    rego::silent(text).into_iter().map(draft).collect()
}

/// Which deny rule of its file stands at a line, 1-based.
fn occurrence(text: &Text, line: u32) -> usize {
    let until = usize::try_from(line).unwrap_or(usize::MAX);
    text.text.lines().take(until).filter(|line| line.trim_start().starts_with("deny")).count()
}

/// Whether there are tests, and whether they pass.
fn tests(bundle: &PolicyBundle) -> Vec<Draft> {
    let Some(first) = bundle.modules.first() else { return Vec::new() };
    let untested = |reason: String| {
        let draft = Draft::new(first.head(), "tests", reason);
        vec![
            draft
                .fix("write `NAME_test.rego` beside it, with rules `test_…` that show what is refused and what is not"),
        ]
    };
    let report = match rego::run_tests(bundle) {
        Ok(report) => report,
        Err(reason) => return untested(format!("the tests of these policies cannot be loaded: {reason}")),
    };
    if report.results.is_empty() {
        return untested(format!("there are no tests for the policies in {}", name(bundle)));
    }
    let find = |file: &str| bundle.modules.iter().chain(&bundle.tests).find(|text| text.file == file);
    let failed = report.failures().filter_map(|test| {
        let (text, reason) = (find(&test.module)?, test.failure.as_ref()?);
        let short = test.name.rsplit('.').next().unwrap_or(&test.name);
        let message = format!("the policy test `{short}` does not pass: {reason}");
        let draft = Draft::new(line_of(text, test.line), short, message);
        Some(draft.fix("mend the policy, or the test when it asks for the wrong thing"))
    });
    let uncovered = report.coverage.iter().filter_map(|coverage| {
        let text = bundle.modules.iter().find(|text| text.file == coverage.module)?;
        too_little(text, coverage)
    });
    failed.chain(uncovered).collect()
}

/// Least part of the lines of a policy that its tests have to go through, in per cent.
const COVERAGE: usize = 80;

/// The tests go through too little of a policy.
fn too_little(text: &Text, coverage: &PolicyCoverage) -> Option<Draft> {
    let (covered, all) = (coverage.covered.len(), coverage.covered.len() + coverage.uncovered.len());
    let first = *coverage.uncovered.first()?;
    if covered * 100 >= all * COVERAGE {
        return None;
    }
    let message =
        format!("the tests go through {covered} of {all} lines of this policy, and {COVERAGE} % are asked for");
    let draft = Draft::new(line_of(text, first), "coverage", message);
    Some(
        draft.fix(
            "write a test that reaches this line: one for what the rule refuses, and one for what it lets through",
        ),
    )
}
