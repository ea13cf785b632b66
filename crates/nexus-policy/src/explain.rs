//! Which rules fired for a request. Each definition is asked alone, so that the answer is exact also where several
//! stand on one line or share their expressions.

use nexus_core::ports::{ExplainedRule, PolicyCoverage, PolicyInput, PolicyModule};
use regorus::{
    Engine, Value,
    unstable::{Ref, Rule},
};

use crate::{
    RegoPolicyEngine,
    bundle::{self, ENTRY_RULE},
    calls, coverage, input,
};

/// The rules that are asked of every request.
const ENTRY_POINTS: [&str; 2] = ["data.nexus.allow", "data.nexus.deny"];

/// A definition and where it stands.
struct Definition {
    rule: String,
    module: String,
    line: u32,
    /// Bytes of the module's source.
    span: std::ops::Range<usize>,
}

/// What every definition of the entry points says to a request, and the lines the evaluation went through.
pub(crate) fn explain(
    engine: &mut Engine,
    modules: &[PolicyModule],
    input: &PolicyInput<'_>,
) -> (Vec<ExplainedRule>, Vec<PolicyCoverage>) {
    let Ok(input) = input::whole(input) else { return (Vec::new(), Vec::new()) };
    engine.set_enable_coverage(true);
    engine.set_input(input.clone());
    // That it failed is in the verdict; how far it came is told here.
    let _ = engine.eval_rule(ENTRY_RULE.to_owned());
    let coverage = coverage::of(engine, |_| true);
    let definitions = definitions(engine);
    let fired = |definition: &Definition| alone(modules, &definitions, definition, &input).unwrap_or(false);
    let rules = definitions.iter().map(|definition| ExplainedRule {
        rule: definition.rule.strip_prefix("data.").unwrap_or(&definition.rule).to_owned(),
        module: definition.module.clone(),
        line: definition.line,
        fired: fired(definition),
    });
    (rules.collect(), coverage)
}

fn definitions(engine: &mut Engine) -> Vec<Definition> {
    let mut found = Vec::new();
    for module in engine.get_modules() {
        let package = calls::package(module);
        found.extend(module.policy.iter().filter_map(|rule| definition(&package, rule)));
    }
    found
}

fn definition(package: &str, rule: &Ref<Rule>) -> Option<Definition> {
    let name = calls::name(package, rule);
    if !matches!(rule.as_ref(), Rule::Spec { .. }) || !ENTRY_POINTS.contains(&name.as_str()) {
        return None;
    }
    let span = rule.span();
    let (start, end) = (usize::try_from(span.start).ok()?, usize::try_from(span.end).ok()?);
    // The parser leaves the closing quote out when a rule ends with a text.
    let quoted = matches!(span.source.contents().as_bytes().get(end), Some(b'"' | b'`'));
    let end = end + usize::from(quoted);
    Some(Definition { rule: name, module: span.source.file().clone(), line: span.line, span: start..end })
}

/// Whether a definition holds when it is the only one of its rule; `None` when that cannot be evaluated.
fn alone(modules: &[PolicyModule], all: &[Definition], one: &Definition, input: &Value) -> Option<bool> {
    let mut remaining = Vec::with_capacity(modules.len());
    for module in modules {
        let others = all.iter().filter(|other| other.rule == one.rule && other.module == module.name);
        let mut source = module.source.clone().into_bytes();
        for other in others.filter(|other| (&other.module, &other.span) != (&one.module, &one.span)) {
            let blanked = source.get_mut(other.span.clone())?;
            blanked.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        remaining.push(PolicyModule { name: module.name.clone(), source: String::from_utf8(source).ok()? });
    }
    let mut engine = bundle::prepare(&remaining, RegoPolicyEngine::TIME_LIMIT, false).ok()?;
    engine.set_input(input.clone());
    match engine.eval_rule(one.rule.clone()).ok()? {
        Value::Bool(holds) => Some(holds),
        Value::Set(members) => Some(!members.is_empty()),
        _ => Some(false),
    }
}
