//! What every crate must say of itself: inherited facts, a description, and a crate doc.

use toml::Table;

use super::{Finding, Repository};

const RULE: &str = "manifest";

/// Facts that are the same for all crates, so they are written once.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// Shorter than this, a description or crate doc only repeats the name.
const SHORTEST: usize = 25;

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in repository.texts.keys() {
        if path.ends_with("/Cargo.toml") && !path.contains("/tests/") {
            findings.extend(check_manifest(repository, path));
        }
    }
    for (path, file) in &repository.rust {
        let is_root = path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
        if is_root && crate_doc(file).len() < SHORTEST {
            findings.push(finding(
                path,
                1,
                "the crate has no doc, or one that only repeats its name".to_owned(),
                "the crate doc is the map: it says what belongs here and what does not",
                "begin the file with `//!` lines that say so".to_owned(),
            ));
        }
    }
    findings
}

fn finding(path: &str, line: usize, what: String, why: &'static str, fix: String) -> Finding {
    Finding { path: path.to_owned(), line, rule: RULE, what, why, fix }
}

fn check_manifest(repository: &Repository, path: &str) -> Vec<Finding> {
    let text = repository.text(path);
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let what = format!("cannot be read: {error}");
            return vec![finding(path, 1, what, "cargo reads it too", "make it valid TOML".to_owned())];
        }
    };
    if table.contains_key("workspace") && !table.contains_key("package") {
        return Vec::new(); // it is what others inherit from
    }
    let mut findings = Vec::new();
    let package = table.get("package").and_then(|package| package.as_table());
    for key in INHERITED {
        if !package.and_then(|package| package.get(*key)).is_some_and(is_inherited) {
            findings.push(finding(
                path,
                repository.line_of(path, key),
                format!("`{key}` is not inherited from the workspace"),
                "facts that are the same for all crates drift apart when each writes its own",
                format!("write `{key}.workspace = true`"),
            ));
        }
    }
    if !table.get("lints").is_some_and(is_inherited) {
        findings.push(finding(
            path,
            repository.line_of(path, "[lints]"),
            "the workspace lints are not on".to_owned(),
            "they hold the rules on panics, documentation and size",
            "add `[lints]` with `workspace = true`".to_owned(),
        ));
    }
    let description = package
        .and_then(|package| package.get("description"))
        .and_then(|description| description.as_str())
        .unwrap_or_default();
    if description.trim().len() < SHORTEST {
        findings.push(finding(
            path,
            repository.line_of(path, "description"),
            format!("the description \"{description}\" says nothing"),
            "it is the first thing anybody reads of a crate",
            "say in one line what the crate does".to_owned(),
        ));
    }
    findings
}

fn is_inherited(value: &toml::Value) -> bool {
    value.get("workspace").and_then(toml::Value::as_bool) == Some(true)
}

/// The `//!` lines at the top of a file.
fn crate_doc(file: &syn::File) -> String {
    let doc = |attribute: &syn::Attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            // `#![doc = include_str!(…)]` brings a page of its own.
            _ => Some("x".repeat(SHORTEST)),
        },
        _ => None,
    };
    file.attrs.iter().filter_map(doc).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/x/Cargo.toml";
    const GOOD: &str = "[package]\nname = \"x\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
        description = \"Measures how long things take\"\n\n[lints]\nworkspace = true\n";

    fn found(manifest: &str) -> Vec<(usize, String)> {
        let findings = check(&Repository::planted(&[(PATH, manifest)]));
        findings.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn a_whole_manifest_passes() {
        assert_eq!(found(GOOD), []);
    }

    #[test]
    fn a_workspace_without_a_package_has_nothing_to_inherit() {
        assert_eq!(found("[workspace]\nmembers = [\"log\"]\n"), []);
        assert_eq!(found(&format!("[workspace]\n\n{}", GOOD.replace("license.workspace = true\n", ""))).len(), 1);
    }

    #[test]
    fn facts_of_its_own_are_findings() {
        let own = GOOD.replace("license.workspace = true", "license = \"GPL-3.0\"");
        assert_eq!(found(&own), [(6, "`license` is not inherited from the workspace".to_owned())]);
        let silent = GOOD.replace("publish.workspace = true\n", "");
        assert_eq!(found(&silent), [(1, "`publish` is not inherited from the workspace".to_owned())]);
    }

    #[test]
    fn missing_lints_are_a_finding() {
        let off = GOOD.replace("[lints]\nworkspace = true", "");
        assert_eq!(found(&off), [(1, "the workspace lints are not on".to_owned())]);
    }

    #[test]
    fn an_empty_description_is_a_finding() {
        let empty = GOOD.replace("Measures how long things take", "Nexus");
        assert_eq!(found(&empty), [(8, "the description \"Nexus\" says nothing".to_owned())]);
    }

    #[test]
    fn a_crate_without_a_doc_is_a_finding() {
        let lib = |text| check(&Repository::planted(&[("crates/x/src/lib.rs", text)])).len();
        assert_eq!(lib("//! x\n"), 1);
        assert_eq!(lib("// what belongs here: clocks, not calendars\n"), 1);
        assert_eq!(lib("//! What belongs here: clocks.\n//! What does not: calendars.\n"), 0);
    }
}
