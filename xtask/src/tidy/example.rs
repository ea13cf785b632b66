//! The Order example stays as short as the README promises: rules, read model, program and one test.

use super::{Finding, Repository};

const FILES: [&str; 2] = ["examples/orders/src/domain.rs", "examples/orders/src/main.rs"];
const MOST_LINES: usize = 125;

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let texts = repository.texts.iter().filter(|(path, _)| FILES.contains(&path.as_str()));
    let lines: usize = texts.map(|(_, text)| text.lines().filter(|line| is_code(line)).count()).sum();
    if lines <= MOST_LINES {
        return Vec::new();
    }
    vec![Finding {
        path: FILES[0].to_owned(),
        line: 1,
        rule: "example",
        what: format!("the Order example has {lines} lines of code, at most {MOST_LINES} are promised"),
        why: "how little a domain needs is what the example shows",
        fix: "say it shorter, or give the framework what is missing".to_owned(),
    }]
}

/// Neither blank nor a comment.
fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_code_are_counted_and_comments_are_not() {
        let fits = "/// Doc.\n\nstruct A;\n".repeat(MOST_LINES - 1);
        assert_eq!(check(&Repository::planted(&[(FILES[0], &fits), (FILES[1], "fn main() {}\n// more\n")])), []);
        let findings = check(&Repository::planted(&[(FILES[0], &fits), (FILES[1], "fn main() {\n}\n")]));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.contains("126 lines"), "{}", findings[0].what);
    }
}
