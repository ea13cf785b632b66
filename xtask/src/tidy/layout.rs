//! `lib.rs` and `mod.rs` are maps: docs, `mod` and `use`, nothing else.

use syn::{Item, spanned::Spanned as _};

use super::{Finding, Repository, syntax};

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    repository
        .rust
        .iter()
        .filter(|(path, _)| is_map(path))
        .flat_map(|(path, file)| {
            let stray = file.items.iter().filter(|item| !belongs(item));
            stray.map(|item| finding(path, item))
        })
        .collect()
}

/// Examples are left alone: a domain that fits one file is a good example.
fn is_map(path: &str) -> bool {
    (path.starts_with("crates/") || path.starts_with("xtask/"))
        && path.contains("/src/")
        && (path.ends_with("/lib.rs") || path.ends_with("/mod.rs"))
}

fn belongs(item: &Item) -> bool {
    match item {
        Item::Use(_) => true,
        Item::Mod(module) => module.content.as_ref().is_none_or(|(_, items)| items.iter().all(belongs)),
        // The entry points of a macro crate must stand in its root.
        Item::Fn(function) => function
            .attrs
            .iter()
            .flat_map(|attribute| attribute.path().get_ident())
            .any(|name| name.to_string().starts_with("proc_macro")),
        _ => false,
    }
}

fn finding(path: &str, item: &Item) -> Finding {
    // The item's own line, not that of its docs.
    let line = syntax::item_attributes(item).last().map_or(item.span().start().line, |last| last.span().end().line + 1);
    Finding {
        path: path.to_owned(),
        line,
        rule: "layout",
        what: "holds code; it may hold docs, `mod` and `use` only".to_owned(),
        why: "a newcomer reads lib.rs and mod.rs as the map of what is where, in reading order",
        fix: "move the code into a module named after what it does".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let findings = check(&Repository::planted(&[(path, text)]));
        findings.into_iter().map(|finding| finding.line).collect()
    }

    const LIB: &str = "crates/x/src/lib.rs";

    #[test]
    fn docs_modules_and_uses_pass() {
        let text = "//! Doc.\nmod a;\npub mod b { pub use crate::a::C; }\npub use a::D;\n";
        assert_eq!(lines(LIB, text), [] as [usize; 0]);
    }

    #[test]
    fn code_is_a_finding_on_its_own_line() {
        assert_eq!(lines(LIB, "//! Doc.\n\n/// One.\n#[must_use]\npub fn one() -> u8 { 1 }\n"), [5]);
        assert_eq!(lines("crates/x/src/a/mod.rs", "struct A;\nimpl A {}\n"), [1, 2]);
        assert_eq!(lines(LIB, "mod a { pub const B: u8 = 1; }\n"), [1]);
    }

    #[test]
    fn macro_entry_points_pass() {
        let text = "#[proc_macro_attribute]\npub fn event(a: T, b: T) -> T { expand::event(a, b) }\n";
        assert_eq!(lines(LIB, text), [] as [usize; 0]);
    }

    #[test]
    fn other_files_and_examples_hold_code() {
        assert_eq!(lines("crates/x/src/a.rs", "struct A;\n"), [] as [usize; 0]);
        assert_eq!(lines("examples/x/src/lib.rs", "struct A;\n"), [] as [usize; 0]);
    }
}
