//! A schema without what asserts nothing, with every reference written as a pointer. Places stay where they were.

use std::collections::{BTreeSet, HashMap};

use jsonschema::Draft;
use serde_json::{Map, Value};

use crate::graph::{Graph, InPlace, REFERENCES, join, lone_reference};

/// What the value of a keyword is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// One schema.
    Schema,
    /// A list of schemas, or one: `items` of the older drafts.
    Schemas,
    /// Schemas by name. Lists among them are names, as `dependencies` has them.
    Named,
    /// Something that asserts by itself: a bound, a list of names, a type.
    Assertion,
    /// A reference to another schema.
    Reference,
}

/// What `keyword` holds in `draft`, `None` where it asserts nothing.
pub(super) fn holds(draft: Draft, keyword: &str) -> Option<Holds> {
    let found = match keyword {
        "$defs" | "definitions" => return Some(Holds::Named),
        "$ref" | "$dynamicRef" => Holds::Reference,
        "$recursiveRef" if draft == Draft::Draft201909 => Holds::Reference,
        "$recursiveRef" => return None,
        // Beside `prefixItems` it is `items` that speaks of the others.
        "additionalItems" if draft == Draft::Draft202012 => return None,
        "additionalItems"
        | "additionalProperties"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Holds::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" | "items" => Holds::Schemas,
        "properties" | "patternProperties" | "dependentSchemas" | "dependencies" => Holds::Named,
        "contentEncoding" | "contentMediaType" if !matches!(draft, Draft::Draft6 | Draft::Draft7) => return None,
        "$schema" | "$id" | "id" | "$anchor" | "$dynamicAnchor" | "$recursiveAnchor" | "contentSchema" => return None,
        _ => Holds::Assertion,
    };
    draft.is_known_keyword(keyword).then_some(found)
}

/// `document` reduced to what asserts something. `graph` is the document's own.
pub(super) fn normal(document: &Value, graph: &Graph, draft: Draft) -> Value {
    let mut targets = BTreeSet::new();
    for node in &graph.nodes {
        for (how, target) in &node.in_place {
            if *how == InPlace::Part {
                targets.extend(graph.get(*target).map(|target| target.pointer.as_str()));
            }
        }
    }
    let places = graph.nodes.iter().enumerate().map(|(index, node)| (node.pointer.as_str(), index)).collect();
    Normal { graph, draft, targets, places }.schema(document, String::new())
}

struct Normal<'a> {
    graph: &'a Graph,
    draft: Draft,
    targets: BTreeSet<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl Normal<'_> {
    fn schema(&self, schema: &Value, pointer: String) -> Value {
        let Value::Object(members) = schema else { return schema.clone() };
        let lone = lone_reference(self.draft, members);
        let mut kept = Map::new();
        for (keyword, value) in members {
            let at = join(&pointer, keyword);
            let holds = holds(self.draft, keyword);
            let ignored = lone && !matches!(keyword.as_str(), "$ref" | "$defs" | "definitions");
            match holds.filter(|_| !ignored) {
                Some(Holds::Reference) => {}
                Some(holds) => {
                    kept.insert(keyword.clone(), self.inside(value, at, holds));
                }
                // What nobody asserts may still hold what something refers to.
                None if self.is_referred_to(&at) => {
                    kept.insert(keyword.clone(), value.clone());
                }
                None => {}
            }
        }
        self.references(members, &pointer, &mut kept);
        Value::Object(kept)
    }

    fn inside(&self, value: &Value, pointer: String, holds: Holds) -> Value {
        match (value, holds) {
            (_, Holds::Schema) | (Value::Object(_) | Value::Bool(_), Holds::Schemas) => self.schema(value, pointer),
            (Value::Array(parts), Holds::Schemas) => Value::Array(
                parts
                    .iter()
                    .enumerate()
                    .map(|(index, part)| self.schema(part, join(&pointer, &index.to_string())))
                    .collect(),
            ),
            (Value::Object(named), Holds::Named) => Value::Object(
                named
                    .iter()
                    .map(|(name, part)| {
                        let part = if part.is_array() { part.clone() } else { self.schema(part, join(&pointer, name)) };
                        (name.clone(), part)
                    })
                    .collect(),
            ),
            _ => value.clone(),
        }
    }

    fn references(&self, members: &Map<String, Value>, pointer: &str, kept: &mut Map<String, Value>) {
        let node = self.places.get(pointer).and_then(|index| self.graph.get(*index));
        // The graph lists references first and in this order.
        let present = REFERENCES.iter().filter(|keyword| members.get(**keyword).is_some_and(Value::is_string));
        for (index, keyword) in present.enumerate() {
            let target = node.and_then(|node| node.in_place.get(index)).and_then(|(_, to)| self.graph.get(*to));
            let Some(target) = target.filter(|_| holds(self.draft, keyword).is_some()) else { continue };
            let reference = Value::from(format!("#{}", encoded(&target.pointer)));
            if kept.contains_key("$ref") {
                let also = Value::Object(Map::from_iter([("$ref".to_owned(), reference)]));
                let all = kept.entry("allOf").or_insert_with(|| Value::Array(Vec::new()));
                if let Some(all) = all.as_array_mut() {
                    all.push(also);
                }
            } else {
                kept.insert("$ref".to_owned(), reference);
            }
        }
    }

    fn is_referred_to(&self, pointer: &str) -> bool {
        let inside = format!("{pointer}/");
        self.targets.contains(pointer)
            || self.targets.range(inside.as_str()..).next().is_some_and(|next| next.starts_with(&inside))
    }
}

/// A pointer as a fragment of a reference.
fn encoded(pointer: &str) -> String {
    let mut text = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@?".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The schema that a normal reference leads to, with its pointer.
pub(super) fn target<'a>(root: &'a Value, reference: &str) -> Option<(String, &'a Value)> {
    let pointer = crate::graph::percent_decode(reference.strip_prefix('#')?);
    root.pointer(&pointer).map(|schema| (pointer, schema))
}
