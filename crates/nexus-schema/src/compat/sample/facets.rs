//! What several schemas that apply together say about one place.

use serde_json::{Map, Value};

use crate::compat::normal::target;

/// The keywords of schemas that apply together, after their alternatives were chosen.
pub(super) struct Facets<'a> {
    pub(super) maps: Vec<&'a Map<String, Value>>,
}

impl<'a> Facets<'a> {
    /// Every value of `keyword`.
    pub(super) fn all(&self, keyword: &'static str) -> impl Iterator<Item = &'a Value> + '_ {
        self.maps.iter().filter_map(move |map| map.get(keyword))
    }

    /// Every number at `keyword`.
    pub(super) fn numbers(&self, keyword: &'static str) -> impl Iterator<Item = &'a serde_json::Number> + '_ {
        self.all(keyword).filter_map(Value::as_number)
    }

    /// Every count at `keyword`.
    pub(super) fn counts(&self, keyword: &'static str) -> impl Iterator<Item = usize> + '_ {
        self.all(keyword).filter_map(Value::as_u64).filter_map(|count| usize::try_from(count).ok())
    }

    /// The values that `enum` and `const` leave; `None` when there is neither.
    pub(super) fn enumerated(&self) -> Option<Vec<Value>> {
        let mut lists = self.maps.iter().flat_map(|map| {
            let listed = map.get("enum").and_then(Value::as_array).cloned();
            let single = map.get("const").map(|value| vec![value.clone()]);
            listed.into_iter().chain(single)
        });
        let mut values = lists.next()?;
        for list in lists {
            values.retain(|value| list.contains(value));
        }
        Some(values)
    }

    /// Whether no `type` rules `name` out. Every integer is a number.
    pub(super) fn allows_type(&self, name: &str) -> bool {
        self.all("type").all(|stated| match stated {
            Value::String(one) => one == name || (one == "number" && name == "integer"),
            Value::Array(names) => names.iter().any(|one| one == name || (one == "number" && name == "integer")),
            _ => true,
        })
    }

    pub(super) fn allows_type_of(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.allows_type("null"),
            Value::Bool(_) => self.allows_type("boolean"),
            Value::Number(number) => self.allows_type(if number.is_f64() { "number" } else { "integer" }),
            Value::String(_) => self.allows_type("string"),
            Value::Array(_) => self.allows_type("array"),
            Value::Object(_) => self.allows_type("object"),
        }
    }

    /// Whether some keyword concerns the values of a type.
    pub(super) fn speaks_of(&self, name: &str) -> bool {
        let keywords: &[&str] = match name {
            "object" => &[
                "properties",
                "required",
                "patternProperties",
                "additionalProperties",
                "propertyNames",
                "minProperties",
                "maxProperties",
                "dependentRequired",
                "dependentSchemas",
                "dependencies",
                "unevaluatedProperties",
            ],
            "array" => &[
                "items",
                "prefixItems",
                "additionalItems",
                "contains",
                "minItems",
                "maxItems",
                "uniqueItems",
                "unevaluatedItems",
            ],
            "string" => &["minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"],
            "number" | "integer" => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
            _ => &[],
        };
        keywords.iter().any(|keyword| self.maps.iter().any(|map| map.contains_key(*keyword)))
    }
}

/// The ways in which the alternatives inside `parts` can be chosen, each flattened. With `everything`, what is under
/// `not` counts as well and all choices are taken at once: that is for hints, which need not be consistent.
pub(super) fn alternatives<'a>(
    root: &'a Value,
    parts: &[&'a Value],
    limit: usize,
    everything: bool,
) -> Vec<Facets<'a>> {
    let mut found = Vec::new();
    let mut pending = vec![Choice { maps: Vec::new(), parts: parts.to_vec(), steps: 0 }];
    while let Some(mut choice) = pending.pop() {
        if found.len() >= limit {
            break;
        }
        if choice.settle(root, everything, &mut pending) {
            found.push(Facets { maps: choice.maps });
        }
        // Choices still to be made are bounded as well as those made.
        pending.truncate(limit * 4);
    }
    found
}

#[derive(Clone)]
struct Choice<'a> {
    maps: Vec<&'a Map<String, Value>>,
    parts: Vec<&'a Value>,
    steps: usize,
}

impl<'a> Choice<'a> {
    /// Most schemas followed at one place.
    const MAX_STEPS: usize = 200;

    /// Follows what applies at this place; other choices are left in `pending`. False when nothing is accepted.
    fn settle(&mut self, root: &'a Value, everything: bool, pending: &mut Vec<Self>) -> bool {
        while let Some(part) = self.parts.pop() {
            self.steps += 1;
            if self.steps > Self::MAX_STEPS {
                return true;
            }
            let Value::Object(map) = part else {
                if part == &Value::Bool(false) && !everything {
                    return false;
                }
                continue;
            };
            self.maps.push(map);
            if let Some(target) = map.get("$ref").and_then(Value::as_str).and_then(|to| target(root, to)) {
                self.parts.push(target.1);
            }
            self.parts.extend(map.get("allOf").and_then(Value::as_array).into_iter().flatten());
            if everything {
                self.take_all(map);
            } else {
                self.choose(map, pending);
            }
        }
        true
    }

    fn take_all(&mut self, map: &'a Map<String, Value>) {
        for keyword in ["anyOf", "oneOf"] {
            self.parts.extend(map.get(keyword).and_then(Value::as_array).into_iter().flatten());
        }
        self.parts.extend(["if", "then", "else", "not"].iter().filter_map(|keyword| map.get(*keyword)));
        for keyword in ["dependentSchemas", "dependencies"] {
            let named = map.get(keyword).and_then(Value::as_object).into_iter().flatten();
            self.parts.extend(named.map(|(_, part)| part).filter(|part| !part.is_array()));
        }
    }

    fn choose(&mut self, map: &'a Map<String, Value>, pending: &mut Vec<Self>) {
        for keyword in ["oneOf", "anyOf"] {
            let Some(branches) = map.get(keyword).and_then(Value::as_array) else { continue };
            let mut branches = branches.iter();
            let first = branches.next();
            for branch in branches.rev() {
                pending.push(self.with(&[branch]));
            }
            self.parts.extend(first);
        }
        if let Some(condition) = map.get("if") {
            let mut met = vec![condition];
            met.extend(map.get("then"));
            pending.push(self.with(&map.get("else").into_iter().collect::<Vec<_>>()));
            self.parts.extend(met);
        }
        let dependent = map.get("dependentSchemas").or_else(|| map.get("dependencies")).and_then(Value::as_object);
        let dependent: Vec<&Value> =
            dependent.into_iter().flatten().map(|(_, part)| part).filter(|part| !part.is_array()).collect();
        if !dependent.is_empty() {
            pending.push(self.with(&dependent));
        }
    }

    fn with(&self, more: &[&'a Value]) -> Self {
        let mut other = self.clone();
        other.parts.extend(more);
        other
    }
}
