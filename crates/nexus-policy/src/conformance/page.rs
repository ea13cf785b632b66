//! The score as a section of a page for people.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::{Score, exceptions::Exceptions};

/// The heading of this section; what stands before it belongs to another test.
const HEADING: &str = "# Conformance with Rego\n";

const INTRODUCTION: &str = "
The public conformance cases of the [Open Policy Agent](https://github.com/open-policy-agent/opa), run through the
options and limits with which Nexus loads bundles: Rego v1, no network, no recursion, bounded memory. The test
`every_public_case_goes_as_it_should_or_is_a_known_exception` writes this section and fails when it is not true any more;
an exception that goes as it should fails it, too. The cases are named in
[exceptions.toml](../crates/nexus-policy/data/rego/exceptions.toml), whose length only goes down.

";

/// Compares the section in the repository with the scores, or writes it when asked to.
pub(super) fn compare(scores: &BTreeMap<String, Score>, known: &Exceptions) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    let section = section(scores, known);
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let (before, now) = written.find(HEADING).map_or((written.as_str(), ""), |at| written.split_at(at));
    if std::env::var_os("NEXUS_WRITE_CONFORMANCE").is_some() {
        std::fs::write(&path, format!("{}\n\n{section}", before.trim_end())).unwrap();
        return;
    }
    assert!(now == section, "docs/conformance.md is not true any more; run this test with NEXUS_WRITE_CONFORMANCE=1");
}

fn section(scores: &BTreeMap<String, Score>, known: &Exceptions) -> String {
    let sum = |count: fn(&Score) -> usize| scores.values().map(count).sum::<usize>();
    let (cases, passed) = (sum(|score| score.cases), sum(|score| score.passed));
    let mut section = format!("{HEADING}{INTRODUCTION}| cases | as they say | exceptions |\n| ---: | ---: | ---: |\n");
    let _ = writeln!(section, "| {cases} | {passed} | {} |", cases - passed);
    section.push_str("\n| why not | cases |\n| --- | ---: |\n");
    for reason in &known.reasons {
        let _ = writeln!(section, "| {} | {} |", reason.why, reason.cases.len());
    }
    section
}
