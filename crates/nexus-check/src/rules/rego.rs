//! What is asked of policies: the deny rules in their syntax trees, and their tests, run.

use std::{sync::Arc, thread};

use nexus_core::ports::{PolicyEngine as _, PolicyModule, PolicyTestReport};
use nexus_policy::{PolicyError, RegoPolicyEngine, shipped, with_shipped};
use regorus::{
    Engine,
    unstable::{Expr, Literal, Ref, Rule, RuleHead},
};

use crate::facts::{PolicyBundle, Text};

/// Room for what policies may nest, in bytes; most of it is never touched.
const STACK: usize = 64 * 1024 * 1024;

/// The modules that are in force, as the engine takes them.
pub(super) fn modules(bundle: &PolicyBundle) -> Vec<PolicyModule> {
    bundle.modules.iter().map(|text| module(text)).collect()
}

fn module(text: &Text) -> PolicyModule {
    PolicyModule { name: PolicyBundle::module_name(text).to_owned(), source: text.text.clone() }
}

/// Why a bundle cannot be loaded.
pub(super) fn refusal(bundle: &PolicyBundle) -> Option<PolicyError> {
    let all: Vec<PolicyModule> = bundle.modules.iter().chain(&bundle.tests).map(|text| module(text)).collect();
    RegoPolicyEngine::new(all).err()
}

/// Runs something that parses policies on a thread with room for what they may nest.
pub(super) fn with_room<T: Send>(work: impl Fn() -> T + Sync) -> T {
    let room = thread::Builder::new().stack_size(STACK);
    let done = thread::scope(|scope| room.spawn_scoped(scope, &work).ok().and_then(|running| running.join().ok()));
    done.unwrap_or_else(work)
}

/// The digests under which modules may be in force: by themselves, and with the policy that is shipped.
pub(super) fn digests(modules: &[PolicyModule]) -> Vec<String> {
    let engines = [modules.to_vec(), with_shipped(modules.to_vec())];
    let engines = engines.into_iter().filter_map(|modules| RegoPolicyEngine::new(modules).ok());
    engines.map(|engine| engine.digest().to_string()).collect()
}

/// A deny rule that does not say all a refusal has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silent {
    /// 1-based.
    pub(super) line: u32,
    /// What it does not say: `id`, `remediation`.
    pub(super) lacks: Vec<&'static str>,
}

/// The deny rules of a module that lack an id or a remediation.
pub(super) fn silent(text: &Text) -> Vec<Silent> {
    let mut engine = Engine::new();
    if engine.add_policy(text.file.clone(), text.text.clone()).is_err() {
        return Vec::new();
    }
    let rules = engine.get_modules().iter().flat_map(|module| module.policy.clone());
    rules.filter_map(|rule| silent_rule(&rule)).collect()
}

fn silent_rule(rule: &Rule) -> Option<Silent> {
    let Rule::Spec { span, head: RuleHead::Set { refr, key, .. }, bodies } = rule else { return None };
    if !is_deny(refr) {
        return None;
    }
    let value = key.as_ref()?;
    let members = match &**value {
        Expr::Var { span: name, .. } => {
            bodies.iter().find_map(|body| assigned(&body.query, name.text())).and_then(|value| keys(&value))
        }
        _ => keys(value.as_ref()),
    };
    // What a function or comprehension makes cannot be told here; a text cannot have members.
    let said = match members {
        Some(members) => members,
        None if matches!(&**value, Expr::String { .. } | Expr::RawString { .. } | Expr::Call { .. }) => Vec::new(),
        None => return None,
    };
    if matches!(&**value, Expr::Call { .. }) && !is_text_call(value) {
        return None;
    }
    let lacks: Vec<_> =
        ["id", "remediation"].into_iter().filter(|member| !said.iter().any(|name| name == member)).collect();
    (!lacks.is_empty()).then_some(Silent { line: span.line, lacks })
}

fn is_deny(refr: &Ref<Expr>) -> bool {
    match &**refr {
        Expr::Var { span, .. } => span.text() == "deny",
        Expr::RefDot { field: (span, _), .. } => span.text() == "deny",
        _ => false,
    }
}

/// Whether a call makes a text: `deny contains sprintf(…)`.
fn is_text_call(value: &Expr) -> bool {
    let Expr::Call { fcn, .. } = value else { return false };
    matches!(&**fcn, Expr::Var { span, .. } if ["sprintf", "concat", "lower", "upper"].contains(&span.text()))
}

/// What a body gives a variable.
fn assigned(query: &regorus::unstable::Query, name: &str) -> Option<Ref<Expr>> {
    query.stmts.iter().find_map(|statement| match &statement.literal {
        Literal::Expr { expr, .. } => match &**expr {
            Expr::AssignExpr { lhs, rhs, .. } => {
                matches!(&**lhs, Expr::Var { span, .. } if span.text() == name).then(|| rhs.clone())
            }
            _ => None,
        },
        _ => None,
    })
}

/// The names of the members of an object that is written out.
fn keys(value: &Expr) -> Option<Vec<String>> {
    let Expr::Object { fields, .. } = value else { return None };
    let names = fields.iter().filter_map(|(_, key, _)| match &**key {
        Expr::String { span, .. } | Expr::RawString { span, .. } => {
            Some(span.text().trim_matches(['"', '`']).to_owned())
        }
        _ => None,
    });
    Some(names.collect())
}

/// Runs the tests of a bundle, among the policies that are shipped, as they will be in force. Modules are named by their
/// files.
///
/// # Errors
/// Tests and policies cannot be loaded together.
pub(super) fn run_tests(bundle: &PolicyBundle) -> Result<PolicyTestReport, PolicyError> {
    let named = |text: &Arc<Text>| PolicyModule { name: text.file.clone(), source: text.text.clone() };
    let own: Vec<PolicyModule> = bundle.modules.iter().chain(&bundle.tests).map(named).collect();
    // The shipped policies themselves, in the repository they come from, are not put beside themselves.
    let is_shipped = shipped().iter().all(|module| own.iter().any(|own| own.source == module.source));
    nexus_policy::run_tests(&if is_shipped { own } else { with_shipped(own) })
}
