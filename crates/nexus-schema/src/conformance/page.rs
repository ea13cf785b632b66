//! The score as a page for people.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::Score;

const HEAD: &str = "# Conformance with JSON Schema

The required cases of the public [JSON-Schema-Test-Suite](https://github.com/json-schema-org/JSON-Schema-Test-Suite), run
through the options with which Nexus compiles registered schemas: no network, patterns in linear time, formats asserted.
Schemas are taken as they are written, not closed for writers, because the suite tests the standard. The test
`every_required_case_of_the_public_suite_goes_as_it_should` writes this page and fails when it is not true any more.

";

/// Where the section of the policy engine begins; it is another test's.
const NEXT: &str = "\n# Conformance with Rego\n";

/// Compares the page in the repository with the scores, or writes it when asked to.
pub(super) fn compare(scores: &[(&str, Score)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    let page = page(scores);
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let (now, next) = written.find(NEXT).map_or((written.as_str(), ""), |at| written.split_at(at));
    if std::env::var_os("NEXUS_WRITE_CONFORMANCE").is_some() {
        std::fs::write(&path, format!("{page}{next}")).unwrap();
        return;
    }
    assert!(now == page, "docs/conformance.md is not true any more; run this test with NEXUS_WRITE_CONFORMANCE=1");
}

fn page(scores: &[(&str, Score)]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| draft | required cases | as the suite says | exceptions |\n| --- | ---: | ---: | ---: |\n");
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, score) in scores {
        let _ = writeln!(page, "| {name} | {} | {} | {} |", score.cases, score.passed, score.excepted.len());
        for (place, reason) in &score.excepted {
            reasons.entry(reason).or_default().push(place);
        }
    }
    page.push_str("\n## Exceptions\n");
    if reasons.is_empty() {
        page.push_str("\nNone.\n");
    }
    for (reason, places) in reasons {
        let _ = write!(page, "\n{reason} {} case(s):\n\n", places.len());
        for place in places {
            let _ = writeln!(page, "- {place}");
        }
    }
    page
}
