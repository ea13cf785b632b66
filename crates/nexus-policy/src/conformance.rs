//! The public conformance cases of the Open Policy Agent, through the options and limits with which bundles are loaded.
//!
//! The score is kept in `docs/conformance.md`, which the test compares with what it found; what does not go as the cases
//! say is listed in `data/rego/exceptions.toml` by reason, and the list must say exactly what happens.
//! `NEXUS_WRITE_CONFORMANCE=1` writes the page instead of comparing it.

#![allow(clippy::print_stderr, reason = "a test says what data it used, and the score")]

mod exceptions;
mod page;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Duration,
};

use nexus_core::ports::PolicyModule;
use regorus::Value;
use serde::Deserialize;

use self::exceptions::Exceptions;
use crate::bundle;

/// Longest time a case may take; generous, because the build under test is not optimised.
const LIMIT: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Case {
    note: String,
    query: String,
    #[serde(default)]
    modules: Vec<String>,
    data: Option<Value>,
    input: Option<Value>,
    input_term: Option<String>,
    want_result: Option<Value>,
    want_error: Option<String>,
    want_error_code: Option<String>,
    #[serde(default)]
    strict_error: bool,
    #[serde(default)]
    sort_bindings: bool,
    folder: String,
}

/// What came of one folder.
#[derive(Default)]
struct Score {
    cases: usize,
    passed: usize,
}

/// The cases that `NEXUS_CONFORMANCE_DIR` names, otherwise a sample of them; and whether they are all.
fn cases() -> (Vec<Case>, bool) {
    let named = std::env::var_os("NEXUS_CONFORMANCE_DIR").map(|dir| Path::new(&dir).join("rego/cases.jsonl"));
    let whole = named.is_some();
    let file = named.unwrap_or_else(|| {
        eprintln!("NEXUS_CONFORMANCE_DIR is not set: a small sample is used instead of all cases");
        home().join("sample.jsonl")
    });
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), whole)
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/rego")
}

/// The bindings a case comes to, or why it comes to nothing.
fn evaluate(case: &Case) -> Result<Value, String> {
    let modules: Vec<PolicyModule> = case.modules.iter().enumerate().map(numbered).collect();
    let mut engine = bundle::prepare(&modules, LIMIT, case.strict_error).map_err(|error| error.to_string())?;
    let told = |error: &dyn std::fmt::Display| error.to_string();
    if let Some(data) = &case.data {
        engine.add_data(data.clone()).map_err(|error| told(&error))?;
    }
    if let Some(input) = &case.input {
        engine.set_input(input.clone());
    }
    if let Some(term) = &case.input_term {
        let input = regorus::Engine::new().eval_query(term.clone(), false).map_err(|error| told(&error))?;
        engine.set_input(input.result[0].expressions[0].value.clone());
    }
    let results = engine.eval_query(case.query.clone(), false).map_err(|error| told(&error))?;
    let holds = |result: &regorus::QueryResult| {
        result.expressions.iter().all(|one| !matches!(one.value, Value::Bool(false) | Value::Undefined))
    };
    let bindings = results.result.into_iter().filter(holds).map(|result| result.bindings);
    Ok(Value::from(bindings.collect::<Vec<_>>()))
}

fn numbered((number, source): (usize, &String)) -> PolicyModule {
    PolicyModule { name: format!("{number}.rego"), source: source.clone() }
}

/// What went otherwise than the case says; `None` when nothing did.
fn difference(case: &Case) -> Option<String> {
    let found = catch_unwind(AssertUnwindSafe(|| evaluate(case))).unwrap_or_else(|_| Err("panicked".to_owned()));
    let error_wanted = case.want_error.is_some() || case.want_error_code.is_some();
    match (found, &case.want_result) {
        (Err(_), None) if error_wanted => None,
        (Err(_), Some(_)) if error_wanted && case.strict_error => None,
        (Err(error), _) => Some(error),
        (Ok(found), Some(wanted)) => {
            let (found, wanted) = (plain(&found, case.sort_bindings), plain(wanted, case.sort_bindings));
            (found != wanted).then(|| format!("{found} instead of {wanted}"))
        }
        (Ok(found), None) if error_wanted => Some(format!("{found} instead of an error")),
        (Ok(found), None) => (found != Value::new_array()).then(|| format!("{found} instead of nothing")),
    }
}

/// A value as JSON has it, so that a set is the array of its members.
fn plain(value: &Value, sorted: bool) -> Value {
    let mut plain: serde_json::Value = serde_json::from_str(&value.to_json_str().unwrap()).unwrap();
    if let Some(rows) = plain.as_array_mut() {
        let members = rows.iter_mut().filter_map(|row| row.as_object_mut()).flat_map(|row| row.values_mut());
        for items in members.filter_map(|member| member.as_array_mut()).filter(|_| sorted) {
            items.sort_by_key(ToString::to_string);
        }
        // The answers to a query have no order.
        rows.sort_by_key(ToString::to_string);
    }
    Value::from_json_str(&plain.to_string()).unwrap()
}

#[test]
fn every_public_case_goes_as_it_should_or_is_a_known_exception() {
    let (cases, whole) = cases();
    let known = Exceptions::read(&home().join("exceptions.toml"));
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    let (mut surprises, mut met, mut seen) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    for case in &cases {
        // Some cases share a note.
        let times: &mut usize = seen.entry(case.note.clone()).or_default();
        *times += 1;
        let name = if *times > 1 { format!("{} #{times}", case.note) } else { case.note.clone() };
        let score = scores.entry(case.folder.clone()).or_default();
        score.cases += 1;
        match (difference(case), known.reason(&name)) {
            (None, None) => score.passed += 1,
            (None, Some(_)) => surprises.push(format!("{name}: goes as it should; take it out of the exceptions")),
            (Some(_), Some(_)) => drop(met.insert(name)),
            (Some(what), None) => surprises.push(format!("{name}: {what}")),
        }
    }
    assert!(surprises.is_empty(), "{} surprise(s):\n{}", surprises.len(), surprises.join("\n"));
    assert!(cases.len() > 20, "only {} cases", cases.len());
    if whole {
        let never: Vec<_> = known.all().filter(|name| !met.contains(*name)).collect();
        assert!(never.is_empty(), "exceptions for cases that are not there: {never:?}");
        page::compare(&scores, &known);
    }
}
