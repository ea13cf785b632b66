use std::{collections::BTreeSet, fs, path::Path};

use nexus_check::RULES;

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn pages() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules")
}

#[test]
fn rules_are_seventeen_sorted_within_their_kind_and_unique() {
    let ids: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), 17);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 17);
}

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let listed: BTreeSet<_> = fs::read_dir(pages())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(listed, RULES.iter().map(|rule| format!("{}.md", rule.id)).collect());
}

#[test]
fn a_page_says_what_the_catalogue_says() {
    for rule in RULES {
        let page = words(rule.page);
        let head = format!("# {}: {} `{}` · {} ", rule.id, rule.title, rule.level, rule.tags.join(", "));
        assert!(page.starts_with(&head), "{head}");
        assert!(page.contains(&format!("**Why.** {}", rule.why)), "{}: {}", rule.id, rule.why);
        assert!(page.contains(&format!("**The fix.** {}", rule.mend)), "{}: {}", rule.id, rule.mend);
        for part in ["**What it finds.**", "**An example that breaks it.**", "**To except one.**"] {
            assert!(page.contains(part), "{}: {part}", rule.id);
        }
    }
}

#[test]
fn the_index_lists_every_rule_with_its_level_and_title() {
    let index = fs::read_to_string(pages().join("README.md")).unwrap();
    for rule in RULES {
        let row = format!("| [{id}]({id}.md) | {} | {} |", rule.level, rule.title, id = rule.id);
        assert!(index.lines().any(|line| line == row), "{row}");
    }
}

#[test]
fn the_exception_on_a_page_is_one() {
    for rule in RULES.iter().filter(|rule| rule.id != "NX-EXC-001") {
        let (_, example) = rule.page.split_once("**To except one.**").unwrap();
        let (_, toml) = example.split_once("```toml\n").unwrap();
        let (toml, _) = toml.split_once("```").unwrap();
        let read = nexus_check::Exceptions::parse("page", toml).unwrap();
        assert_eq!(read.findings, [], "{}", rule.id);
        let rules: Vec<_> = read.entries.iter().map(|entry| entry.rule).collect();
        assert_eq!(rules, [rule.id]);
    }
}

#[test]
fn tags_and_severities_are_what_code_scanning_takes() {
    for rule in RULES {
        assert!(rule.tags.len() <= 10, "{}", rule.id);
        let severity = rule.security_severity.map(|severity| severity.parse::<f64>().unwrap());
        assert!(severity.is_none_or(|severity| severity > 0.0 && severity <= 10.0), "{}", rule.id);
        assert_eq!(severity.is_some(), rule.tags.contains(&"security"), "{}", rule.id);
    }
}
