//! What changed between two versions, keyword by keyword.

mod members;
mod words;

use std::collections::HashSet;

use jsonschema::Draft;
use nexus_core::ports::{SchemaBump as Bump, SchemaChange as Change, SchemaChangeKind as ChangeKind};
use serde_json::{Map, Value};

use super::normal::{Holds, holds};
use crate::{
    compile::draft_of,
    graph::{join, percent_decode},
};

/// Most changes that are told.
const MAX_CHANGES: usize = 500;
/// Deepest nesting that is followed; bounds the stack.
const MAX_DEPTH: usize = 80;

/// Every difference between two versions that is not merely one of writing, in the order of the newer document.
///
/// References are followed, so that a schema that only moved into `$defs` is no change, nor is another order of
/// `required`. What is told is a reading aid: whether documents break is for [`super::judge`] to say.
///
/// ```
/// use nexus_schema::compat::{SchemaBump, diff};
/// use serde_json::json;
///
/// let from = json!({ "type": "object", "properties": { "total": { "type": "integer", "minimum": 0 } } });
/// let to = json!({ "type": "object", "properties": { "total": { "type": "integer", "minimum": 5 } } });
/// let changes = diff(&from, &to);
/// assert_eq!((changes[0].pointer.as_str(), changes[0].bump), ("/properties/total/minimum", SchemaBump::Major));
/// assert_eq!(changes[0].description, "`minimum` 0 → 5");
/// ```
#[must_use]
pub fn diff(from: &Value, to: &Value) -> Vec<Change> {
    let mut walk = Walk {
        from,
        to,
        draft: draft_of(to).unwrap_or(Draft::Draft202012),
        seen: HashSet::new(),
        changes: Vec::new(),
        depth: 0,
    };
    walk.schemas(Place { schema: from, pointer: String::new() }, Place { schema: to, pointer: String::new() });
    walk.changes
}

/// A schema and where it is.
#[derive(Clone)]
struct Place<'a> {
    schema: &'a Value,
    pointer: String,
}

struct Walk<'a> {
    from: &'a Value,
    to: &'a Value,
    draft: Draft,
    /// Pairs of places compared already.
    seen: HashSet<(usize, usize)>,
    changes: Vec<Change>,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn schemas(&mut self, from: Place<'a>, to: Place<'a>) {
        let (from, to) = (follow(self.from, from), follow(self.to, to));
        let pair = (std::ptr::from_ref(from.schema).addr(), std::ptr::from_ref(to.schema).addr());
        if self.changes.len() >= MAX_CHANGES || self.depth >= MAX_DEPTH || !self.seen.insert(pair) {
            return;
        }
        self.depth += 1;
        match (from.schema, to.schema) {
            (Value::Object(before), Value::Object(after)) => self.keywords(before, after, &from.pointer, &to.pointer),
            (before, after) if before != after => {
                let bump = if after == &Value::Bool(true) || before == &Value::Bool(false) {
                    Bump::Minor
                } else {
                    Bump::Major
                };
                let description = format!("{} → {}", words::value(before), words::value(after));
                self.push(to.pointer, ChangeKind::Changed, description, bump);
            }
            _ => {}
        }
        self.depth -= 1;
    }

    fn keywords(&mut self, before: &'a Map<String, Value>, after: &'a Map<String, Value>, from: &str, to: &str) {
        for (keyword, new) in after {
            let at = Place { schema: new, pointer: join(to, keyword) };
            match before.get(keyword) {
                Some(old) => self.keyword(keyword, Place { schema: old, pointer: join(from, keyword) }, at),
                None => self.one_sided(keyword, at, ChangeKind::Added),
            }
        }
        for (keyword, old) in before.iter().filter(|(keyword, _)| !after.contains_key(*keyword)) {
            self.one_sided(keyword, Place { schema: old, pointer: join(from, keyword) }, ChangeKind::Removed);
        }
    }

    /// A keyword that both have.
    fn keyword(&mut self, keyword: &str, from: Place<'a>, to: Place<'a>) {
        match (holds(self.draft, keyword), from.schema, to.schema) {
            (Some(Holds::Named), ..) if matches!(keyword, "$defs" | "definitions") => {}
            (Some(Holds::Named), Value::Object(before), Value::Object(after)) => {
                self.named(keyword, (before, &from.pointer), (after, &to.pointer));
            }
            (Some(Holds::Schemas), Value::Array(before), Value::Array(after)) => {
                self.listed(keyword, (before, &from.pointer), (after, &to.pointer));
            }
            (Some(Holds::Schema | Holds::Schemas), ..) => self.schemas(from, to),
            (Some(Holds::Reference), ..) => self.references(from, to),
            (None, ..) => self.annotation(keyword, Some(&from), Some(&to)),
            _ => self.assertion(keyword, &from, &to),
        }
    }

    /// References with company: where they lead is compared.
    fn references(&mut self, from: Place<'a>, to: Place<'a>) {
        let lead = |root: &'a Value, place: &Place<'a>| place.schema.as_str().and_then(|text| target(root, text));
        match (lead(self.from, &from), lead(self.to, &to)) {
            (Some(from), Some(to)) => self.schemas(from, to),
            _ if from.schema != to.schema => {
                let description = format!("leads to {} → {}", words::value(from.schema), words::value(to.schema));
                self.push(to.pointer, ChangeKind::Changed, description, Bump::Major);
            }
            _ => {}
        }
    }

    fn push(&mut self, pointer: String, kind: ChangeKind, description: String, bump: Bump) {
        if self.changes.len() < MAX_CHANGES {
            self.changes.push(Change { pointer, kind, description, bump, warning: None });
        }
    }
}

/// Where a place that is only a reference leads.
fn follow<'a>(root: &'a Value, mut place: Place<'a>) -> Place<'a> {
    for _ in 0..MAX_DEPTH {
        let Some(members) = place.schema.as_object() else { break };
        let alone =
            members.keys().all(|keyword| matches!(keyword.as_str(), "$ref" | "title" | "description" | "$comment"));
        let next = members.get("$ref").and_then(Value::as_str).filter(|_| alone).and_then(|text| target(root, text));
        let Some(next) = next else { break };
        place = next;
    }
    place
}

fn target<'a>(root: &'a Value, reference: &str) -> Option<Place<'a>> {
    let pointer = percent_decode(reference.strip_prefix('#')?);
    root.pointer(&pointer).map(|schema| Place { schema, pointer })
}
