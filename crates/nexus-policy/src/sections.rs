//! Parts of a bundle that can be asked one by one.
//!
//! A decision is a disjunction: something denies, something allows. Modules that refer to nothing of each other can
//! therefore be asked apart, and what was answered by those that look at nothing new need not be asked again.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Module, Ref, Rule, RuleAssign, RuleHead};

use crate::calls;

/// The rule that lets through.
const ALLOW: &str = "data.nexus.allow";
/// The rule that refuses.
const DENY: &str = "data.nexus.deny";
/// Most sections of a bundle: every thread keeps an engine for each.
const MAX_SECTIONS: usize = 16;

/// Which modules, by index, must be asked together. Every module that can take part in a decision is in exactly one
/// section. One section with all modules when a decision is not the sum of its sections.
pub(crate) fn sections(modules: &[Ref<Module>]) -> Vec<BTreeSet<usize>> {
    let facts: Vec<Facts> = modules.iter().map(|module| Facts::of(module)).collect();
    if !facts.iter().all(|facts| facts.adds_up) {
        return vec![(0..modules.len()).collect()];
    }
    let mut groups: Vec<BTreeSet<usize>> = Vec::new();
    for (index, one) in facts.iter().enumerate() {
        let mut group = BTreeSet::from([index]);
        let tied = |other: &usize| facts.get(*other).is_some_and(|other| one.is_tied_to(other));
        groups.retain(|known| {
            let joins = known.iter().any(tied);
            if joins {
                group.extend(known);
            }
            !joins
        });
        groups.push(group);
    }
    // What holds neither of the two rules, and is referred to by nothing that does, is never looked at.
    groups.retain(|group| group.iter().filter_map(|index| facts.get(*index)).any(|facts| facts.decides));
    while groups.len() > MAX_SECTIONS
        && let Some(last) = groups.pop()
        && let Some(before) = groups.last_mut()
    {
        before.extend(last);
    }
    groups
}

/// What matters of one module.
struct Facts {
    /// Full names of its rules, without the two that are asked.
    defines: BTreeSet<String>,
    /// Full names of what it refers to.
    refers: BTreeSet<String>,
    /// Whether it defines one of the two rules that are asked.
    decides: bool,
    /// Whether its definitions of the two rules only ever add to those of other modules, and nothing looks at them.
    adds_up: bool,
}

impl Facts {
    fn of(module: &Module) -> Self {
        let package = calls::package(module);
        let refers = calls::references(module);
        let (mut defines, mut decides, mut adds_up) = (BTreeSet::new(), false, true);
        for rule in &module.policy {
            let name = calls::name(&package, rule);
            match name.as_str() {
                ALLOW => adds_up &= lets_through(rule),
                DENY => adds_up &= adds_to_a_set(rule),
                _ => {
                    adds_up &= !touches(&name, ALLOW) && !touches(&name, DENY);
                    defines.insert(name);
                    continue;
                }
            }
            decides = true;
        }
        adds_up &= !refers.iter().any(|refers| touches(refers, ALLOW) || touches(refers, DENY));
        Self { defines, refers, decides, adds_up }
    }

    /// Whether one of the two says something about what the other means.
    fn is_tied_to(&self, other: &Self) -> bool {
        let looks = |from: &Self, into: &Self| {
            from.refers.iter().any(|refers| into.defines.iter().any(|defined| touches(refers, defined)))
        };
        let shares = self.defines.iter().any(|one| other.defines.iter().any(|two| touches(one, two)));
        shares || looks(self, other) || looks(other, self)
    }
}

/// Whether one of two paths is, or leads into, what the other names.
fn touches(one: &str, other: &str) -> bool {
    let leads = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    leads(one, other) || leads(other, one)
}

/// Whether a definition of `allow` says `true` or nothing, so that any one of them is enough.
fn lets_through(rule: &Rule) -> bool {
    match rule {
        Rule::Default { args, value, .. } => args.is_empty() && matches!(value.as_ref(), Expr::Bool { .. }),
        Rule::Spec { head: RuleHead::Compr { refr, assign, .. }, bodies, .. } => {
            let values = std::iter::once(assign.as_ref()).chain(bodies.iter().map(|body| body.assign.as_ref()));
            matches!(refr.as_ref(), Expr::Var { .. }) && values.flatten().all(is_true)
        }
        Rule::Spec { .. } => false,
    }
}

/// Whether a definition is of the form `deny contains …`.
fn adds_to_a_set(rule: &Rule) -> bool {
    matches!(rule, Rule::Spec { head: RuleHead::Set { refr, .. }, .. } if matches!(refr.as_ref(), Expr::Var { .. }))
}

fn is_true(assign: &RuleAssign) -> bool {
    matches!(assign.value.as_ref(), Expr::Bool { value, .. } if matches!(value, regorus::Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bundle;

    /// The sections of modules, by the indices of these.
    fn sections_of(sources: &[&str]) -> Vec<Vec<usize>> {
        let mut engine = bundle::bare(Duration::MAX);
        for (index, source) in sources.iter().enumerate() {
            engine.add_policy(format!("{index}.rego"), (*source).to_owned()).unwrap();
        }
        sections(engine.get_modules()).into_iter().map(|section| section.into_iter().collect()).collect()
    }

    const LARGE: &str = "package nexus\ndeny contains \"a\" if input.payload.total > limit\nlimit := 5";

    #[test]
    fn modules_that_do_not_refer_to_each_other_are_apart() {
        let roles = "package nexus\nallow if input.actor.roles[_] in data.roles.all";
        let table = "package roles\nall := {\"a\"}";
        let unused = "package nexus.architecture\ndeny contains \"b\" if input.service";
        let late = "package nexus\ndeny contains \"c\" if input.context.environment == \"x\"";
        assert_eq!(sections_of(&[roles, LARGE, table, unused, late]), [vec![1], vec![0, 2], vec![4]]);
    }

    #[test]
    fn modules_that_share_a_rule_stay_together() {
        let limit = "package nexus\nlimit := 7 if input.payload.big";
        let user = "package nexus\ndeny contains \"d\" if input.x > limit";
        let inner = "package nexus.limit\nx := 1";
        for other in [limit, user, inner] {
            assert_eq!(sections_of(&[LARGE, other]), [vec![0, 1]], "{other}");
        }
        let chain = ["package a\nx := data.b.y", "package nexus\nallow if data.a.x", "package b\ny := 1", LARGE];
        assert_eq!(sections_of(&chain), [vec![0, 1, 2], vec![3]]);
    }

    #[test]
    fn a_bundle_whose_answer_is_not_the_sum_of_its_sections_is_asked_whole() {
        for whole in [
            "package nexus\nallow := false if input.x",
            "package nexus\nallow := input.x",
            "package nexus\nallow if input.x else := false",
            "package nexus\ndeny := {\"a\"} if input.x",
            "package nexus\ndefault allow := \"no\"",
            "package nexus\ndeny contains \"b\" if not allow",
            "package x\ny if data.nexus.deny",
            "package x\ny if data.nexus[input.rule]",
            "package x\ny if data[input.rule]",
            "package x\nimport data.nexus as n\ny if n.allow",
            "package nexus.deny\nx := 1",
            "package nexus\ndeny[input.x] := 1",
        ] {
            assert_eq!(sections_of(&[LARGE, whole]), [vec![0, 1]], "{whole}");
        }
        let sum = "package nexus\ndefault allow := false\nallow := true if input.y else := true if input.z";
        assert_eq!(sections_of(&[LARGE, sum]), [vec![0], vec![1]]);
    }

    #[test]
    fn the_shipped_bundle_falls_into_sections() {
        let modules = crate::shipped();
        let sources: Vec<&str> = modules.iter().map(|module| module.source.as_str()).collect();
        assert_eq!(sections_of(&sources).len(), 5, "all but the architecture; the roles with what uses them");
    }

    #[test]
    fn the_number_of_sections_is_bounded() {
        let many: Vec<String> =
            (0..100).map(|n| format!("package nexus\ndeny contains \"{n}\" if input.payload.m{n}")).collect();
        let sections = sections_of(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(sections.len(), MAX_SECTIONS);
        assert_eq!(sections.iter().flatten().collect::<BTreeSet<_>>().len(), 100);
    }
}
