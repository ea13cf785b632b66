//! What a bundle reads of its input, told from its source. Where that is unclear the answer is "everything".

use std::collections::BTreeSet;

use nexus_core::{Json, ports::PolicyInput};
use regorus::unstable::{Expr, Literal, LiteralStmt, Module, Query, Ref, Rule, RuleAssign, RuleHead};

use crate::{PolicyError, memo::Picks, pick::Tree};

/// Everything of the input on which a bundle's answer can depend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reads {
    /// What is read, in a fixed order.
    pub(crate) facts: Vec<Fact>,
    /// What of that is in `input.payload`.
    pub(crate) payload: Tree,
    /// What of that is in `input.event.payload`.
    pub(crate) event: Tree,
}

impl Reads {
    fn new(facts: BTreeSet<Fact>) -> Self {
        let below = |prefix: &[&str]| {
            Tree::of(facts.iter().filter_map(|fact| {
                let path = fact.path();
                // A path that ends above the payload takes the payload with it.
                let common = path.len().min(prefix.len());
                let same = path.iter().zip(prefix).all(|(step, wanted)| step == wanted);
                same.then(|| path.get(common..).unwrap_or_default())
            }))
        };
        Self { payload: below(&["payload"]), event: below(&["event", "payload"]), facts: facts.into_iter().collect() }
    }

    /// Takes the parts of the payloads that are read.
    ///
    /// # Errors
    /// When a payload is not JSON.
    pub(crate) fn pick<'de>(&self, input: &PolicyInput<'de>) -> Result<Picks<'de>, serde_json::Error> {
        let pick = |tree: &Tree, document: Option<&'de Json>| document.map_or(Ok(Vec::new()), |one| tree.pick(one));
        Ok(Picks {
            payload: pick(&self.payload, input.payload)?,
            event: pick(&self.event, input.event.map(|event| event.payload))?,
        })
    }
}

/// One thing that is read of the input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fact {
    /// The value at a path, and everything inside it.
    Value(Vec<String>),
    /// Only whether the text at a path starts with a literal.
    StartsWith(Vec<String>, String),
}

impl Fact {
    /// Where in the input.
    pub(crate) fn path(&self) -> &[String] {
        match self {
            Self::Value(path) | Self::StartsWith(path, _) => path,
        }
    }
}

/// Built-ins that policies may not call, and why.
const FORBIDDEN: [(&str, &str); 8] = [
    ("http.send", "a decision is made from memory"),
    ("opa.runtime", "it shows the environment of the process"),
    ("test.sleep", "it blocks"),
    ("numbers.range", "its memory grows with its arguments, without a limit"),
    ("numbers.range_step", "its memory grows with its arguments, without a limit"),
    ("bits.lsh", "its memory grows with its arguments, without a limit"),
    ("graph.reachable_paths", "its memory can grow exponentially"),
    ("rand.intn", "a decision must be repeatable"),
];

/// Built-ins that may answer differently each time.
const CHANGING: [&str; 3] = ["time.now_ns", "uuid.rfc4122", "trace"];

/// Walks all modules.
///
/// # Errors
/// [`PolicyError::Forbidden`] for the first call of a forbidden built-in.
pub(crate) fn analyse(modules: &[Ref<Module>]) -> Result<Option<Reads>, PolicyError> {
    let mut walk = Walk::default();
    for module in modules {
        walk.module(module);
    }
    if let Some(forbidden) = walk.forbidden {
        return Err(forbidden);
    }
    Ok(walk.clear().then(|| Reads::new(walk.facts)))
}

#[derive(Default)]
struct Walk {
    facts: BTreeSet<Fact>,
    /// Something was met whose effect on the answer cannot be told.
    unclear: bool,
    forbidden: Option<PolicyError>,
}

impl Walk {
    fn clear(&self) -> bool {
        // Every request has its own time, so an answer that depends on it is never asked for twice.
        let by_time = |fact: &Fact| {
            let path: Vec<&str> = fact.path().iter().map(String::as_str).collect();
            matches!(path.as_slice(), [] | ["context"] | ["context", "time", ..])
        };
        !self.unclear && !self.facts.iter().any(by_time)
    }

    fn module(&mut self, module: &Module) {
        for import in &module.imports {
            // `import input.actor as who` gives a part of the input another name.
            self.unclear |= root_of(&import.refr).is_none_or(|root| root == "input");
            let name = import.r#as.as_ref().map(|name| name.text().to_owned());
            self.shadows(name.or_else(|| dotted(&import.refr)));
        }
        for rule in &module.policy {
            match rule.as_ref() {
                Rule::Spec { span: _, head, bodies } => {
                    self.head(head);
                    for body in bodies {
                        self.assign(body.assign.as_ref());
                        self.query(&body.query);
                    }
                }
                Rule::Default { span: _, refr, args, op: _, value } => {
                    self.expr(refr);
                    self.all(args);
                    self.expr(value);
                }
            }
        }
    }

    fn head(&mut self, head: &RuleHead) {
        match head {
            RuleHead::Compr { span: _, refr, assign } => {
                self.expr(refr);
                self.assign(assign.as_ref());
            }
            RuleHead::Set { span: _, refr, key } => {
                self.expr(refr);
                self.maybe(key.as_ref());
            }
            RuleHead::Func { span: _, refr, args, assign } => {
                self.shadows(dotted(refr));
                self.expr(refr);
                self.all(args);
                self.assign(assign.as_ref());
            }
        }
    }

    /// A function of the bundle that is called like the built-in this analysis understands.
    fn shadows(&mut self, name: Option<String>) {
        let last = name.as_deref().map(|name| name.rsplit('.').next().unwrap_or(name));
        self.unclear |= last.is_none_or(|last| last == "startswith");
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) {
        if let Some(assign) = assign {
            self.expr(&assign.value);
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &LiteralStmt) {
        // `with` replaces the input or a function, so what is read below it is not what was asked.
        self.unclear |= !statement.with_mods.is_empty();
        for with in &statement.with_mods {
            self.expr(&with.refr);
            self.expr(&with.r#as);
        }
        match &statement.literal {
            Literal::SomeVars { span: _, vars: _ } => {}
            Literal::SomeIn { span: _, key, value, collection } => {
                self.maybe(key.as_ref());
                self.expr(value);
                self.expr(collection);
            }
            Literal::Expr { span: _, expr } | Literal::NotExpr { span: _, expr } => self.expr(expr),
            Literal::Every { span: _, key: _, value: _, domain, query } => {
                self.expr(domain);
                self.query(query);
            }
        }
    }

    fn all(&mut self, exprs: &[Ref<Expr>]) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn maybe(&mut self, expr: Option<&Ref<Expr>>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &Ref<Expr>) {
        match expr.as_ref() {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr),
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.all(items),
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { fcn, params, .. } => self.call(fcn, params),
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                self.maybe(key.as_ref());
                self.expr(value);
                self.expr(collection);
            }
        }
    }

    /// Notes the first use of a forbidden built-in. A name alone counts: `with f as http.send` calls it too.
    fn refuse_forbidden(&mut self, reference: &Ref<Expr>) {
        let Some(name) = dotted(reference) else { return };
        if let Some((_, reason)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
            let span = reference.span();
            self.forbidden.get_or_insert_with(|| PolicyError::Forbidden {
                module: span.source.file().clone(),
                line: span.line,
                function: name,
                reason,
            });
        }
    }

    fn reference(&mut self, expr: &Ref<Expr>) {
        self.refuse_forbidden(expr);
        if let Some((path, _)) = input_path(expr) {
            self.facts.insert(Fact::Value(path));
        }
        // Whatever stands in brackets is an expression of its own.
        let mut next = expr;
        loop {
            match next.as_ref() {
                Expr::RefDot { refr, .. } => next = refr,
                Expr::RefBrack { refr, index, .. } => {
                    self.expr(index);
                    next = refr;
                }
                Expr::Var { .. } => break,
                // A reference into a literal or a call, such as `{"a": input.b}.a`.
                _ => {
                    self.expr(next);
                    break;
                }
            }
        }
    }

    fn call(&mut self, function: &Ref<Expr>, params: &[Ref<Expr>]) {
        let Some(name) = dotted(function) else {
            self.unclear = true;
            self.expr(function);
            self.all(params);
            return;
        };
        self.refuse_forbidden(function);
        self.unclear |= CHANGING.contains(&name.as_str()) || name.starts_with("input.");
        if let ("startswith", [text, prefix]) = (name.as_str(), params)
            && let Some((path, true)) = input_path(text)
            && let Expr::String { value, .. } = prefix.as_ref()
            && let Ok(prefix) = value.as_string()
        {
            self.facts.insert(Fact::StartsWith(path, prefix.to_string()));
            return;
        }
        self.all(params);
    }
}

/// The static path of a reference into `input`, and whether it is the whole reference. What follows the first
/// computed step is inside the value at the path.
fn input_path(expr: &Ref<Expr>) -> Option<(Vec<String>, bool)> {
    match expr.as_ref() {
        Expr::Var { span, .. } => (span.text() == "input").then(|| (Vec::new(), true)),
        Expr::RefDot { refr, field, .. } => Some(extend(input_path(refr)?, field.1.as_string().ok())),
        Expr::RefBrack { refr, index, .. } => {
            let step = match index.as_ref() {
                Expr::String { value, .. } | Expr::RawString { value, .. } => value.as_string().ok(),
                _ => None,
            };
            Some(extend(input_path(refr)?, step))
        }
        _ => None,
    }
}

fn extend<S: AsRef<str>>((mut path, whole): (Vec<String>, bool), step: Option<&S>) -> (Vec<String>, bool) {
    match step.filter(|_| whole) {
        Some(step) => {
            path.push(step.as_ref().to_owned());
            (path, true)
        }
        None => (path, false),
    }
}

/// A reference as it is written with dots.
fn dotted(expr: &Ref<Expr>) -> Option<String> {
    match expr.as_ref() {
        Expr::Var { span, .. } => Some(span.text().to_owned()),
        Expr::RefDot { refr, field, .. } => Some(format!("{}.{}", dotted(refr)?, field.1.as_string().ok()?)),
        Expr::RefBrack { refr, index, .. } => match index.as_ref() {
            Expr::String { value, .. } | Expr::RawString { value, .. } => {
                Some(format!("{}.{}", dotted(refr)?, value.as_string().ok()?))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The variable a reference starts from.
fn root_of(expr: &Ref<Expr>) -> Option<String> {
    match expr.as_ref() {
        Expr::Var { span, .. } => Some(span.text().to_owned()),
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => root_of(refr),
        _ => None,
    }
}
