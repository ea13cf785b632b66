//! The root stays a map, and nothing in the repository names a place on one person's machine.

use super::{Finding, Repository};

const MOST_PAGES: usize = 6;

/// Where people's files live. Written in pieces, so that this file does not contain what it looks for.
const HOMES: &[&str] = &[concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/")];

/// Fine in a program, but in a document it is somebody's leftover.
const SCRATCH: &str = concat!("/t", "mp/");

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = check_pages(repository);
    for (path, text) in &repository.texts {
        for (index, line) in text.lines().enumerate() {
            let home = HOMES.iter().find(|home| names_a_place(line, home));
            let scratch = Some(&SCRATCH).filter(|scratch| path.ends_with(".md") && names_a_place(line, scratch));
            if let Some(place) = home.or(scratch) {
                findings.push(Finding {
                    path: path.clone(),
                    line: index + 1,
                    rule: "paths",
                    what: format!("names a place below `{place}`"),
                    why: "a path of one person's machine is wrong on every other",
                    fix: "write a path relative to the repository, or a placeholder such as `DIR`".to_owned(),
                });
            }
        }
    }
    findings
}

fn check_pages(repository: &Repository) -> Vec<Finding> {
    let is_page = |path: &&String| !path.contains('/') && path.ends_with(".md");
    let pages: Vec<_> = repository.paths.iter().filter(is_page).collect();
    let extra = pages.iter().skip(MOST_PAGES);
    extra
        .map(|path| Finding {
            path: (**path).clone(),
            line: 1,
            rule: "root",
            what: format!("the root holds {} Markdown files, at most {MOST_PAGES} may be there", pages.len()),
            why: "the root is the first page a newcomer sees",
            fix: "move it to docs/, or fold it into README, ARCHITECTURE, CONTRIBUTING or CHANGELOG".to_owned(),
        })
        .collect()
}

/// Whether the prefix stands at the start of a path and a name follows it.
fn names_a_place(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(index, _)| {
        let before = line.get(..index).and_then(|before| before.chars().next_back());
        let after = line.get(index + prefix.len()..).and_then(|after| after.chars().next());
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-' | '/'));
        begins && after.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let findings = check(&Repository::planted(&[(path, text)]));
        findings.into_iter().map(|finding| (finding.line, finding.rule)).collect()
    }

    #[test]
    fn a_seventh_page_in_the_root_is_a_finding() {
        let six = ["A.md", "B.md", "C.md", "D.md", "E.md", "F.md", "docs/X.md"];
        let files: Vec<_> = six.iter().map(|path| (*path, "")).collect();
        assert_eq!(check(&Repository::planted(&files)), []);
        let mut seven = files.clone();
        seven.push(("SUMMARY.md", ""));
        let findings = check(&Repository::planted(&seven));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, "SUMMARY.md");
    }

    #[test]
    fn a_home_directory_is_a_finding_in_any_text() {
        for home in HOMES {
            let text = format!("fine\nlet path = \"{home}ada/data\";\n");
            assert_eq!(found("crates/x/src/a.rs", &text), [(2, "paths")], "{home}");
        }
    }

    #[test]
    fn a_scratch_directory_is_a_finding_in_documents_only() {
        let text = format!("run it with {SCRATCH}data\n");
        assert_eq!(found("docs/a.md", &text), [(1, "paths")]);
        assert_eq!(found("crates/x/src/a.rs", &text), []);
    }

    #[test]
    fn a_prefix_without_a_name_and_other_paths_pass() {
        let text = format!("looks for \"{}\" and https://example.com{}x\n", HOMES[0], HOMES[0]);
        assert_eq!(found("docs/a.md", &text), []);
    }
}
