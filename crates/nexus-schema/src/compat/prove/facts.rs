//! What the writer says about one place, flattened.

use std::collections::BTreeSet;

use jsonschema::Draft;
use serde_json::{Map, Value};

use super::Prover;
use crate::compat::normal::target;

/// Schemas of the writer that apply together: each map's keywords hold.
pub(super) struct Facts<'a> {
    /// The schemas they came from.
    pub(super) parts: Vec<&'a Value>,
    pub(super) maps: Vec<&'a Map<String, Value>>,
    /// Some part accepts nothing.
    never: bool,
    pub(super) draft: Draft,
}

/// The types of values, as bits. A number is an integer or a fraction.
pub(super) type Types = u8;

const ALL_TYPES: Types = 0b111_1111;

/// The bits of a type's name.
pub(super) fn bits(name: &str) -> Types {
    match name {
        "null" => 1,
        "boolean" => 2,
        "object" => 4,
        "array" => 8,
        "string" => 16,
        "integer" => 32,
        "number" => 96,
        _ => 0,
    }
}

/// The bits that a `type` keyword allows.
pub(super) fn stated(value: &Value) -> Types {
    match value {
        Value::String(name) => bits(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(bits).fold(0, |all, one| all | one),
        _ => ALL_TYPES,
    }
}

/// The bits of a value's own type. A number written with a fraction counts as both.
fn of_value(value: &Value) -> Types {
    match value {
        Value::Null => 1,
        Value::Bool(_) => 2,
        Value::Object(_) => 4,
        Value::Array(_) => 8,
        Value::String(_) => 16,
        Value::Number(number) if number.is_f64() => 96,
        Value::Number(_) => 32,
    }
}

/// What is known about members that nobody declares by name.
pub(super) enum Rest<'a> {
    /// There are none.
    Forbidden,
    /// Those matching a pattern hold its schema, all others the last, if there is one.
    Classes(Vec<(&'a str, &'a Value)>, Option<&'a Value>),
}

impl<'a> Facts<'a> {
    pub(super) fn of(root: &'a Value, writes: &[&'a Value], draft: Draft) -> Self {
        let mut facts = Self { parts: writes.to_vec(), maps: Vec::new(), never: false, draft };
        let mut pending = writes.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(part) = pending.pop() {
            if !seen.insert(std::ptr::from_ref(part).addr()) {
                continue;
            }
            let Value::Object(map) = part else {
                facts.never |= part == &Value::Bool(false);
                continue;
            };
            facts.maps.push(map);
            pending.extend(map.get("allOf").and_then(Value::as_array).into_iter().flatten());
            let reference = map.get("$ref").and_then(Value::as_str);
            pending.extend(reference.and_then(|to| target(root, to)).map(|(_, schema)| schema));
        }
        facts
    }

    /// Every value of `keyword`.
    pub(super) fn all(&self, keyword: &'static str) -> impl Iterator<Item = &'a Value> + '_ {
        self.maps.iter().filter_map(move |map| map.get(keyword))
    }

    pub(super) fn counts(&self, keyword: &'static str) -> impl Iterator<Item = u64> + '_ {
        self.all(keyword).filter_map(Value::as_u64)
    }

    /// The types that values may have.
    pub(super) fn types(&self) -> Types {
        let stated = self.all("type").map(stated).fold(ALL_TYPES, |all, one| all & one);
        let listed = self
            .enumerated()
            .map_or(ALL_TYPES, |values| values.iter().map(|value| of_value(value)).fold(0, |all, one| all | one));
        stated & listed
    }

    /// The values there can be, if they are listed.
    pub(super) fn enumerated(&self) -> Option<Vec<&'a Value>> {
        let listed = self.all("enum").filter_map(Value::as_array).map(|values| values.iter().collect::<Vec<_>>());
        let mut lists = self.all("const").map(|value| vec![value]).chain(listed);
        // One list is enough: the others can only shorten it.
        lists.next().map(|first| lists.fold(first, |best, other| if other.len() < best.len() { other } else { best }))
    }

    /// Whether some member is sure to be there.
    pub(super) fn requires(&self, name: &str) -> bool {
        self.all("required").any(|names| names.as_array().is_some_and(|names| names.iter().any(|one| one == name)))
    }

    /// The names declared by `properties`.
    pub(super) fn declared(&self) -> BTreeSet<&'a str> {
        self.all("properties").filter_map(Value::as_object).flat_map(Map::keys).map(String::as_str).collect()
    }

    /// What holds for the member `name`; `None` when there cannot be one.
    pub(super) fn member(&self, name: &str, prover: &Prover<'a>) -> Option<Vec<&'a Value>> {
        let mut parts = Vec::new();
        for map in &self.maps {
            let before = parts.len();
            parts.extend(map.get("properties").and_then(|named| named.get(name)));
            let mut unsure = false;
            for (pattern, part) in map.get("patternProperties").and_then(Value::as_object).into_iter().flatten() {
                match prover.matches(pattern, name) {
                    Some(true) => parts.push(part),
                    Some(false) => {}
                    None => unsure = true,
                }
            }
            if parts.len() == before && !unsure {
                parts.extend(map.get("additionalProperties"));
            }
        }
        (!parts.contains(&&Value::Bool(false))).then_some(parts)
    }

    /// What each schema says about members outside of `declared`.
    pub(super) fn rests(&self) -> Vec<Rest<'a>> {
        let rest = |map: &&'a Map<String, Value>| {
            let patterns = map.get("patternProperties").and_then(Value::as_object);
            let classes: Vec<(&str, &Value)> =
                patterns.into_iter().flatten().map(|(pattern, part)| (pattern.as_str(), part)).collect();
            match map.get("additionalProperties") {
                Some(Value::Bool(false)) if classes.is_empty() => Rest::Forbidden,
                other => Rest::Classes(classes, other),
            }
        };
        self.maps.iter().map(rest).collect()
    }

    /// Whether no member can be there that `properties` does not declare.
    pub(super) fn forbids_others(&self) -> bool {
        self.rests().iter().any(|rest| matches!(rest, Rest::Forbidden))
    }

    /// What holds for the item at `position`; `None` when there cannot be one.
    pub(super) fn item(&self, position: usize) -> Option<Vec<&'a Value>> {
        if self.counts("maxItems").any(|most| most <= position as u64) {
            return None;
        }
        let mut parts = Vec::new();
        for map in &self.maps {
            parts.extend(item_of(map, self.draft, position));
        }
        (!parts.contains(&&Value::Bool(false))).then_some(parts)
    }

    /// How many items have schemas of their own.
    pub(super) fn tuple_length(&self) -> usize {
        self.maps.iter().map(|map| tuple_of(map, self.draft).map_or(0, Vec::len)).max().unwrap_or(0)
    }

    /// Whether there can be no value at all.
    pub(super) fn are_empty(&self, prover: &Prover<'a>) -> bool {
        if self.never || self.types() == 0 || self.enumerated().is_some_and(|values| values.is_empty()) {
            return true;
        }
        let names = self.all("required").filter_map(Value::as_array).flatten().filter_map(Value::as_str);
        self.types() == bits("object") && names.take(256).any(|name| self.member(name, prover).is_none())
    }

    /// The first alternatives, each with the schemas it adds, and what holds besides.
    pub(super) fn cases(&self) -> Option<(Vec<&'a Value>, Vec<Vec<&'a Value>>)> {
        for map in &self.maps {
            for keyword in ["oneOf", "anyOf"] {
                let Some(branches) = map.get(keyword).and_then(Value::as_array) else { continue };
                // One branch was taken already when it is among the parts.
                if branches.len() > 64 || branches.iter().any(|branch| self.has_part(branch)) {
                    continue;
                }
                return Some((self.parts.clone(), branches.iter().map(|branch| vec![branch]).collect()));
            }
            if let (Some(condition), Some(then)) = (map.get("if"), map.get("then"))
                && !self.has_part(condition)
                && !map.get("else").is_some_and(|other| self.has_part(other))
            {
                let otherwise = map.get("else").map_or_else(Vec::new, |other| vec![other]);
                if !otherwise.is_empty() {
                    return Some((self.parts.clone(), vec![vec![condition, then], otherwise]));
                }
            }
        }
        None
    }

    fn has_part(&self, part: &Value) -> bool {
        self.parts.iter().any(|one| std::ptr::eq(*one, part))
    }
}

/// The schemas by position, if a map has them.
pub(super) fn tuple_of(map: &Map<String, Value>, draft: Draft) -> Option<&Vec<Value>> {
    map.get(if draft == Draft::Draft202012 { "prefixItems" } else { "items" }).and_then(Value::as_array)
}

/// What a map says about the item at `position`.
pub(super) fn item_of(map: &Map<String, Value>, draft: Draft, position: usize) -> Option<&Value> {
    let tuple = tuple_of(map, draft);
    if let Some(part) = tuple.and_then(|tuple| tuple.get(position)) {
        return Some(part);
    }
    let rest = if draft == Draft::Draft202012 || tuple.is_none() { "items" } else { "additionalItems" };
    map.get(rest).filter(|rest| !rest.is_array())
}
