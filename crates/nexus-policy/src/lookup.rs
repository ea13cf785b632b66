//! Values of a bundle by path, as OPA's data API has them.

use std::collections::{BTreeMap, BTreeSet};

use nexus_core::{Json, ports::PolicyProblem};
use regorus::{
    Engine, Value,
    unstable::{Module, Ref, Rule, RuleHead},
};

use crate::calls::{name, package};

/// The value at a path of names with slashes between; the empty path is all of `data`.
pub(crate) fn value_at(engine: &mut Engine, path: &str, input: Option<&Json>) -> Result<Option<Json>, PolicyProblem> {
    let input = input.map_or_else(|| Ok(Value::new_object()), |input| Value::from_json_str(&input.to_string()));
    engine.set_input(input.map_err(|error| PolicyProblem::new(format!("the input is not JSON: {error}")))?);
    let steps = steps(path)?;
    let documents = Documents::of(engine.get_modules());
    let value = match documents.below(&steps) {
        Some(below) => Some(assembled(engine, &below)?),
        None => evaluated(engine, &steps)?,
    };
    let json = value.map(|value| Json::from_serialize(&value)).transpose();
    json.map_err(|error| PolicyProblem::new(format!("the value is not JSON: {error}")))
}

/// The names in a path.
fn steps(path: &str) -> Result<Vec<String>, PolicyProblem> {
    let mut steps = vec!["data".to_owned()];
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | ' '));
        if !plain {
            return Err(PolicyProblem::new(format!("`{name}` is not a name in a path of data")));
        }
        steps.push(name.to_owned());
    }
    Ok(steps)
}

/// What there is under `data`, by name.
struct Documents {
    packages: BTreeSet<Vec<String>>,
    rules: BTreeSet<Vec<String>>,
}

/// A part of them.
struct Below {
    at: Vec<String>,
    packages: Vec<Vec<String>>,
    rules: Vec<Vec<String>>,
}

impl Documents {
    fn of(modules: &[Ref<Module>]) -> Self {
        let split = |name: &str| name.split('.').map(str::to_owned).collect::<Vec<_>>();
        let mut documents = Self { packages: BTreeSet::new(), rules: BTreeSet::new() };
        for module in modules {
            let package = package(module);
            documents.packages.insert(split(&package));
            let rules = module.policy.iter().filter(|rule| !is_function(rule));
            documents.rules.extend(rules.map(|rule| split(&name(&package, rule))));
        }
        documents
    }

    /// What is below a path that leads to packages; `None` for one that leads to a rule, into one, or nowhere.
    fn below(&self, steps: &[String]) -> Option<Below> {
        if self.rules.iter().any(|rule| steps.starts_with(rule)) {
            return None;
        }
        let within = |all: &BTreeSet<Vec<String>>| all.iter().filter(|one| one.starts_with(steps)).cloned().collect();
        let (packages, rules): (Vec<_>, Vec<_>) = (within(&self.packages), within(&self.rules));
        (!packages.is_empty()).then(|| Below { at: steps.to_vec(), packages, rules })
    }
}

fn is_function(rule: &Rule) -> bool {
    match rule {
        Rule::Default { args, .. } => !args.is_empty(),
        Rule::Spec { head, .. } => matches!(head, RuleHead::Func { .. }),
    }
}

/// Packages with the values of their rules. Each rule is evaluated by itself: asked for a whole package, the engine
/// takes a default for the value of a rule whose definitions come later.
fn assembled(engine: &mut Engine, below: &Below) -> Result<Value, PolicyProblem> {
    let mut root = Tree::default();
    let inside = |path: &[String]| path.get(below.at.len()..).map(<[String]>::to_vec).unwrap_or_default();
    for package in &below.packages {
        root.at(&inside(package));
    }
    for rule in &below.rules {
        if let Some(value) = evaluated(engine, rule)? {
            root.at(&inside(rule)).value.get_or_insert(value);
        }
    }
    Ok(root.value())
}

/// Values inside each other, by name.
#[derive(Default)]
struct Tree {
    value: Option<Value>,
    members: BTreeMap<String, Self>,
}

impl Tree {
    fn at(&mut self, path: &[String]) -> &mut Self {
        path.iter().fold(self, |tree, step| tree.members.entry(step.clone()).or_default())
    }

    /// A rule whose name begins with that of another is part of the other's value.
    fn value(self) -> Value {
        let members = self.members.into_iter().map(|(name, tree)| (Value::from(name), tree.value()));
        self.value.unwrap_or_else(|| Value::from(members.collect::<BTreeMap<_, _>>()))
    }
}

/// The value of one reference.
fn evaluated(engine: &mut Engine, steps: &[String]) -> Result<Option<Value>, PolicyProblem> {
    let mut names = steps.iter();
    let mut query = names.next().cloned().unwrap_or_default();
    for name in names {
        query.push_str(&format!("[\"{name}\"]"));
    }
    let results = engine.eval_query(query, false).map_err(|error| {
        let text = error.to_string();
        let (_, reason) = text.split_once("error: ").unwrap_or(("", &text));
        PolicyProblem::new(reason.split_whitespace().collect::<Vec<_>>().join(" "))
    })?;
    let value = results.result.into_iter().next().and_then(|result| result.expressions.into_iter().next());
    Ok(value.map(|expression| expression.value).filter(|value| *value != Value::Undefined))
}
