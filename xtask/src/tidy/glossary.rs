//! One word per concept: the names of public items use the words of docs/glossary.md and none of those it rules out.

use syn::{
    Ident, ImplItem, Item, TraitItem, Visibility,
    visit::{self, Visit},
};

use super::{
    Finding, Repository,
    markdown::{self, Row, Table},
    syntax,
};

const RULE: &str = "glossary";
const GLOSSARY: &str = "docs/glossary.md";

/// Words that a name must not contain, with the term to use instead.
struct Ban {
    words: Vec<String>,
    term: String,
}

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let Some(table) = markdown::table(repository.text(GLOSSARY), "term") else {
        let what = "has no table with the columns term, Rust name, meaning, do not say".to_owned();
        return vec![in_glossary(1, what, "add the table".to_owned())];
    };
    let mut findings = check_rows(repository, &table);
    let bans = bans(&table);
    for (path, file) in &repository.rust {
        if is_product(path) && !syntax::is_test_file(path) {
            let mut names = Names::default();
            names.visit_file(file);
            let broken = names.found.iter().flat_map(|name| judge(path, name, &bans));
            findings.extend(broken);
        }
    }
    findings
}

fn is_product(path: &str) -> bool {
    path.starts_with("crates/") && path.contains("/src/")
}

fn in_glossary(line: usize, what: String, fix: String) -> Finding {
    Finding {
        path: GLOSSARY.to_owned(),
        line,
        rule: RULE,
        what,
        why: "the glossary is where people learn the words; it must speak of the code that is there",
        fix,
    }
}

/// The table is whole, says each term once, and names only what the code has.
fn check_rows(repository: &Repository, table: &Table) -> Vec<Finding> {
    let sources: Vec<_> =
        repository.texts.iter().filter(|(path, _)| is_product(path)).map(|(_, text)| text.as_str()).collect();
    let mut findings = Vec::new();
    let mut terms = Vec::new();
    for row in &table.rows {
        let [term, name, meaning, _] = row.cells.as_slice() else {
            let what = "a row does not have four cells".to_owned();
            findings.push(in_glossary(row.line, what, "fill in the row".to_owned()));
            continue;
        };
        if meaning.text.trim().is_empty() {
            let what = format!("`{}` has no meaning", term.text);
            findings.push(in_glossary(row.line, what, "say in one sentence what it is".to_owned()));
        }
        if terms.contains(&term.text.trim()) {
            let what = format!("`{}` is explained twice", term.text);
            findings.push(in_glossary(row.line, what, "keep one row".to_owned()));
        }
        terms.push(term.text.trim());
        for name in name.code.iter().filter(|name| is_identifier(name)) {
            if !sources.iter().any(|text| has_word(text, name)) {
                let what = format!("the code has no `{name}`");
                findings.push(in_glossary(row.line, what, "name what the code has, or –".to_owned()));
            }
        }
    }
    findings
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn has_word(text: &str, word: &str) -> bool {
    let part_of_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(index, _)| {
        let before = text.get(..index).and_then(|before| before.chars().next_back());
        let after = text.get(index + word.len()..).and_then(|after| after.chars().next());
        !part_of_name(before) && !part_of_name(after)
    })
}

fn bans(table: &Table) -> Vec<Ban> {
    let bans_of = |row: &Row| {
        let term = row.cells.first().map_or_else(String::new, |cell| cell.text.clone());
        let forbidden = row.cells.last().map_or("", |cell| cell.text.as_str());
        let ban = |phrase: &str| Ban {
            words: phrase.split_whitespace().map(str::to_lowercase).collect(),
            term: term.clone(),
        };
        forbidden.split(',').map(ban).filter(|ban| ban.words.iter().any(|word| word != "–")).collect::<Vec<_>>()
    };
    table.rows.iter().flat_map(bans_of).collect()
}

fn judge(path: &str, name: &Ident, bans: &[Ban]) -> Vec<Finding> {
    let said = words(&name.to_string());
    let breaks = |ban: &&Ban| {
        said.windows(ban.words.len())
            .any(|window| window.iter().zip(&ban.words).all(|(said, banned)| is_word(said, banned)))
    };
    let finding = |ban: &Ban| Finding {
        path: path.to_owned(),
        line: name.span().start().line,
        rule: RULE,
        what: format!("the name `{name}` says \"{}\"", ban.words.join(" ")),
        why: "two words for one thing make a reader look for a difference that is not there",
        fix: format!("say \"{}\", as docs/glossary.md does", ban.term.trim()),
    };
    bans.iter().filter(breaks).map(finding).collect()
}

/// The word itself or its plural.
fn is_word(said: &str, banned: &str) -> bool {
    said == banned || said.strip_suffix('s') == Some(banned)
}

/// `EventStore2Log` and `event_store2_log` are event, store2, log.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && !before.is_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c != '_') {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Collects the names of public items and methods.
#[derive(Default)]
struct Names {
    found: Vec<Ident>,
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The visibility and name of an item that has both.
fn named(item: &Item) -> Option<(&Visibility, &Ident)> {
    match item {
        Item::Const(item) => Some((&item.vis, &item.ident)),
        Item::Enum(item) => Some((&item.vis, &item.ident)),
        Item::Fn(item) => Some((&item.vis, &item.sig.ident)),
        Item::Mod(item) => Some((&item.vis, &item.ident)),
        Item::Static(item) => Some((&item.vis, &item.ident)),
        Item::Struct(item) => Some((&item.vis, &item.ident)),
        Item::Trait(item) => Some((&item.vis, &item.ident)),
        Item::Type(item) => Some((&item.vis, &item.ident)),
        _ => None,
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if syntax::is_test_only(syntax::item_attributes(item)) {
            return;
        }
        let public = named(item).filter(|(visibility, _)| is_public(visibility));
        self.found.extend(public.map(|(_, name)| name.clone()));
        match item {
            Item::Impl(item) if item.trait_.is_none() => {
                let methods = item.items.iter().filter_map(|part| match part {
                    ImplItem::Fn(part) if is_public(&part.vis) => Some(part.sig.ident.clone()),
                    ImplItem::Const(part) if is_public(&part.vis) => Some(part.ident.clone()),
                    _ => None,
                });
                self.found.extend(methods);
            }
            Item::Trait(item) if is_public(&item.vis) => {
                let methods = item.items.iter().filter_map(|part| match part {
                    TraitItem::Fn(part) => Some(part.sig.ident.clone()),
                    TraitItem::Const(part) => Some(part.ident.clone()),
                    _ => None,
                });
                self.found.extend(methods);
            }
            _ => visit::visit_item(self, item),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| term | Rust name | meaning | do not say |\n| --- | --- | --- | --- |\n\
        | event | `RecordedEvent` | a fact | domain message, fact record |\n\
        | saga | – | steps | process manager |\n";

    fn found(code: &str) -> Vec<String> {
        let code = format!("pub struct RecordedEvent;\n{code}");
        let files = [(GLOSSARY, TABLE), ("crates/x/src/a.rs", code.as_str())];
        let findings = check(&Repository::planted(&files));
        findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn names_fall_into_words() {
        assert_eq!(words("HTTPServer_name"), ["httpserver", "name"]);
        assert_eq!(words("EventStoreId"), ["event", "store", "id"]);
    }

    #[test]
    fn public_names_of_every_kind_are_looked_at() {
        for code in [
            "pub struct DomainMessage;",
            "pub fn send_domain_messages() {}",
            "pub mod domain_message;",
            "pub const DOMAIN_MESSAGE: u8 = 1;",
            "pub trait Sender { fn domain_message(); }",
            "impl Sender { pub fn domain_message() {} }",
            "mod inner { pub enum DomainMessage {} }",
        ] {
            let found = found(code);
            assert_eq!(found.len(), 1, "{code}: {found:?}");
            assert!(found[0].ends_with("says \"domain message\""), "{}", found[0]);
        }
    }

    #[test]
    fn a_word_alone_or_out_of_order_is_no_violation() {
        assert_eq!(found("pub struct Message; pub struct MessageDomain; pub fn process() {}"), [] as [String; 0]);
    }

    #[test]
    fn private_names_and_tests_are_free() {
        let code = "struct DomainMessage; #[cfg(test)] mod tests { pub struct DomainMessage; }";
        assert_eq!(found(code), [] as [String; 0]);
    }

    #[test]
    fn a_rust_name_that_the_code_lacks_is_a_finding() {
        let files = [(GLOSSARY, TABLE), ("crates/x/src/a.rs", "pub struct RecordedEvents;")];
        let findings = check(&Repository::planted(&files));
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].line, findings[0].what.as_str()), (3, "the code has no `RecordedEvent`"));
    }

    #[test]
    fn a_term_twice_or_without_meaning_is_a_finding() {
        let table = format!("{TABLE}| saga | – |  | – |\n");
        let files = [(GLOSSARY, table.as_str()), ("crates/x/src/a.rs", "pub struct RecordedEvent;")];
        let findings = check(&Repository::planted(&files));
        let whats: Vec<_> = findings.into_iter().map(|finding| finding.what).collect();
        assert_eq!(whats, ["`saga` has no meaning", "`saga` is explained twice"]);
    }
}
