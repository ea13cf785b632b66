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
    visit::{self, Visitor, root_of},
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
            let name = name(&package, rule);
            let place = Place::of(rule);
            if matches!(rule.as_ref(), Rule::Default { .. }) {
                ways.defaults.insert(name.clone());
            }
            ways.definers.entry(name.clone()).or_default().insert(place.module.clone());
            ways.rules.entry(name).or_insert(place);
        }
    }
    for module in modules {
        ways.add(&Collect::of(module))?;
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
    /// Those with a default.
    defaults: BTreeSet<String>,
    /// The modules each is defined in.
    definers: BTreeMap<String, BTreeSet<String>>,
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
            if let Some(torn) = met.iter().find(|rule| *rule != to && self.is_torn(to, rule)) {
                let torn = torn.strip_prefix("data.").unwrap_or(torn);
                let reason = format!(
                    "looks at all of `{to}`, where `{torn}` has a default and definitions in several modules, which are not \
                     joined then; name the rule that is looked at"
                );
                return Err(self.refuse(from, &reason));
            }
            self.edges.entry(from.clone()).or_default().extend(met);
        }
        for (rule, depth) in &collected.depths {
            let deepest = self.depths.entry(rule.clone()).or_default();
            *deepest = (*deepest).max(*depth);
        }
        Ok(())
    }

    /// Whether a rule is inside what a reference names, and would have its default there although another module has a
    /// value for it: asked for a whole package, the engine takes one module after the other.
    fn is_torn(&self, reference: &str, rule: &str) -> bool {
        let inside = rule.strip_prefix(reference).is_some_and(|rest| rest.starts_with('.'));
        inside && self.defaults.contains(rule) && self.definers.get(rule).is_some_and(|modules| modules.len() > 1)
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

/// The full names of everything a module refers to, as far as they are written out.
pub(crate) fn references(module: &Module) -> BTreeSet<String> {
    Collect::of(module).references.into_iter().map(|(_, reference)| reference).collect()
}

/// The full name of a module's package.
pub(crate) fn package(module: &Module) -> String {
    format!("data.{}", static_path(&module.package.refr))
}

/// The names that lead to a module's package.
pub(crate) fn package_steps(module: &Module) -> Vec<String> {
    steps(&module.package.refr)
}

/// The full name of a rule.
pub(crate) fn name(package: &str, rule: &Rule) -> String {
    format!("{package}.{}", static_path(head(rule)))
}

/// The names that lead from its package to the value of a rule; `None` for functions, which have none.
pub(crate) fn value_steps(rule: &Rule) -> Option<Vec<String>> {
    let is_function = match rule {
        Rule::Default { args, .. } => !args.is_empty(),
        Rule::Spec { head, .. } => matches!(head, RuleHead::Func { .. }),
    };
    (!is_function).then(|| steps(head(rule)))
}

/// What a rule is named by.
fn head(rule: &Rule) -> &Ref<Expr> {
    match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => refr,
        },
    }
}

/// The part of a reference before its first computed step.
pub(crate) fn static_path(reference: &Ref<Expr>) -> String {
    steps(reference).join(".")
}

/// The names of a reference before its first computed step.
fn steps(reference: &Ref<Expr>) -> Vec<String> {
    let mut steps = Vec::new();
    let mut next = reference;
    loop {
        let (refr, name) = match next.as_ref() {
            Expr::Var { span, .. } => {
                steps.push(span.text().to_owned());
                break;
            }
            Expr::RefDot { refr, field, .. } => (refr, field.1.as_string().ok()),
            Expr::RefBrack { refr, index, .. } => match index.as_ref() {
                Expr::String { value, .. } | Expr::RawString { value, .. } => (refr, value.as_string().ok()),
                _ => (refr, None),
            },
            // A reference into a literal or a call.
            _ => return Vec::new(),
        };
        match name {
            Some(name) => steps.push(name.to_string()),
            // What follows a computed step is inside the value.
            None => steps.clear(),
        }
        next = refr;
    }
    steps.reverse();
    steps
}

/// What the names that a module imports stand for.
#[derive(Default)]
pub(crate) struct Imports(BTreeMap<String, String>);

impl Imports {
    pub(crate) fn add(&mut self, import: &Import) {
        let path = static_path(&import.refr);
        let last = path.rsplit('.').next().unwrap_or_default().to_owned();
        let name = import.r#as.as_ref().map_or(last, |name| name.text().to_owned());
        self.0.insert(name, path);
    }

    /// The full name of what a reference names that starts from `data` or from an import.
    pub(crate) fn full_name(&self, reference: &str) -> Option<String> {
        let (root, rest) = reference.split_once('.').map_or((reference, None), |(root, rest)| (root, Some(rest)));
        let start = if root == "data" { root } else { self.0.get(root)? };
        Some(rest.map_or_else(|| start.to_owned(), |rest| format!("{start}.{rest}")))
    }
}

/// Collects what the rules of one module refer to.
struct Collect {
    package: String,
    imports: Imports,
    /// The rule being walked.
    current: String,
    references: BTreeSet<(String, String)>,
    /// How deep the walk is inside expressions of the current rule.
    depth: usize,
    depths: BTreeMap<String, usize>,
    replaces_function: Option<Place>,
}

impl Collect {
    fn of(module: &Module) -> Self {
        let mut collect = Self {
            package: package(module),
            imports: Imports::default(),
            current: String::new(),
            references: BTreeSet::new(),
            depth: 0,
            depths: BTreeMap::new(),
            replaces_function: None,
        };
        visit::module(module, &mut collect);
        collect
    }

    fn refer(&mut self, reference: &Ref<Expr>) {
        let path = static_path(reference);
        if matches!(path.split('.').next(), Some("" | "input")) {
            return;
        }
        let target = self.imports.full_name(&path).unwrap_or_else(|| format!("{}.{path}", self.package));
        self.references.insert((self.current.clone(), target));
    }
}

impl Visitor for Collect {
    fn import(&mut self, import: &Import) {
        self.imports.add(import);
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
