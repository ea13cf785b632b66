//! Every error code has a page in docs/errors, and every page is about a code.

use std::collections::BTreeMap;

use syn::{
    Expr, ImplItemFn, ItemConst, ItemFn, LitStr,
    visit::{self, Visit},
};

use super::{Finding, Repository};

const PAGES: &str = "docs/errors/";

/// Where the codes may be listed; the first that exists counts.
const REGISTRIES: &[&str] =
    &["crates/nexus-api/src/problem/codes.rs", "crates/nexus-api/src/problem/code.rs", "crates/nexus-api/src/codes.rs"];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let Some((registry, file)) = registry(repository) else {
        return Vec::new();
    };
    let codes = codes(file);
    if codes.is_empty() {
        return vec![finding(
            registry,
            1,
            "lists no error codes that tidy can read".to_owned(),
            "keep them as `pub const SLUGS: &[&str]`, or as the literals of a function named `slug`".to_owned(),
        )];
    }
    let pages = pages(repository);
    let undocumented = codes.iter().filter(|(code, _)| !pages.contains(&code.as_str()));
    let mut findings: Vec<_> = undocumented
        .map(|(code, line)| {
            let what = format!("the code `{code}` has no page");
            finding(registry, *line, what, format!("write {PAGES}{code}.md as docs/errors/README.md shows"))
        })
        .collect();
    let unused = pages.iter().filter(|page| !codes.contains_key(**page));
    findings.extend(unused.map(|page| {
        let what = format!("no answer of the API has the code `{page}`");
        finding(&format!("{PAGES}{page}.md"), 1, what, "remove the page, or use the code".to_owned())
    }));
    findings
}

/// What a reader of a clean run should know.
pub(crate) fn note(repository: &Repository) -> Option<String> {
    let expected = REGISTRIES.first().filter(|_| registry(repository).is_none())?;
    Some(format!("error codes are not compared with {PAGES}: there is no {expected} yet"))
}

fn registry(repository: &Repository) -> Option<(&'static str, &syn::File)> {
    REGISTRIES.iter().find_map(|path| repository.rust.get(*path).map(|file| (*path, file)))
}

fn finding(path: &str, line: usize, what: String, fix: String) -> Finding {
    Finding {
        path: path.to_owned(),
        line,
        rule: "codes",
        what,
        why: "every refusal links to the page of its code, which says what to do",
        fix,
    }
}

/// The pages by code, the index left out.
fn pages(repository: &Repository) -> Vec<&str> {
    repository
        .paths
        .iter()
        .filter_map(|path| path.strip_prefix(PAGES)?.strip_suffix(".md"))
        .filter(|page| *page != "README")
        .collect()
}

/// The codes and their lines: `SLUGS` if there is one, else what `fn slug` answers, else text constants.
fn codes(file: &syn::File) -> BTreeMap<String, usize> {
    let mut found = Listed::default();
    found.visit_file(file);
    [found.list, found.function, found.constants].into_iter().find(|codes| !codes.is_empty()).unwrap_or_default()
}

#[derive(Default)]
struct Listed {
    list: BTreeMap<String, usize>,
    function: BTreeMap<String, usize>,
    constants: BTreeMap<String, usize>,
}

impl Listed {
    fn constant(&mut self, name: &str, value: &Expr) {
        let found = Literals::of(|literals| literals.visit_expr(value));
        match value {
            _ if name == "SLUGS" => self.list.extend(found),
            Expr::Lit(_) => self.constants.extend(found),
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Listed {
    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        self.constant(&item.ident.to_string(), &item.expr);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(&item.ident.to_string(), &item.expr);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if item.sig.ident == "slug" {
            self.function.extend(Literals::of(|literals| literals.visit_block(&item.block)));
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if item.sig.ident == "slug" {
            self.function.extend(Literals::of(|literals| literals.visit_block(&item.block)));
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !super::syntax::is_test_only(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}

/// The text literals that look like a code.
#[derive(Default)]
struct Literals(BTreeMap<String, usize>);

impl Literals {
    fn of(walk: impl FnOnce(&mut Self)) -> BTreeMap<String, usize> {
        let mut literals = Self::default();
        walk(&mut literals);
        literals.0
    }
}

impl<'ast> Visit<'ast> for Literals {
    fn visit_lit_str(&mut self, literal: &'ast LitStr) {
        let value = literal.value();
        let is_code =
            !value.is_empty() && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if is_code {
            self.0.insert(value, literal.span().start().line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str, pages: &[&str]) -> Vec<(String, usize, String)> {
        let paths: Vec<_> = pages.iter().map(|page| format!("{PAGES}{page}.md")).collect();
        let mut files = vec![(REGISTRIES[0], code), ("docs/errors/README.md", "")];
        files.extend(paths.iter().map(|path| (path.as_str(), "")));
        let findings = check(&Repository::planted(&files));
        findings.into_iter().map(|finding| (finding.path, finding.line, finding.what)).collect()
    }

    const LIST: &str = "pub const SLUGS: &[&str] = &[\n    \"not-found\",\n    \"conflict\",\n];\npub const TITLE: &str = \"title\";\n";

    #[test]
    fn codes_and_pages_that_match_pass() {
        assert_eq!(found(LIST, &["not-found", "conflict"]), []);
    }

    #[test]
    fn a_code_without_a_page_is_a_finding_on_its_line() {
        let expected = (REGISTRIES[0].to_owned(), 3, "the code `conflict` has no page".to_owned());
        assert_eq!(found(LIST, &["not-found"]), [expected]);
    }

    #[test]
    fn a_page_without_a_code_is_a_finding() {
        let path = "docs/errors/gone.md".to_owned();
        let expected = (path, 1, "no answer of the API has the code `gone`".to_owned());
        assert_eq!(found(LIST, &["not-found", "conflict", "gone"]), [expected]);
    }

    #[test]
    fn codes_may_also_be_the_answers_of_slug() {
        let code =
            "impl Code { pub fn slug(self) -> &'static str { match self { Self::A => \"aa\", Self::B => \"b-b\" } } }";
        assert_eq!(found(code, &["aa", "b-b"]), []);
        assert_eq!(found(code, &[]).len(), 2);
    }

    #[test]
    fn a_registry_that_cannot_be_read_is_a_finding() {
        assert_eq!(found("pub struct Code;", &[]).len(), 1);
    }

    #[test]
    fn without_a_registry_there_is_a_note_and_no_finding() {
        let repository = Repository::planted(&[("docs/errors/conflict.md", "")]);
        assert_eq!(check(&repository), []);
        assert!(note(&repository).unwrap().contains(REGISTRIES[0]));
    }
}
