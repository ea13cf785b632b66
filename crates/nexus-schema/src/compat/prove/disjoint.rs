//! Rules for two schemas that no value satisfies together.

use serde_json::{Map, Value};

use super::{
    Prover,
    facts::{Facts, stated},
    rules::compare,
};
use crate::compat::normal::target;

/// How deep the comparison goes; discriminators are rarely further in.
const MAX_DEPTH: usize = 12;

impl<'a> Prover<'a> {
    /// Whether nothing that the facts allow satisfies `other`, a schema of the reader.
    pub(super) fn are_disjoint(&self, facts: &Facts<'a>, other: &'a Value, depth: usize) -> bool {
        let Value::Object(keywords) = other else { return other == &Value::Bool(false) };
        if depth > MAX_DEPTH {
            return false;
        }
        let reference = keywords.get("$ref").and_then(Value::as_str).and_then(|to| target(self.reader, to));
        if reference.is_some_and(|(_, schema)| self.are_disjoint(facts, schema, depth + 1)) {
            return true;
        }
        let list = |keyword: &str| keywords.get(keyword).and_then(Value::as_array);
        if list("allOf").is_some_and(|parts| parts.iter().any(|part| self.are_disjoint(facts, part, depth + 1))) {
            return true;
        }
        for keyword in ["anyOf", "oneOf"] {
            if list(keyword).is_some_and(|parts| parts.iter().all(|part| self.are_disjoint(facts, part, depth + 1))) {
                return true;
            }
        }
        by_type(facts, keywords)
            || by_value(facts, keywords)
            || by_range(facts, keywords)
            || self.by_member(facts, keywords, depth)
    }

    /// A member that has to be there and cannot be the same on both sides.
    fn by_member(&self, facts: &Facts<'a>, keywords: &'a Map<String, Value>, depth: usize) -> bool {
        if facts.types() != super::facts::bits("object") {
            return false;
        }
        let required = keywords.get("required").and_then(Value::as_array);
        let mut required = required.into_iter().flatten().filter_map(Value::as_str);
        if required.any(|name| facts.member(name, self).is_none()) {
            return true;
        }
        let named = keywords.get("properties").and_then(Value::as_object);
        named.into_iter().flatten().any(|(name, part)| {
            facts.requires(name)
                && facts.member(name, self).is_some_and(|writes| {
                    let inner = Facts::of(self.writer, &writes, self.draft);
                    self.are_disjoint(&inner, part, depth + 1)
                })
        })
    }
}

fn by_type(facts: &Facts<'_>, keywords: &Map<String, Value>) -> bool {
    let types = keywords.get("type").map(stated);
    types.is_some_and(|types| types & facts.types() == 0)
}

/// Two lists without a common value. Numbers are left out: `1` and `1.0` are one value in two writings.
fn by_value(facts: &Facts<'_>, keywords: &Map<String, Value>) -> bool {
    let listed = keywords.get("enum").and_then(Value::as_array).map(|values| values.iter().collect::<Vec<_>>());
    let Some(other) = listed.or_else(|| keywords.get("const").map(|value| vec![value])) else { return false };
    let plain = |value: &&Value| value.is_string() || value.is_boolean() || value.is_null();
    facts.enumerated().is_some_and(|values| values.iter().all(|value| plain(value) && !other.contains(value)))
}

fn by_range(facts: &Facts<'_>, keywords: &Map<String, Value>) -> bool {
    let numbers = super::facts::bits("number");
    if facts.types() & !numbers != 0 {
        return false;
    }
    let apart = |lows: &mut dyn Iterator<Item = &Value>, high: Option<&Value>| {
        let Some(high) = high.and_then(Value::as_number) else { return false };
        lows.filter_map(Value::as_number).any(|low| compare(low, high).is_some_and(std::cmp::Ordering::is_gt))
    };
    let lowest = |keyword: &'static str| facts.all(keyword);
    apart(&mut lowest("minimum"), keywords.get("maximum"))
        || ["maximum"].into_iter().any(|keyword| {
            let Some(low) = keywords.get("minimum").and_then(Value::as_number) else { return false };
            facts
                .all(keyword)
                .filter_map(Value::as_number)
                .any(|high| compare(low, high).is_some_and(std::cmp::Ordering::is_gt))
        })
}
