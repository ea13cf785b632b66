//! Which rules and functions of a bundle lead to which, so that none leads to itself.
//!
//! The evaluator needs some of its thread's stack for every rule and function on the way, and for every expression
//! inside another. A way that leads back to where it began, or a very deep one, would end the process and not only
//! the evaluation, so both are refused when the bundle is loaded.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Import, Module, Ref, Rule, RuleHead, WithModifier};

use crate::{
    PolicyError,
    bundle::is_test,
    visit::{self, Visitor, dotted, root_of},
};

/// Deepest nesting of expressions along one way, over all rules and functions on it.
const MAX_DEPTH: usize = 256;

/// Checks the ways between all rules and functions.
///
/// # Errors
/// [`PolicyError::Invalid`] with the place of a rule that leads to itself, or too far.
pub(crate) fn check(modules: &[Ref<Module>]) -> Result<(), PolicyError> {
    let mut ways = Ways::default();
    for module in modules {
        let package = package(module);
        for rule in &module.policy {
            ways.rules.entry(name(&package, rule)).or_insert_with(|| Place::of(rule));
        }
    }
    for module in modules {
        let mut collect = Collect {
            package: package(module),
            aliases: BTreeMap::new(),
            current: String::new(),
            references: BTreeSet::new(),
            depth: 0,
            depths: BTreeMap::new(),
            replaces_function: None,
        };
        visit::module(module, &mut collect);
        ways.add(&collect)?;
    }
    ways.check()
}

/// Where a rule is.
struct Place {
    module: String,
    line: u32,
}

impl Place {
    fn of(rule: &Rule) -> Self {
        let span = rule.span();
        Self { module: span.source.file().clone(), line: span.line }
    }

    fn refuse(&self, reason: String) -> PolicyError {
        PolicyError::Invalid { module: self.module.clone(), line: Some(self.line), reason }
    }
}

#[derive(Default)]
struct Ways {
    /// All rules and functions by their full names.
    rules: BTreeMap<String, Place>,
    /// From which to which.
    edges: BTreeMap<String, BTreeSet<String>>,
    /// Deepest nesting of expressions in each.
    depths: BTreeMap<String, usize>,
}

impl Ways {
    fn add(&mut self, collected: &Collect) -> Result<(), PolicyError> {
        if let Some(place) = &collected.replaces_function {
            let reason =
                "`with` may only replace `input` and `data` in a policy; tests may put a literal for a function";
            return Err(place.refuse(reason.to_owned()));
        }
        for (from, to) in &collected.references {
            let met = self.met(to);
            self.edges.entry(from.clone()).or_default().extend(met);
        }
        for (rule, depth) in &collected.depths {
            let deepest = self.depths.entry(rule.clone()).or_default();
            *deepest = (*deepest).max(*depth);
        }
        Ok(())
    }

    /// The rules a reference can make be evaluated: the one it names or looks into, and all in what it names.
    fn met(&self, reference: &str) -> Vec<String> {
        let ends = reference.match_indices('.').map(|(end, _)| end);
        let outer = ends.chain([reference.len()]).filter_map(|end| reference.get(..end));
        let inner = format!("{reference}.");
        let within = self.rules.range(inner.clone()..).map(|(rule, _)| rule);
        outer
            .filter(|rule| self.rules.contains_key(*rule))
            .map(str::to_owned)
            .chain(within.take_while(|rule| rule.starts_with(&inner)).cloned())
            .collect()
    }

    /// Takes away, step by step, what leads nowhere further; what remains leads in a circle.
    fn check(&self) -> Result<(), PolicyError> {
        let next = |rule: &str| self.edges.get(rule).into_iter().flatten().map(String::as_str);
        let mut open: BTreeMap<&str, BTreeSet<&str>> =
            self.rules.keys().map(|rule| (rule.as_str(), next(rule).collect())).collect();
        let mut done: BTreeMap<&str, usize> = BTreeMap::new();
        while let Some((first, _)) = open.first_key_value() {
            let ends: BTreeSet<&str> = open.iter().filter(|(_, next)| next.is_empty()).map(|(rule, _)| *rule).collect();
            if ends.is_empty() {
                return Err(self.refuse(first, "leads to itself; if a variable has the name of a rule, rename it"));
            }
            for end in &ends {
                let below = next(end).filter_map(|rule| done.get(rule)).max().copied().unwrap_or(0);
                let depth = below + 1 + self.depths.get(*end).copied().unwrap_or(0);
                if depth > MAX_DEPTH {
                    let reason = format!("nests over {MAX_DEPTH} expressions, with the rules it leads to");
                    return Err(self.refuse(end, &reason));
                }
                done.insert(end, depth);
            }
            open.retain(|rule, _| !ends.contains(rule));
            for next in open.values_mut() {
                next.retain(|rule| !ends.contains(rule));
            }
        }
        Ok(())
    }

    fn refuse(&self, rule: &str, reason: &str) -> PolicyError {
        let reason = format!("`{}` {reason}", rule.strip_prefix("data.").unwrap_or(rule));
        match self.rules.get(rule) {
            Some(place) => place.refuse(reason),
            None => PolicyError::Invalid { module: "bundle".to_owned(), line: None, reason },
        }
    }
}

/// Whether an expression is written out.
fn is_literal(expr: &Ref<Expr>) -> bool {
    match expr.as_ref() {
        Expr::String { .. } | Expr::RawString { .. } | Expr::Number { .. } | Expr::Bool { .. } | Expr::Null { .. } => {
            true
        }
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().all(is_literal),
        Expr::Object { fields, .. } => fields.iter().all(|(_, key, value)| is_literal(key) && is_literal(value)),
        _ => false,
    }
}

/// The full name of a module's package.
pub(crate) fn package(module: &Module) -> String {
    format!("data.{}", static_path(&module.package.refr))
}

/// The full name of a rule.
pub(crate) fn name(package: &str, rule: &Rule) -> String {
    let refr = match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => refr,
        },
    };
    format!("{package}.{}", static_path(refr))
}

/// The part of a reference before its first computed step.
pub(crate) fn static_path(reference: &Ref<Expr>) -> String {
    let mut next = reference;
    loop {
        if let Some(path) = dotted(next) {
            return path;
        }
        match next.as_ref() {
            Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => next = refr,
            _ => return String::new(),
        }
    }
}

/// Collects what the rules of one module refer to.
struct Collect {
    package: String,
    aliases: BTreeMap<String, String>,
    /// The rule being walked.
    current: String,
    references: BTreeSet<(String, String)>,
    /// How deep the walk is inside expressions of the current rule.
    depth: usize,
    depths: BTreeMap<String, usize>,
    replaces_function: Option<Place>,
}

impl Collect {
    fn refer(&mut self, reference: &Ref<Expr>) {
        let path = static_path(reference);
        let (root, rest) = path.split_once('.').map_or((path.as_str(), None), |(root, rest)| (root, Some(rest)));
        let start = match root {
            "" | "input" => return,
            "data" => "data".to_owned(),
            _ => self.aliases.get(root).cloned().unwrap_or_else(|| format!("{}.{root}", self.package)),
        };
        let target = match rest {
            Some(rest) => format!("{start}.{rest}"),
            None => start,
        };
        self.references.insert((self.current.clone(), target));
    }
}

impl Visitor for Collect {
    fn import(&mut self, import: &Import) {
        let path = static_path(&import.refr);
        let last = path.rsplit('.').next().unwrap_or_default().to_owned();
        let alias = import.r#as.as_ref().map_or(last, |alias| alias.text().to_owned());
        self.aliases.insert(alias, path);
    }

    fn rule(&mut self, rule: &Rule) {
        self.current = name(&self.package, rule);
    }

    fn with(&mut self, with: &WithModifier) {
        let replaces = root_of(&with.refr);
        // A value in place of a function leads nowhere; a function might.
        let harmless = is_test(&self.package) && is_literal(&with.r#as);
        if !harmless && !matches!(replaces.as_deref(), Some("input" | "data")) {
            self.replaces_function
                .get_or_insert_with(|| Place { module: with.span.source.file().clone(), line: with.span.line });
        }
    }

    fn reference(&mut self, reference: &Ref<Expr>) {
        self.refer(reference);
    }

    fn call(&mut self, function: &Ref<Expr>, _: &[Ref<Expr>]) -> bool {
        self.refer(function);
        true
    }

    fn enter(&mut self) {
        self.depth += 1;
        let deepest = self.depths.entry(self.current.clone()).or_default();
        *deepest = (*deepest).max(self.depth);
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }
}
