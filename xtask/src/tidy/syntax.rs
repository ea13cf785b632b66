//! Rust as the rules see it: which code is test code, and that product code parses at all.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Attribute, Item, spanned::Spanned as _, visit::Visit};

use super::{Finding, Repository};

/// A product file that does not parse would escape every other rule.
pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    repository
        .unparsed
        .iter()
        .filter(|(path, _)| !is_test_file(path))
        .map(|(path, error)| Finding {
            path: path.clone(),
            line: error.span().start().line,
            rule: "syntax",
            what: format!("does not parse: {error}"),
            why: "a file that does not parse escapes every other rule",
            fix: "make it valid Rust".to_owned(),
        })
        .collect()
}

/// Whether a whole file is test code.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Whether an item exists in test builds only.
pub(crate) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let words = idents(attribute.to_token_stream());
        words.iter().any(|word| word == "test") && !words.iter().any(|word| word == "not")
    })
}

/// Whether a function is a test: `#[test]`, `#[tokio::test]`.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|segment| segment.ident == "test")
    })
}

/// Every identifier in a stream of tokens, inner groups included.
pub(crate) fn idents(tokens: TokenStream) -> Vec<String> {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(ident) => vec![ident.to_string()],
            TokenTree::Group(group) => idents(group.stream()),
            _ => Vec::new(),
        })
        .collect()
}

/// The first and last lines of the parts of a file that exist in test builds only.
pub(crate) fn test_ranges(file: &syn::File) -> Vec<(usize, usize)> {
    file.items
        .iter()
        .filter(|item| is_test_only(item_attributes(item)))
        .map(|item| (item.span().start().line, item.span().end().line))
        .collect()
}

/// Crates whose sources are test code.
pub(crate) fn is_test_crate(path: &str) -> bool {
    path.starts_with("crates/nexus-e2e/") || path.starts_with("crates/nexus-testkit/")
}

/// The names of functions in test code: tests, and in the test crates the cases that adapters instantiate.
pub(crate) fn functions_in_tests(path: &str, file: &syn::File) -> Vec<String> {
    let all = is_test_file(path) || is_test_crate(path);
    let ranges = test_ranges(file);
    let mut functions = Functions::default();
    functions.visit_file(file);
    let in_tests = |line: usize| all || ranges.iter().any(|(first, last)| (*first..=*last).contains(&line));
    functions.found.into_iter().filter(|(_, line)| in_tests(*line)).map(|(name, _)| name).collect()
}

#[derive(Default)]
struct Functions {
    found: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let line = item.sig.ident.span().start().line;
        self.found.push((item.sig.ident.to_string(), line));
    }
}

/// The attributes of an item.
pub(crate) fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_file_that_does_not_parse_is_a_finding() {
        let repository = Repository::planted(&[("crates/x/src/a.rs", "fn broken( {")]);
        assert_eq!(check(&repository).len(), 1);
    }

    #[test]
    fn a_file_of_a_compile_fail_test_may_be_broken() {
        let repository = Repository::planted(&[("crates/x/tests/ui/a.rs", "fn broken( {")]);
        assert_eq!(check(&repository), []);
    }

    #[test]
    fn code_for_every_build_but_tests_is_not_test_code() {
        let file = syn::parse_file("#[cfg(not(test))]\nmod a {}\n#[cfg(test)]\nmod b {}\n").unwrap();
        assert_eq!(test_ranges(&file), [(3, 4)]);
    }
}
