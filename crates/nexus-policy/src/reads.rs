//! What a bundle reads of its input, told from its source. Where that is unclear the answer is "everything".

use std::collections::BTreeSet;

use nexus_core::{Json, ports::PolicyInput};
use regorus::unstable::{Expr, Import, Module, Ref, Rule, RuleHead, WithModifier};

use crate::{
    PolicyError, bounds,
    memo::{Part, Picks},
    pick::Tree,
    visit::{self, Visitor, dotted, root_of},
};

/// Everything of the input on which a bundle's answer can depend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reads {
    /// What is read outside the payloads, in a fixed order.
    pub(crate) parts: Vec<Part>,
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
        Self {
            payload: below(&["payload"]),
            event: below(&["event", "payload"]),
            parts: facts.iter().filter_map(Part::of).collect(),
        }
    }

    /// Whether all of it is what many requests have in common, so that its outcomes are few.
    pub(crate) fn are_common(&self) -> bool {
        self.payload.is_empty() && self.event.is_empty() && self.parts.iter().all(Part::is_common)
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
const FORBIDDEN: [(&str, &str); 10] = [
    ("http.send", "a decision is made from memory"),
    ("opa.runtime", "it shows the environment of the process"),
    ("test.sleep", "it blocks"),
    ("numbers.range", "its memory grows with its arguments; accepted are literal bounds at most 10000 apart"),
    ("numbers.range_step", "its memory grows with its arguments, without a limit"),
    ("bits.lsh", "its memory grows with its arguments, without a limit"),
    ("graph.reachable_paths", "its memory can grow exponentially"),
    ("net.cidr_expand", "its memory grows with the network, without a limit"),
    ("rand.intn", "a decision must be repeatable"),
    ("walk", "its memory grows with everything a value holds; accepted is `walk` over `input`"),
];

/// Longest range of numbers a policy may write.
const MAX_RANGE: u64 = 10_000;

/// Why a format is refused.
const FORMAT_REASON: &str = "its format must be a literal with widths below 1000";

/// Built-ins that may answer differently each time.
const CHANGING: [&str; 3] = ["time.now_ns", "uuid.rfc4122", "trace"];

/// Walks all modules.
///
/// # Errors
/// [`PolicyError::Forbidden`] for the first call of a forbidden built-in.
pub(crate) fn analyse(modules: &[Ref<Module>]) -> Result<Option<Reads>, PolicyError> {
    let mut walk = Walk::default();
    for module in modules {
        visit::module(module, &mut walk);
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

    /// A function of the bundle that is called like the built-in this analysis understands.
    fn shadows(&mut self, name: Option<String>) {
        let last = name.as_deref().map(|name| name.rsplit('.').next().unwrap_or(name));
        self.unclear |= last.is_none_or(|last| last == "startswith");
    }

    /// Notes the first use of a forbidden built-in. A name alone counts: `with f as http.send` calls it too.
    fn refuse_forbidden(&mut self, reference: &Ref<Expr>) {
        let Some(name) = dotted(reference) else { return };
        if let Some((_, reason)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
            self.forbid(reference, &name, reason);
        }
    }

    fn forbid(&mut self, reference: &Ref<Expr>, function: &str, reason: &'static str) {
        let span = reference.span();
        self.forbidden.get_or_insert_with(|| PolicyError::Forbidden {
            module: span.source.file().clone(),
            line: span.line,
            function: function.to_owned(),
            reason,
        });
    }
}

impl Visitor for Walk {
    fn import(&mut self, import: &Import) {
        // `import input.actor as who` gives a part of the input another name.
        self.unclear |= root_of(&import.refr).is_none_or(|root| root == "input");
        let name = import.r#as.as_ref().map(|name| name.text().to_owned());
        self.shadows(name.or_else(|| dotted(&import.refr)));
    }

    fn rule(&mut self, rule: &Rule) {
        if let Rule::Spec { head: RuleHead::Func { refr, .. }, .. } = rule {
            self.shadows(dotted(refr));
        }
    }

    fn with(&mut self, _: &WithModifier) {
        // What is read below a `with` is not what was asked.
        self.unclear = true;
    }

    fn reference(&mut self, expr: &Ref<Expr>) {
        self.refuse_forbidden(expr);
        if let Some((path, _)) = input_path(expr) {
            self.facts.insert(Fact::Value(path));
        }
    }

    fn call(&mut self, function: &Ref<Expr>, params: &[Ref<Expr>]) -> bool {
        let Some(name) = dotted(function) else {
            self.unclear = true;
            return true;
        };
        match name.as_str() {
            "numbers.range" if bounded_range(params) => {}
            "walk" if params.first().is_some_and(|walked| input_path(walked).is_some()) => {}
            name if bounds::arguments_of(name).is_some_and(|count| params.len() != count) => {
                self.forbid(function, name, "its result is its value, not a further argument: write `x := …`");
            }
            "sprintf" if !bounded_format(params) => self.forbid(function, &name, FORMAT_REASON),
            _ => self.refuse_forbidden(function),
        }
        self.unclear |= CHANGING.contains(&name.as_str()) || name.starts_with("input.");
        if let ("startswith", [text, prefix]) = (name.as_str(), params)
            && let Some((path, true)) = input_path(text)
            && let Expr::String { value, .. } = prefix.as_ref()
            && let Ok(prefix) = value.as_string()
        {
            self.facts.insert(Fact::StartsWith(path, prefix.to_string()));
            return false;
        }
        true
    }
}

/// Whether a range is written with two literal bounds that are not far apart.
fn bounded_range(params: &[Ref<Expr>]) -> bool {
    let bound = |param: &Ref<Expr>| match param.as_ref() {
        Expr::Number { value, .. } => value.as_i64().ok(),
        _ => None,
    };
    let bounds: Option<Vec<i64>> = params.iter().map(bound).collect();
    matches!(bounds.as_deref(), Some([low, high]) if low.abs_diff(*high) <= MAX_RANGE)
}

/// Whether a format is written out and asks for no width or precision that fills the memory.
fn bounded_format(params: &[Ref<Expr>]) -> bool {
    let Some(Expr::String { value, .. } | Expr::RawString { value, .. }) = params.first().map(AsRef::as_ref) else {
        return false;
    };
    let directives = value
        .as_string()
        .map(|format| format.replace("%%", "").split('%').skip(1).map(str::to_owned).collect::<Vec<_>>());
    directives.is_ok_and(|directives| {
        directives.iter().all(|directive| {
            let end = directive.find(char::is_alphabetic).unwrap_or(directive.len());
            let widths = directive.get(..end).unwrap_or_default();
            !widths.contains('*') && widths.split(|c: char| !c.is_ascii_digit()).all(|width| width.len() <= 3)
        })
    })
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
