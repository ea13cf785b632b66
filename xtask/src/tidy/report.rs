use std::{path::Path, time::Instant};

use super::{
    Finding, Repository, codes, example, glossary, layers, layout, links, manifests, proofs, root, sizes, syntax,
    tests_rule,
};
use crate::Fallible;

/// Every rule, in the order they are explained in CONTRIBUTING.md.
const RULES: &[fn(&Repository) -> Vec<Finding>] = &[
    syntax::check,
    layers::check,
    sizes::check,
    example::check,
    glossary::check,
    manifests::check,
    layout::check,
    tests_rule::check,
    codes::check,
    proofs::check,
    root::check,
    links::check,
];

/// Runs every rule and prints what it finds; true when there is nothing to mend.
pub(crate) fn run(root: &Path) -> Fallible<bool> {
    let started = Instant::now();
    let repository = Repository::load(root)?;
    let findings = findings(&repository);
    for finding in &findings {
        println!("{finding}\n");
    }
    if let Some(note) = codes::note(&repository) {
        println!("note: {note}");
    }
    println!(
        "tidy: {} finding(s) in {} files, {:.1} s",
        findings.len(),
        repository.paths.len(),
        started.elapsed().as_secs_f64()
    );
    Ok(findings.is_empty())
}

fn findings(repository: &Repository) -> Vec<Finding> {
    let mut findings: Vec<_> = RULES.iter().flat_map(|rule| rule(repository)).collect();
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_repository_is_not_clean_because_its_map_is_missing() {
        let findings = findings(&Repository::planted(&[]));
        assert!(findings.iter().any(|finding| finding.path == "ARCHITECTURE.md"));
        assert!(findings.iter().any(|finding| finding.path == "docs/glossary.md"));
    }

    #[test]
    fn a_finding_names_place_rule_reason_and_fix() {
        let finding = Finding {
            path: "a.rs".to_owned(),
            line: 3,
            rule: "size",
            what: "too long".to_owned(),
            why: "nobody reads it",
            fix: "split it".to_owned(),
        };
        assert_eq!(finding.to_string(), "a.rs:3: [size] too long\n  why: nobody reads it\n  fix: split it");
    }
}
