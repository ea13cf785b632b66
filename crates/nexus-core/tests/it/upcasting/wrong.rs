//! Wrong ways to bring a payload to its version, each caught by the case that is there for it.

use std::collections::BTreeMap;

use nexus_core::upcast::{DeclaredUpcaster, Steps, Upcaster};
use serde_json::{Value, json};

use super::support::{read, up_to, upcaster, wants_marks};

/// Brings a payload from one version to another by upcasters whose results are checked for the marks of versions.
type Bring = fn(&[DeclaredUpcaster], u32, u32, Value) -> Result<Value, String>;
type Case = (&'static str, fn(Bring) -> bool);

fn marks(from: u32) -> DeclaredUpcaster {
    upcaster(from, Steps::new().set(format!("v{}", from + 1), true))
}

/// What every way must hold, each with its name.
const CASES: [Case; 4] = [
    ("versions are numbers", |bring| {
        let declared: Vec<_> = (1..12).map(marks).collect();
        let all: serde_json::Map<_, _> = (9..=12).map(|version| (format!("v{version}"), json!(true))).collect();
        bring(&declared, 8, 12, json!({})) == Ok(Value::Object(all))
    }),
    ("every link is gone through", |bring| {
        let doubled = upcaster(2, |mut payload: Value| {
            payload["total"] = json!(payload["total"].as_u64().unwrap_or_default() * 100);
            payload
        });
        let declared = [marks(1), doubled, marks(3)];
        bring(&declared, 1, 4, json!({ "total": 5 })).map(|payload| payload["total"].clone()) == Ok(json!(500))
    }),
    ("a missing link is an error", |bring| bring(&[marks(1), marks(3)], 1, 4, json!({})).is_err()),
    ("results are checked", |bring| bring(&[upcaster(1, Steps::new())], 1, 2, json!({})).is_err()),
];

fn real(declared: &[DeclaredUpcaster], from: u32, to: u32, payload: Value) -> Result<Value, String> {
    read(&up_to(to, declared.to_vec(), wants_marks()), from, &payload).map_err(|error| error.to_string())
}

/// Planted: finds the next upcaster among versions ordered as text, where 10 comes before 9.
fn as_text(declared: &[DeclaredUpcaster], from: u32, to: u32, mut payload: Value) -> Result<Value, String> {
    let ordered: BTreeMap<String, &DeclaredUpcaster> =
        declared.iter().map(|upcaster| (upcaster.from.to_string(), upcaster)).collect();
    if (from..to).any(|version| !ordered.contains_key(&version.to_string())) {
        return Err("a link is missing".to_owned());
    }
    for (_, next) in ordered.range(from.to_string()..to.to_string().max(from.to_string())) {
        payload = run(&next.upcaster, payload)?;
    }
    checked(to, payload)
}

/// Planted: goes on from the next version that has an upcaster when the one between has none.
fn skips_gaps(declared: &[DeclaredUpcaster], from: u32, to: u32, mut payload: Value) -> Result<Value, String> {
    for next in declared.iter().filter(|upcaster| upcaster.from >= from && upcaster.to <= to) {
        payload = run(&next.upcaster, payload)?;
    }
    checked(to, payload)
}

/// Planted: leaves a link out of a longer chain.
fn skips_a_link(declared: &[DeclaredUpcaster], from: u32, to: u32, mut payload: Value) -> Result<Value, String> {
    for version in from..to {
        let next = declared.iter().find(|upcaster| upcaster.from == version).ok_or("a link is missing")?;
        if to - from != 3 || version != from + 1 {
            payload = run(&next.upcaster, payload)?;
        }
    }
    checked(to, payload)
}

/// Planted: believes what the upcasters made.
fn unchecked(declared: &[DeclaredUpcaster], from: u32, to: u32, mut payload: Value) -> Result<Value, String> {
    for version in from..to {
        let next = declared.iter().find(|upcaster| upcaster.from == version).ok_or("a link is missing")?;
        payload = run(&next.upcaster, payload)?;
    }
    Ok(payload)
}

fn run(upcaster: &Upcaster, payload: Value) -> Result<Value, String> {
    upcaster.run(payload).map_err(|failure| failure.to_string())
}

fn checked(version: u32, payload: Value) -> Result<Value, String> {
    match payload.get(format!("v{version}")) {
        Some(_) => Ok(payload),
        None => Err("the schema refuses it".to_owned()),
    }
}

fn broken_by(bring: Bring) -> Vec<&'static str> {
    CASES.iter().filter(|(_, holds)| !holds(bring)).map(|(name, _)| *name).collect()
}

#[test]
fn the_real_upcasters_hold_every_case() {
    assert_eq!(broken_by(real), Vec::<&str>::new());
}

#[test]
fn versions_compared_as_text_are_caught() {
    assert_eq!(broken_by(as_text), ["versions are numbers"]);
}

#[test]
fn a_skipped_link_is_caught() {
    assert_eq!(broken_by(skips_a_link), ["every link is gone through"]);
    assert_eq!(broken_by(skips_gaps), ["a missing link is an error"]);
}

#[test]
fn a_result_that_nobody_checked_is_caught() {
    assert_eq!(broken_by(unchecked), ["results are checked"]);
}
