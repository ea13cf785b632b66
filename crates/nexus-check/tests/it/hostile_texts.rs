//! Names and messages that want to be more than text.

use nexus_check::{Evidence, Finding, GateReport, Level, Rendering, Sources, render, step_summary};
use proptest::prelude::*;
use quick_junit::Report;
use serde_json::Value;

use crate::samples::{finding, place};
use crate::sarif;

/// A terminal command, a second annotation, an escape that is decoded, an end of CDATA, a table cell, a link.
const HOSTILE: [&str; 8] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\n::error file=other.rs,line=1::forged",
    "%0A::error::forged",
    "a,line=9::b:c",
    "]]></failure><testcase name=\"x\"/>",
    "\" onload=\"x\r\n| a | b |",
    "[click](https://example.org) <img src=x> @everyone",
    "\u{202e}gnp.exe\u{9b}31m\u{0}",
];

fn report(text: &str) -> GateReport {
    let evidence = vec![Evidence { text: text.to_owned(), place: Some(place(text, 1, 1..2)) }];
    let hostile = Finding {
        evidence,
        remediation: text.to_owned(),
        owner: Some(text.to_owned()),
        ..finding("NX-ARCH-001", Level::Error, place(text, 3, 2..4), text, text)
    };
    let subjects = vec![nexus_check::Subject { rule: "NX-ARCH-001", name: text.to_owned(), findings: 0 }];
    GateReport { findings: vec![hostile], subjects, ..GateReport::default() }
}

fn told(text: &str, rendering: Rendering) -> String {
    render(&report(text), rendering, &Sources::below("."), false).unwrap()
}

/// What must hold of every text in every rendering.
fn stays_text(text: &str) {
    for rendering in Rendering::ALL {
        let told = told(text, rendering);
        let acting = told.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(acting, None, "{rendering}: {told}");
    }
    let annotations = told(text, Rendering::Github);
    let commands: Vec<_> = annotations.lines().filter(|line| line.contains("::")).collect();
    assert_eq!(commands.len(), 1, "{annotations}");
    let (properties, _) = commands[0].strip_prefix("::error ").unwrap().split_once("::").unwrap();
    let names: Vec<_> = properties.split(',').map(|property| property.split('=').next().unwrap()).collect();
    assert_eq!(names, ["file", "line", "endLine", "col", "endColumn", "title"], "{annotations}");
    let junit = Report::deserialize_from_str(&told(text, Rendering::Junit)).unwrap();
    assert_eq!((junit.test_suites.len(), junit.test_suites[0].tests), (1, 2));
    let json: Value = serde_json::from_str(&told(text, Rendering::Json)).unwrap();
    assert_eq!(json["findings"][0]["message"], text, "programs are told what is there");
    let summary = step_summary(&report(text));
    let cells: Vec<_> =
        summary.lines().filter(|line| line.starts_with('|')).map(|row| row.matches('|').count()).collect();
    assert_eq!(cells, [6, 6, 6], "{summary}");
}

#[test]
fn hostile_texts_stay_text() {
    for text in HOSTILE {
        stays_text(text);
        sarif::log(&report(text));
    }
}

#[test]
fn what_the_runner_decodes_is_the_message_again() {
    let annotations = told("100%25 of\nit", Rendering::Github);
    let (_, message) = annotations.lines().next().unwrap().rsplit_once("::").unwrap();
    let decoded = message.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
    assert!(decoded.starts_with("100%25 of␊it\n"), "{decoded}");
}

#[test]
fn a_link_in_a_message_is_not_followed() {
    let log = sarif::log(&report("[click](https://example.org)"));
    let message = log["runs"][0]["results"][0]["message"]["text"].as_str().unwrap();
    assert!(!message.contains("]("), "{message}");
    let summary = step_summary(&report("[click](https://example.org) <b>"));
    let row = summary.lines().last().unwrap();
    assert_eq!(row.matches("](").count(), 1, "only the link to the rule: {row}");
    assert!(!row.contains("<b>"));
}

#[test]
fn a_name_of_a_file_is_a_uri_in_sarif() {
    let log = sarif::log(&report("a b/ü%41#?:c.rs"));
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/%C3%BC%2541%23%3F%3Ac.rs");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_text(text in any::<String>()) {
        stays_text(&text);
    }
}
