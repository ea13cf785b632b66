//! The size ratchet: what exceeds a limit is listed with its size, may shrink and never grows.

use std::collections::BTreeSet;

use serde::Deserialize;
use syn::{
    Block, ImplItemFn, ItemFn, ItemImpl, ItemMod, ItemTrait, Signature, TraitItemFn,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use super::{Finding, Repository, syntax};

const RULE: &str = "size";
const LIST: &str = "xtask/tidy-exempt.toml";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Lines of a file without its tests.
    File,
    /// Lines of a function's body, without blank lines and comments, as clippy counts them.
    Function,
    /// Parameters of a function, the receiver included.
    Parameters,
}

impl Kind {
    fn limit(self) -> usize {
        match self {
            Self::File => 600,
            Self::Function => 70,
            Self::Parameters => 5,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::File => "lines without tests",
            Self::Function => "lines",
            Self::Parameters => "parameters",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::File => "a file is read as a whole; past some hundred lines nobody does",
            Self::Function => "a function that does not fit a screen hides its steps",
            Self::Parameters => "a call with many arguments is a struct without a name",
        }
    }
}

/// Something with a size.
#[derive(Debug, PartialEq, Eq)]
struct Measured {
    kind: Kind,
    path: String,
    /// The function; empty for files.
    name: String,
    line: usize,
    size: usize,
}

/// One entry of the list of exemptions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exemption {
    kind: Kind,
    path: String,
    #[serde(default)]
    name: String,
    size: usize,
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exemptions {
    #[serde(default)]
    exempt: Vec<Exemption>,
}

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let exemptions = match toml::from_str::<Exemptions>(repository.text(LIST)) {
        Ok(exemptions) => exemptions.exempt,
        Err(error) => {
            let what = format!("cannot be read: {}", error.message());
            return vec![listed(1, what, "follow the comment at its top".to_owned())];
        }
    };
    let measured = measure(repository);
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for item in &measured {
        let place = exemptions
            .iter()
            .position(|entry| entry.kind == item.kind && entry.path == item.path && entry.name == item.name);
        used.extend(place);
        let allowed = place.and_then(|place| exemptions.get(place)).map(|entry| entry.size);
        findings.extend(judge(item, allowed));
    }
    for (index, entry) in exemptions.iter().enumerate() {
        let line = repository.line_of(LIST, &format!("\"{}\"", entry.path));
        if !used.contains(&index) {
            let what = format!("nothing is called `{} {}` any more", entry.path, entry.name);
            findings.push(listed(line, what, "remove the entry".to_owned()));
        }
        if entry.reason.trim().len() < 20 {
            let what = format!("the entry for `{} {}` gives no reason", entry.path, entry.name);
            findings.push(listed(line, what, "say why it cannot be smaller".to_owned()));
        }
    }
    findings
}

fn listed(line: usize, what: String, fix: String) -> Finding {
    Finding {
        path: LIST.to_owned(),
        line,
        rule: RULE,
        what,
        why: "an exemption that nobody needs lets the next one grow unseen",
        fix,
    }
}

fn judge(item: &Measured, allowed: Option<usize>) -> Option<Finding> {
    let Measured { kind, size, .. } = *item;
    let limit = kind.limit();
    let subject = if item.name.is_empty() { "the file".to_owned() } else { format!("`{}`", item.name) };
    let has = format!("{subject} has {size} {}", kind.unit());
    let (what, fix) = match allowed {
        None if size <= limit => return None,
        Some(allowed) if size == allowed && size > limit => return None,
        None => (format!("{has}, the limit is {limit}"), "split it by purpose".to_owned()),
        Some(_) if size <= limit => (format!("{has} and needs no exemption"), format!("remove its entry from {LIST}")),
        Some(allowed) if size > allowed => (
            format!("{has}, its exemption ends at {allowed}"),
            "take out as much as was added; exemptions never grow".to_owned(),
        ),
        Some(allowed) => {
            (format!("{has}, its exemption still says {allowed}"), format!("lower the entry in {LIST} to {size}"))
        }
    };
    Some(Finding { path: item.path.clone(), line: item.line, rule: RULE, what, why: kind.why(), fix })
}

fn measure(repository: &Repository) -> Vec<Measured> {
    let mut all = Vec::new();
    for (path, file) in &repository.rust {
        if syntax::is_test_file(path) {
            continue;
        }
        let text = repository.text(path);
        let tests: usize = syntax::test_ranges(file).iter().map(|(first, last)| last + 1 - first).sum();
        all.push(Measured {
            kind: Kind::File,
            path: path.clone(),
            name: String::new(),
            line: 1,
            size: text.lines().count().saturating_sub(tests),
        });
        let mut functions = Functions { path, lines: text.lines().collect(), owner: String::new(), found: &mut all };
        functions.visit_file(file);
    }
    all
}

/// Walks the functions of a file, tests left out.
struct Functions<'a> {
    path: &'a str,
    lines: Vec<&'a str>,
    /// `Type::` inside an impl or trait.
    owner: String,
    found: &'a mut Vec<Measured>,
}

impl Functions<'_> {
    fn function(&mut self, signature: &Signature, block: Option<&Block>, free_signature: bool) {
        let name = format!("{}{}", self.owner, signature.ident);
        let line = signature.fn_token.span().start().line;
        let mut push = |kind, size| {
            self.found.push(Measured { kind, path: self.path.to_owned(), name: name.clone(), line, size });
        };
        if free_signature {
            push(Kind::Parameters, signature.inputs.len());
        }
        if let Some(block) = block {
            let first = block.brace_token.span.open().start().line;
            let last = block.brace_token.span.close().start().line;
            let body = self.lines.get(first..last.saturating_sub(1)).unwrap_or_default();
            push(Kind::Function, code_lines(body));
        }
    }

    fn within(&mut self, owner: String, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        walk(self);
        self.owner = outer;
    }
}

/// Lines that are neither blank nor wholly comment.
fn code_lines(lines: &[&str]) -> usize {
    let is_code = |line: &&&str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("//")
    };
    lines.iter().filter(is_code).count()
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !syntax::is_test_only(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !syntax::is_test_only(&item.attrs) && !syntax::is_test(&item.attrs) {
            self.function(&item.sig, Some(&item.block), true);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let owner = match item.self_ty.as_ref() {
            syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        let owner = owner.map_or_else(String::new, |owner| format!("{owner}::"));
        let fixed = item.trait_.is_some();
        self.within(owner, |this| {
            for part in &item.items {
                if let syn::ImplItem::Fn(part) = part {
                    this.impl_function(part, !fixed);
                }
            }
        });
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.within(format!("{}::", item.ident), |this| visit::visit_item_trait(this, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        self.function(&item.sig, item.default.as_ref(), true);
        visit::visit_trait_item_fn(self, item);
    }
}

impl Functions<'_> {
    /// Whoever implements a trait did not choose its signature.
    fn impl_function(&mut self, item: &ImplItemFn, free_signature: bool) {
        if !syntax::is_test_only(&item.attrs) {
            self.function(&item.sig, Some(&item.block), free_signature);
            visit::visit_impl_item_fn(self, item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/x/src/a.rs";

    fn found(code: &str, exemptions: &str) -> Vec<(String, String)> {
        let findings = check(&Repository::planted(&[(PATH, code), (LIST, exemptions)]));
        findings.into_iter().map(|finding| (finding.path, finding.what)).collect()
    }

    fn whats(code: &str, exemptions: &str) -> Vec<String> {
        found(code, exemptions).into_iter().map(|(_, what)| what).collect()
    }

    fn function(lines: usize) -> String {
        format!("fn long() {{\n    // a comment\n\n{}}}\n", "    call();\n".repeat(lines))
    }

    fn exemption(kind: &str, name: &str, size: usize) -> String {
        format!(
            "[[exempt]]\nkind = \"{kind}\"\npath = \"{PATH}\"\nname = \"{name}\"\nsize = {size}\nreason = \"a table that is read as one piece\"\n"
        )
    }

    #[test]
    fn a_function_is_measured_without_comments_and_blank_lines() {
        assert_eq!(whats(&function(70), ""), [] as [String; 0]);
        assert_eq!(whats(&function(71), ""), ["`long` has 71 lines, the limit is 70"]);
    }

    #[test]
    fn a_method_is_named_with_its_type() {
        let code = function(71).replace("fn long", "impl<T> Big<T> { fn long").replace("}\n", "}}\n");
        assert_eq!(whats(&code, ""), ["`Big::long` has 71 lines, the limit is 70"]);
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// line\n".repeat(500));
        let within = format!("{}{tests}", "// line\n".repeat(600));
        assert_eq!(whats(&within, ""), [] as [String; 0]);
        let over = format!("{}{tests}", "// line\n".repeat(601));
        assert_eq!(whats(&over, ""), ["the file has 601 lines without tests, the limit is 600"]);
    }

    #[test]
    fn six_parameters_are_a_finding_unless_a_trait_dictates_them() {
        let six = "fn six(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) {}";
        assert_eq!(whats(six, ""), ["`six` has 6 parameters, the limit is 5"]);
        assert_eq!(whats(&format!("impl Foreign for Mine {{ {six} }}"), ""), [] as [String; 0]);
        assert_eq!(whats(&format!("trait Mine {{ {six} }}"), ""), ["`Mine::six` has 6 parameters, the limit is 5"]);
    }

    #[test]
    fn tests_may_be_as_long_as_they_like() {
        let code = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(300));
        assert_eq!(whats(&code, ""), [] as [String; 0]);
    }

    #[test]
    fn an_exemption_of_the_exact_size_passes() {
        assert_eq!(whats(&function(80), &exemption("function", "long", 80)), [] as [String; 0]);
    }

    #[test]
    fn an_exemption_never_grows() {
        let grown = whats(&function(81), &exemption("function", "long", 80));
        assert_eq!(grown, ["`long` has 81 lines, its exemption ends at 80"]);
    }

    #[test]
    fn an_exemption_shrinks_with_its_subject() {
        let shrunk = whats(&function(79), &exemption("function", "long", 80));
        assert_eq!(shrunk, ["`long` has 79 lines, its exemption still says 80"]);
    }

    #[test]
    fn a_needless_exemption_is_a_finding() {
        let small = whats(&function(10), &exemption("function", "long", 80));
        assert_eq!(small, ["`long` has 10 lines and needs no exemption"]);
        let gone = found(&function(10), &exemption("function", "gone", 80));
        let what = format!("nothing is called `{PATH} gone` any more");
        assert_eq!(gone, [(LIST.to_owned(), what)]);
    }

    #[test]
    fn an_exemption_without_a_reason_is_a_finding() {
        let list = exemption("function", "long", 80).replace("a table that is read as one piece", "");
        assert_eq!(whats(&function(80), &list), [format!("the entry for `{PATH} long` gives no reason")]);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_a_finding() {
        let findings = found("", "[[exempt]]\nkind = \"nonsense\"\n");
        assert_eq!(findings[0].0, LIST);
    }
}
