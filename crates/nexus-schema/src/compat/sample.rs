//! Documents that are likely to show where two schemas differ.
//!
//! A document is drawn from one schema, the *base*, and bent towards the limits that another, the *hint*, sets: values
//! on both sides of its bounds, members it names, texts its patterns know. Nothing here decides anything. Whether a
//! document really passes one and fails the other is for the validators to say; what is drawn only has to be good
//! often and cheap always.

mod array;
mod facets;
mod number;
mod object;
mod text;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use jsonschema::Draft;
use serde_json::{Map, Value, json};

use self::facets::{Facets, alternatives};
use super::normal::texts;
use crate::compile::Check;

/// Schemas that apply together.
type Parts<'a> = Vec<&'a Value>;

/// Deepest nesting of drawn documents.
const MAX_DEPTH: usize = 12;
/// Most values drawn for one place.
const MAX_VALUES: usize = 160;
/// Most ways of choosing among alternatives that are followed at one place.
const MAX_ALTERNATIVES: usize = 12;

/// Draws documents.
pub(super) struct Sampler<'a> {
    base_root: &'a Value,
    hint_root: &'a Value,
    /// Whether references lead to the same on both sides.
    same_roots: bool,
    draft: Draft,
    /// How much may still be built, in values.
    left: Cell<usize>,
    /// Whether nothing changed where values are drawn at the moment, so that plain ones will do.
    plain: Cell<bool>,
    patterns: RefCell<HashMap<String, Option<Check>>>,
}

impl<'a> Sampler<'a> {
    /// Draws from `base`, bent towards `hint`. Both are normal forms; `effort` bounds the values that are built.
    pub(super) fn new(base: &'a Value, hint: &'a Value, draft: Draft, effort: usize) -> Self {
        Self {
            base_root: base,
            hint_root: hint,
            same_roots: base == hint,
            draft,
            left: Cell::new(effort),
            plain: Cell::new(false),
            patterns: RefCell::new(HashMap::new()),
        }
    }

    /// The documents, the plainest first.
    pub(super) fn documents(&self) -> Vec<Value> {
        self.values(&[self.base_root], &[self.hint_root], 0)
    }

    fn values(&self, base: &[&'a Value], hint: &[&'a Value], depth: usize) -> Vec<Value> {
        if depth > MAX_DEPTH || self.left.get() == 0 {
            return Vec::new();
        }
        let same = self.are_same(base, hint);
        let hint = if same { &[] } else { hint };
        let hints: Vec<&Map<String, Value>> = alternatives(self.hint_root, hint, MAX_ALTERNATIVES, true)
            .into_iter()
            .flat_map(|facets| facets.maps)
            .collect();
        let hints = Facets { maps: hints };
        if base.is_empty() && hints.maps.iter().all(|map| map.is_empty()) {
            // Nothing is said, so one value of each type will do.
            return vec![json!("a"), json!(1), json!(0.5), Value::Null, json!(true), json!({}), json!([])];
        }
        let before = self.plain.replace(self.plain.get() || (same && depth > 0));
        let mut lists: Vec<Vec<Value>> = Vec::new();
        for facets in alternatives(self.base_root, base, MAX_ALTERNATIVES, false) {
            lists.push(self.of_facets(&facets, &hints, depth));
        }
        self.plain.set(before);
        let mut values = interleave(lists);
        // Where nothing changed, one value stands for all; a second one tells list items apart.
        values.truncate(if same && depth > 0 { 2 } else { MAX_VALUES });
        values
    }

    fn are_same(&self, base: &[&Value], hint: &[&Value]) -> bool {
        base == hint && (self.same_roots || !base.iter().chain(hint).any(|part| mentions_references(part)))
    }

    fn of_facets(&self, base: &Facets<'a>, hint: &Facets<'a>, depth: usize) -> Vec<Value> {
        if let Some(values) = base.enumerated() {
            let known = texts(&hint.enumerated().unwrap_or_default());
            let (old, mut new): (Vec<Value>, Vec<Value>) =
                values.into_iter().partition(|value| known.contains(&value.to_string()));
            new.extend(old);
            new.truncate(MAX_VALUES / 2);
            self.spend(new.len());
            return new;
        }
        // Loops rather than chains of adapters: this goes deep, and every frame counts.
        let mut lists = Vec::new();
        for name in self.types(base, hint) {
            lists.push(self.of_type(name, base, hint, depth));
        }
        let mut values = interleave(lists);
        // A value the hint singles out may be one the base allows.
        let singled = hint.enumerated().unwrap_or_default();
        values.extend(singled.into_iter().take(8).filter(|value| base.allows_type_of(value)));
        self.spend(values.len());
        values
    }

    fn of_type(&self, name: &str, base: &Facets<'a>, hint: &Facets<'a>, depth: usize) -> Vec<Value> {
        match name {
            "null" => vec![Value::Null],
            "boolean" => vec![json!(true), json!(false)],
            "integer" => number::values(base, hint, true),
            "number" => number::values(base, hint, false),
            "string" => self.texts(base, hint).into_iter().map(Value::String).collect(),
            "array" => self.arrays(base, hint, depth),
            _ => self.objects(base, hint, depth),
        }
    }

    /// The types to draw from, those that the base says something about first.
    fn types(&self, base: &Facets<'a>, hint: &Facets<'a>) -> Vec<&'static str> {
        const ALL: [&str; 6] = ["object", "array", "string", "number", "boolean", "null"];
        let mut types: Vec<&'static str> = ALL.into_iter().filter(|name| base.allows_type(name)).collect();
        if base.allows_type("integer") && !base.allows_type("number") {
            types.push("integer");
        }
        types.sort_by_key(|name| (!base.speaks_of(name), !hint.speaks_of(name)));
        types
    }

    /// Counts `amount` values against the effort.
    fn spend(&self, amount: usize) {
        self.left.set(self.left.get().saturating_sub(amount));
    }

    fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Whether `pattern` matches `text`, by the engine that checks documents.
    fn matches(&self, pattern: &str, text: &str) -> bool {
        let mut patterns = self.patterns.borrow_mut();
        let compiled = patterns
            .entry(pattern.to_owned())
            .or_insert_with(|| Check::new(&json!({ "pattern": pattern }), self.draft).ok());
        compiled.as_ref().is_some_and(|check| check.accepts(&Value::from(text)))
    }
}

fn mentions_references(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.contains_key("$ref") || members.values().any(mentions_references),
        Value::Array(items) => items.iter().any(mentions_references),
        _ => false,
    }
}

/// One of each list in turn, without repeats.
fn interleave(lists: Vec<Vec<Value>>) -> Vec<Value> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let mut values: Vec<Value> = Vec::new();
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    for _ in 0..longest {
        values.extend(lists.iter_mut().filter_map(Iterator::next));
    }
    values
}
