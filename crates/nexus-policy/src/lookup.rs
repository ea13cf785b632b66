//! Values of a bundle by path, as OPA's data API has them.

use std::{collections::BTreeSet, time::Instant};

use nexus_core::{Json, ports::PolicyProblem};
use regorus::{Engine, Value};
use serde_json::{Map, Value as Document};

use crate::{RegoPolicyEngine, calls, document};

/// The value at a path of names with slashes between; the empty path is all of `data`.
///
/// What lies below a package is asked rule by rule: asked for a whole package, the engine can hold a default for the
/// value of a rule that another module defines.
pub(crate) fn value_at(engine: &mut Engine, path: &str, input: Option<&Json>) -> Result<Option<Json>, PolicyProblem> {
    let input = input.map_or_else(|| Ok(Value::new_object()), document::value);
    engine.set_input(input.map_err(|error| PolicyProblem::new(format!("the input is not JSON: {error}")))?);
    let path: Vec<String> = path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if let Some(name) = path.iter().find(|name| !is_plain(name)) {
        return Err(PolicyProblem::new(format!("`{name}` is not a name in a path of data")));
    }
    let (packages, rules) = names(engine);
    if rules.contains(&path) || !packages.iter().any(|package| package.starts_with(&path)) {
        return value(engine, &path)?.map(|value| Json::from_serialize(&value).map_err(not_json)).transpose();
    }
    let begun = Instant::now();
    let mut found = Document::Object(Map::new());
    for package in packages.iter().filter_map(|package| package.strip_prefix(path.as_slice())) {
        place(&mut found, package, Document::Object(Map::new()));
    }
    for rule in rules.iter().filter(|rule| rule.starts_with(&path)) {
        if let (Some(below), Some(value)) = (rule.strip_prefix(path.as_slice()), value(engine, rule)?) {
            place(&mut found, below, serde_json::to_value(&value).map_err(not_json)?);
        }
        if begun.elapsed() > RegoPolicyEngine::TIME_LIMIT {
            return Err(PolicyProblem::new(format!("the policy took longer than {:?}", RegoPolicyEngine::TIME_LIMIT)));
        }
    }
    Ok(Some(Json::from_value(&found)))
}

/// The paths of the packages, and those of their rules. A rule that is inside the value of another is not among them.
fn names(engine: &mut Engine) -> (BTreeSet<Vec<String>>, BTreeSet<Vec<String>>) {
    let (mut packages, mut rules) = (BTreeSet::new(), BTreeSet::new());
    for module in engine.get_modules() {
        let package = calls::package_steps(module);
        rules.extend(module.policy.iter().filter_map(|rule| {
            let steps = calls::value_steps(rule)?;
            Some(package.iter().cloned().chain(steps).collect::<Vec<_>>())
        }));
        packages.insert(package);
    }
    let outer = rules.clone();
    rules.retain(|rule| !(1..rule.len()).any(|end| rule.get(..end).is_some_and(|start| outer.contains(start))));
    (packages, rules)
}

/// Puts a value where a path leads, unless something is there.
fn place(whole: &mut Document, path: &[String], value: Document) {
    let mut at = whole;
    for name in path {
        let Document::Object(members) = at else { return };
        at = members.entry(name.clone()).or_insert_with(|| Document::Object(Map::new()));
    }
    if matches!(at, Document::Object(members) if members.is_empty()) {
        *at = value;
    }
}

fn value(engine: &mut Engine, path: &[String]) -> Result<Option<Value>, PolicyProblem> {
    let steps: String = path.iter().map(|name| format!("[{}]", Document::from(name.as_str()))).collect();
    let results = engine.eval_query(format!("data{steps}"), false).map_err(|error| {
        let text = error.to_string();
        let (_, reason) = text.split_once("error: ").unwrap_or(("", &text));
        PolicyProblem::new(reason.split_whitespace().collect::<Vec<_>>().join(" "))
    })?;
    let value = results.result.into_iter().next().and_then(|result| result.expressions.into_iter().next());
    Ok(value.map(|expression| expression.value).filter(|value| *value != Value::Undefined))
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err, which hands the error over")]
fn not_json(error: serde_json::Error) -> PolicyProblem {
    PolicyProblem::new(format!("the value is not JSON: {error}"))
}

fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | ' '))
}
