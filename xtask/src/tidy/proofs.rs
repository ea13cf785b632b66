//! ARCHITECTURE.md says which tests prove its invariants; tests of these names exist.

use std::collections::BTreeSet;

use super::{Finding, Repository, markdown, syntax};

const MAP: &str = "ARCHITECTURE.md";

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let Some(table) = markdown::table(repository.text(MAP), "invariant") else {
        let what = "has no table of invariants".to_owned();
        let fix = "add a table with the columns invariant, how it is kept, proved by".to_owned();
        return vec![finding(1, what, fix)];
    };
    let known = known(repository);
    let mut findings = Vec::new();
    for row in &table.rows {
        let proofs = row.cells.last().map_or(&[][..], |cell| &cell.code);
        if proofs.is_empty() {
            let what = "an invariant without a proof".to_owned();
            findings.push(finding(row.line, what, "name the test that shows it".to_owned()));
        }
        for proof in proofs.iter().filter(|proof| !known.contains(proof.as_str())) {
            let what = format!("no test is called `{proof}`");
            findings.push(finding(row.line, what, "name the test that shows it, or write it".to_owned()));
        }
    }
    findings
}

fn finding(line: usize, what: String, fix: String) -> Finding {
    Finding {
        path: MAP.to_owned(),
        line,
        rule: "proofs",
        what,
        why: "a claim that no test shows is a hope, and the map must not hold hopes",
        fix,
    }
}

/// Everything that can be a test: functions in test code, and the files of compile-fail cases.
fn known(repository: &Repository) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for (path, file) in &repository.rust {
        if let Some(stem) = path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs"))
            && path.contains("/ui/")
        {
            known.insert(stem.to_owned());
        }
        known.extend(syntax::functions_in_tests(path, file));
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(proofs: &str) -> Vec<(usize, String)> {
        let map = format!("| invariant | how | proved by |\n| --- | --- | --- |\n| a | b | {proofs} |\n");
        let files = [
            (MAP, map.as_str()),
            ("crates/x/src/a.rs", "fn product() {}\n#[cfg(test)]\nmod tests {\n#[test]\nfn beside() {}\n}"),
            ("crates/x/tests/it/a.rs", "#[tokio::test]\nasync fn integrated() {}"),
            ("crates/x/tests/it/ui/does_not_compile.rs", "fn main() {}"),
            ("crates/nexus-testkit/src/contract/a.rs", "pub async fn contracted() {}"),
        ];
        let findings = check(&Repository::planted(&files));
        findings.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn tests_of_every_kind_are_proofs() {
        assert_eq!(found("`beside`, `integrated`, `does_not_compile`, `contracted`"), []);
    }

    #[test]
    fn a_proof_that_does_not_exist_is_a_finding_on_its_line() {
        assert_eq!(found("`beside`, `gone`"), [(3, "no test is called `gone`".to_owned())]);
        assert_eq!(found("`product`").len(), 1);
    }

    #[test]
    fn an_invariant_without_a_proof_is_a_finding() {
        assert_eq!(found("–"), [(3, "an invariant without a proof".to_owned())]);
    }
}
