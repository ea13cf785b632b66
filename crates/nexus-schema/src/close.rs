//! The writer-closed form of a schema: undeclared members are refused unless the schema opens them.
//!
//! An object schema that stands alone gets `additionalProperties: false`. Where several schemas describe one object
//! together (`allOf`, `anyOf`, `oneOf`, `$ref` with company, `if`), each sees only its own members, so the
//! outermost one gets `unevaluatedProperties: false` and the others stay as they are. Drafts before 2019-09 have
//! no such keyword; there the names all parts declare are gathered at the outermost one.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Draft;
use serde_json::{Map, Value};

use crate::graph::{Child, Graph, InPlace, Node, lone_reference, place};

/// What closing made of a schema.
pub(crate) struct Closed {
    /// The closed document.
    pub(crate) schema: Value,
    /// Whether the original has to be checked as well, because a stricter part may make the whole laxer there
    /// (`oneOf` with fewer matches, a condition that no longer holds).
    pub(crate) check_original: bool,
}

/// Closes a schema.
///
/// # Errors
/// A sentence when one schema describes whole objects at one place and parts of objects at another.
pub(crate) fn close(schema: &Value, graph: &Graph, draft: Draft) -> Result<Closed, String> {
    let plan = Plan::make(graph)?;
    if plan.alone.is_empty() && plan.together.is_empty() {
        return Ok(Closed { schema: schema.clone(), check_original: false });
    }
    let mut closed = schema.clone();
    for index in &plan.alone {
        with_members(&mut closed, graph, *index, |members| {
            members.insert("additionalProperties".to_owned(), Value::Bool(false));
        });
    }
    for index in &plan.together {
        if matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7) {
            let declared = Declared::of(schema, graph, *index);
            with_members(&mut closed, graph, *index, |members| {
                declared.close(draft, members);
            });
        } else {
            with_members(&mut closed, graph, *index, |members| {
                members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
            });
        }
    }
    Ok(Closed { schema: closed, check_original: has_exclusive_parts(schema, graph) })
}

fn with_members(document: &mut Value, graph: &Graph, index: usize, change: impl FnOnce(&mut Map<String, Value>)) {
    let schema = graph.get(index).and_then(|node| document.pointer_mut(&node.pointer));
    if let Some(members) = schema.and_then(Value::as_object_mut) {
        change(members);
    }
}

/// Whether some part of the schema may accept more when one of its own parts accepts less.
fn has_exclusive_parts(schema: &Value, graph: &Graph) -> bool {
    graph.nodes.iter().any(|node| {
        schema.pointer(&node.pointer).and_then(Value::as_object).is_some_and(|members| {
            ["oneOf", "not", "if", "contains"].iter().any(|keyword| members.contains_key(*keyword))
        })
    })
}

/// Which schemas get which keyword.
#[derive(Default)]
struct Plan {
    /// Closed by `additionalProperties`.
    alone: BTreeSet<usize>,
    /// Closed by `unevaluatedProperties`.
    together: BTreeSet<usize>,
}

/// What describes one object: a schema and everything that applies to the same place.
struct Description {
    /// All schemas of the description except the first.
    others: BTreeSet<usize>,
    /// Those that declare members openly.
    declaring: Vec<usize>,
}

struct Survey<'a> {
    graph: &'a Graph,
    /// Schemas that describe whole places, and whether they stand there themselves (not behind a reference).
    whole: BTreeMap<usize, bool>,
    /// Schemas that describe an object together with others.
    parts: BTreeSet<usize>,
    /// A place and the only schema of its description that declares members.
    delegated: Vec<(usize, usize)>,
    together: BTreeSet<usize>,
}

impl Plan {
    fn make(graph: &Graph) -> Result<Self, String> {
        let mut survey = Survey {
            graph,
            whole: BTreeMap::new(),
            parts: BTreeSet::new(),
            delegated: Vec::new(),
            together: BTreeSet::new(),
        };
        survey.walk();
        survey.settle()
    }
}

impl Survey<'_> {
    /// Visits every schema that describes a whole place of the document.
    fn walk(&mut self) {
        let mut pending = vec![(0, true)];
        while let Some((index, itself)) = pending.pop() {
            let known = self.whole.get(&index).copied();
            if known == Some(true) || known == Some(itself) {
                continue;
            }
            self.whole.insert(index, itself);
            if known.is_some() {
                continue;
            }
            let description = self.describe(index);
            self.children(index, &description, &mut pending);
            self.judge(index, description, &mut pending);
        }
    }

    fn judge(&mut self, index: usize, description: Description, pending: &mut Vec<(usize, bool)>) {
        let Some(node) = self.graph.get(index) else { return };
        if description.others.is_empty() || node.states_openness {
            return;
        }
        match description.declaring.as_slice() {
            [] => {}
            [only] if *only != index && self.rest_is_silent(index, *only, &description) => {
                self.delegated.push((index, *only));
                pending.push((*only, false));
            }
            _ => {
                self.parts.extend(&description.others);
                self.together.insert(index);
            }
        }
    }

    /// Whether `only` alone decides which members there are: the others lead to it or accept no objects.
    fn rest_is_silent(&self, index: usize, only: usize, description: &Description) -> bool {
        let leads =
            |from: usize| self.graph.get(from).is_some_and(|node| node.in_place.contains(&(InPlace::Part, only)));
        // One step is what `$ref` and `anyOf: [{"$ref": …}, {"type": "null"}]` need; anything deeper is closed together.
        let reference_to_only = |other: usize| {
            leads(other)
                && self
                    .graph
                    .get(other)
                    .is_some_and(|node| node.in_place.len() == 1 && node.children.is_empty() && !node.states_openness)
        };
        let silent = |other: usize| {
            other == only
                || reference_to_only(other)
                || self.graph.get(other).is_some_and(|node| node.refuses_objects && node.in_place.is_empty())
        };
        let own_members = self.graph.get(index).is_some_and(|node| {
            node.children.iter().any(|(child, _)| matches!(child, Child::Member(_) | Child::AnyMember))
        });
        let only_is_plain = self.graph.get(only).is_some_and(|node| node.in_place.is_empty());
        !own_members && only_is_plain && description.others.iter().all(|other| silent(*other))
    }

    /// Everything that applies to the same place as `index`. What is under `not` declares nothing.
    fn describe(&self, index: usize) -> Description {
        let mut others = BTreeSet::new();
        let mut pending = vec![index];
        while let Some(next) = pending.pop() {
            let edges = self.graph.get(next).map(|node| node.in_place.as_slice());
            for (how, part) in edges.unwrap_or_default() {
                if *how != InPlace::Negation && *part != index && others.insert(*part) {
                    pending.push(*part);
                }
            }
        }
        let all = std::iter::once(index).chain(others.iter().copied());
        let declaring = all.filter(|one| self.graph.get(*one).is_some_and(|node| node.declares_openly)).collect();
        Description { others, declaring }
    }

    /// The schemas further in, as whole places of their own. Conditions and probes only ask, so they are left out.
    fn children(&self, index: usize, description: &Description, pending: &mut Vec<(usize, bool)>) {
        let conditions = self.conditions(index, description);
        for one in std::iter::once(&index).chain(&description.others) {
            let Some(node) = self.graph.get(*one).filter(|_| !conditions.contains(one)) else {
                continue;
            };
            for (child, part) in &node.children {
                if *child != Child::Probe {
                    pending.push((*part, true));
                }
            }
        }
    }

    fn conditions(&self, index: usize, description: &Description) -> BTreeSet<usize> {
        std::iter::once(&index)
            .chain(&description.others)
            .filter_map(|one| self.graph.get(*one))
            .flat_map(|node| &node.in_place)
            .filter(|(how, _)| *how == InPlace::Condition)
            .map(|(_, part)| *part)
            .collect()
    }

    /// Decides once all uses of all schemas are known.
    fn settle(mut self) -> Result<Plan, String> {
        for (site, target) in std::mem::take(&mut self.delegated) {
            if self.parts.contains(&target) {
                self.together.insert(site);
            }
        }
        let alone: BTreeSet<usize> = self
            .whole
            .keys()
            .copied()
            .filter(|index| self.graph.get(*index).is_some_and(|node| node.declares_openly && node.is_alone()))
            .collect();
        let mut plan = Plan::default();
        for (wanted, into) in [(&alone, &mut plan.alone), (&self.together, &mut plan.together)] {
            for index in wanted {
                if !self.parts.contains(index) {
                    into.insert(*index);
                } else if self.whole.get(index) == Some(&true) {
                    return Err(self.conflict(*index));
                }
            }
        }
        Ok(plan)
    }

    fn conflict(&self, index: usize) -> String {
        let pointer = self.graph.get(index).map(|node| node.pointer.as_str()).unwrap_or_default();
        format!(
            "the schema {} describes a whole object there and is a part of another object elsewhere, so it cannot be \
             closed for writers: move it under `$defs` and refer to it from both places, or say \
             `additionalProperties`",
            place(pointer)
        )
    }
}

impl Node {
    /// Whether nothing else describes the same object.
    fn is_alone(&self) -> bool {
        self.in_place.iter().all(|(how, _)| *how == InPlace::Negation)
    }
}

/// The member names that the parts of one description declare, for drafts without `unevaluatedProperties`.
struct Declared {
    names: BTreeSet<String>,
    patterns: BTreeSet<String>,
    /// Some part opens the object itself.
    opened: bool,
}

impl Declared {
    fn of(schema: &Value, graph: &Graph, index: usize) -> Self {
        let mut declared = Self { names: BTreeSet::new(), patterns: BTreeSet::new(), opened: false };
        let mut seen = BTreeSet::from([index]);
        let mut pending = vec![index];
        while let Some(next) = pending.pop() {
            let Some(node) = graph.get(next) else { continue };
            let members = schema.pointer(&node.pointer).and_then(Value::as_object);
            let keys = |keyword: &str| {
                members
                    .and_then(|members| members.get(keyword))
                    .and_then(Value::as_object)
                    .into_iter()
                    .flat_map(Map::keys)
                    .cloned()
            };
            declared.names.extend(keys("properties"));
            declared.patterns.extend(keys("patternProperties"));
            let stated = members.and_then(|members| members.get("additionalProperties"));
            declared.opened |= stated.is_some_and(|stated| stated != &Value::Bool(false));
            for (how, part) in &node.in_place {
                if *how != InPlace::Negation && seen.insert(*part) {
                    pending.push(*part);
                }
            }
        }
        declared
    }

    fn close(self, draft: Draft, schema: &mut Map<String, Value>) {
        if self.opened {
            return;
        }
        if lone_reference(draft, schema) {
            // Keywords beside `$ref` mean nothing in these drafts, so the reference moves into an `allOf`.
            const KEPT: [&str; 6] = ["$schema", "$id", "id", "definitions", "title", "description"];
            let reference = schema.get("$ref").cloned().unwrap_or_default();
            schema.retain(|keyword, _| KEPT.contains(&keyword.as_str()));
            let wrapped = Map::from_iter([("$ref".to_owned(), reference)]);
            schema.insert("allOf".to_owned(), Value::Array(vec![Value::Object(wrapped)]));
        }
        for (keyword, names) in [("properties", self.names), ("patternProperties", self.patterns)] {
            let known = schema.entry(keyword).or_insert_with(|| Value::Object(Map::new()));
            if let Some(known) = known.as_object_mut() {
                for name in names {
                    known.entry(name).or_insert_with(|| Value::Object(Map::new()));
                }
            }
        }
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}
