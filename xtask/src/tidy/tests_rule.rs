//! How tests are kept: one binary per crate, none ignored, names that are sentences, no sleeping for luck.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{
    ImplItemFn, ItemFn,
    visit::{self, Visit},
};

use super::{Finding, Repository, syntax};

/// Stands in a comment on, or right above, a line that sleeps, and says on what it waits.
const WAITS: &str = "// waits:";

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = check_binaries(repository);
    for (path, file) in &repository.rust {
        findings.extend(check_names(path, file));
        let text = repository.text(path);
        let ranges = syntax::test_ranges(file);
        let all = syntax::is_test_file(path) || syntax::is_test_crate(path);
        let in_tests = |line: usize| all || ranges.iter().any(|(first, last)| (*first..=*last).contains(&line));
        let mut marks = Marks::default();
        marks.walk(file.to_token_stream());
        findings.extend(marks.ignored.iter().map(|line| ignored(path, *line)));
        let sleeping = marks.sleeps.iter().filter(|line| in_tests(**line));
        findings.extend(sleeping.filter(|line| !says_why(text, **line)).map(|line| sleeps(path, *line)));
    }
    findings
}

fn finding(path: &str, line: usize, what: String, why: &'static str, fix: &str) -> Finding {
    Finding { path: path.to_owned(), line, rule: "tests", what, why, fix: fix.to_owned() }
}

/// `tests/it/main.rs` and at most one file beside it; every further one is a program to link.
fn check_binaries(repository: &Repository) -> Vec<Finding> {
    let mut extra: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in repository.rust.keys() {
        let Some((crate_path, rest)) = path.split_once("/tests/") else {
            continue;
        };
        let is_binary = !rest.contains('/') || (rest.matches('/').count() == 1 && rest.ends_with("/main.rs"));
        let in_workspace = crate_path.starts_with("crates/") && crate_path.matches('/').count() == 1;
        if in_workspace && is_binary && rest != "it/main.rs" {
            extra.entry(crate_path).or_default().push(path);
        }
    }
    let too_many = extra.into_values().filter_map(|paths| paths.get(1).copied());
    too_many
        .map(|path| {
            finding(
                path,
                1,
                "a second test binary beside tests/it".to_owned(),
                "every file here is a program that is linked on its own; linking is most of the time of a test run",
                "make it a module of tests/it/main.rs",
            )
        })
        .collect()
}

fn check_names(path: &str, file: &syn::File) -> Vec<Finding> {
    let mut names = TestNames::default();
    names.visit_file(file);
    let prefixed = names.found.iter().filter(|(name, _)| name.starts_with("test_"));
    prefixed
        .map(|(name, line)| {
            finding(
                path,
                *line,
                format!("the test `{name}` is named after being a test"),
                "the name is what a person reads when it fails: it should say what no longer holds",
                "name it as a sentence: `a_torn_tail_is_dropped`",
            )
        })
        .collect()
}

fn ignored(path: &str, line: usize) -> Finding {
    finding(
        path,
        line,
        "an ignored test".to_owned(),
        "a test that does not run proves nothing and rots",
        "make it run, or remove it",
    )
}

fn sleeps(path: &str, line: usize) -> Finding {
    finding(
        path,
        line,
        "a test sleeps and does not say on what it waits".to_owned(),
        "sleeping for luck makes a test slow on fast machines and flaky on slow ones",
        "wait for the condition itself, or use an injected clock; where time must pass, say so with `// waits: …`",
    )
}

/// Whether the line, or the comment right above it, says on what it waits.
fn says_why(text: &str, line: usize) -> bool {
    let lines: Vec<_> = text.lines().take(line).collect();
    let mut upwards = lines.iter().rev();
    upwards.next().is_some_and(|own| own.contains(WAITS))
        || upwards.take_while(|above| above.trim_start().starts_with("//")).any(|above| above.contains(WAITS))
}

/// What only tokens show, since macros hide it from the syntax tree.
#[derive(Default)]
struct Marks {
    ignored: Vec<usize>,
    sleeps: Vec<usize>,
}

impl Marks {
    fn walk(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| tokens.get(before));
            match token {
                TokenTree::Group(group) => {
                    let attribute = group.delimiter() == Delimiter::Bracket && is_punct(before, '#');
                    if attribute && ignores(group.stream()) {
                        self.ignored.push(group.span_open().start().line);
                    }
                    self.walk(group.stream());
                }
                TokenTree::Ident(ident) if ident == "sleep" => {
                    let called = matches!(tokens.get(index + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    let defined = matches!(before, Some(TokenTree::Ident(word)) if word == "fn");
                    // `clock.sleep(…)` is an injected clock.
                    if called && !defined && !is_punct(before, '.') {
                        self.sleeps.push(ident.span().start().line);
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn ignores(attribute: TokenStream) -> bool {
    let words = syntax::idents(attribute);
    match words.first().map(String::as_str) {
        Some("ignore") => true,
        Some("cfg_attr") => words.iter().any(|word| word == "ignore"),
        _ => false,
    }
}

#[derive(Default)]
struct TestNames {
    found: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for TestNames {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if syntax::is_test(&item.attrs) {
            self.found.push((item.sig.ident.to_string(), item.sig.ident.span().start().line));
        }
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if syntax::is_test(&item.attrs) {
            self.found.push((item.sig.ident.to_string(), item.sig.ident.span().start().line));
        }
    }

    /// `proptest! { #[test] fn … }` and its like.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let tokens: Vec<_> = item.tokens.clone().into_iter().collect();
        for pair in tokens.windows(2) {
            if let [TokenTree::Ident(keyword), TokenTree::Ident(name)] = pair
                && keyword == "fn"
            {
                self.found.push((name.to_string(), name.span().start().line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let findings = check(&Repository::planted(&[(path, text)]));
        findings.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    const IT: &str = "crates/x/tests/it/main.rs";

    #[test]
    fn a_second_binary_beside_the_tree_is_a_finding() {
        let few = [(IT, "mod a;"), ("crates/x/tests/it/a.rs", ""), ("crates/x/tests/b.rs", "")];
        assert_eq!(check(&Repository::planted(&few)), []);
        for more in ["crates/x/tests/c.rs", "crates/x/tests/c/main.rs"] {
            let mut files = few.to_vec();
            files.push((more, ""));
            assert_eq!(check(&Repository::planted(&files)).len(), 1, "{more}");
        }
    }

    #[test]
    fn ignored_tests_are_findings_in_macros_too() {
        assert_eq!(found(IT, "#[test]\n#[ignore]\nfn a() {}\n"), [(2, "an ignored test".to_owned())]);
        assert_eq!(found(IT, "#[ignore = \"slow\"]\nfn a() {}\n").len(), 1);
        assert_eq!(found(IT, "#[cfg_attr(windows, ignore)]\nfn a() {}\n").len(), 1);
        assert_eq!(found(IT, "cases! { #[ignore] fn a() {} }\n").len(), 1);
        assert_eq!(found(IT, "/// not `#[ignore]`\n#[test]\nfn a() {}\n"), []);
    }

    #[test]
    fn a_test_named_after_being_a_test_is_a_finding() {
        assert_eq!(found("crates/x/src/a.rs", "#[test]\nfn test_a() {}\n").len(), 1);
        assert_eq!(found(IT, "#[tokio::test]\nasync fn test_a() {}\n").len(), 1);
        assert_eq!(found(IT, "proptest! { #[test] fn test_a(x in 0..1) {} }\n").len(), 1);
        assert_eq!(found(IT, "fn test_server() {}\n"), []);
    }

    #[test]
    fn a_test_that_sleeps_must_say_on_what_it_waits() {
        assert_eq!(found(IT, "fn a() {\n    std::thread::sleep(d);\n}\n").len(), 1);
        assert_eq!(found(IT, "fn a() { select! { _ = tokio::time::sleep(d) => {} } }\n").len(), 1);
        assert_eq!(found(IT, "fn a() {\n    sleep(d); // waits: the lease runs out\n}\n"), []);
        assert_eq!(found(IT, "fn a() {\n    // waits: the lease\n    // runs out\n    sleep(d);\n}\n"), []);
        assert_eq!(found(IT, "fn a() { clock.sleep(d); }\nfn sleep(d: D) {}\n"), []);
    }

    #[test]
    fn only_tests_must_explain_their_sleep() {
        let product = "fn a() { sleep(d); }\n#[cfg(test)]\nmod tests {\n    fn a() { sleep(d); }\n}\n";
        let lines: Vec<_> = found("crates/x/src/a.rs", product).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [4]);
        assert_eq!(found("crates/nexus-testkit/src/a.rs", "fn a() { sleep(d); }").len(), 1);
    }
}
