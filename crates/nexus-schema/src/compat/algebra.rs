//! What the schema algebra of the `jsonschema` crate says, kept at arm's length.
//!
//! The algebra is young: its module calls itself experimental. So nothing rests on its word alone where a document
//! can be asked instead, it is only asked about schemas of a size it answers quickly for, and a panic inside it is an
//! answer like any other: it does not know.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use jsonschema::{
    Draft, PatternOptions,
    canonical::{self, CanonicalKind, CanonicalSchema, Containment},
};
use serde_json::{Map, Value, json};

use super::version::{Version, Writer};
use crate::limits;

/// What the algebra says about one schema accepting everything another accepts.
pub(super) enum Answer {
    /// It does.
    Covers,
    /// It does not, or nobody knows. With it a schema of the documents that would be lost, if there is one.
    Unproved(Option<Value>),
}

/// Most schemas in a document the algebra is asked about.
const MAX_PARTS: usize = 4_000;
/// Most levels a walk through a document may go down, references included. Bounds the stack.
const MAX_LEVELS: usize = 160;
/// Most ways of choosing among the alternatives that apply together.
const MAX_CHOICES: u64 = 4_000;

/// Whether `reads` accepts whatever `writes`, as `writer` is held to it, lets in. Both are of one draft.
pub(super) fn ask(writes: &Version, writer: &Writer, reads: &Version) -> Answer {
    // The algebra may meet a case its author held for impossible. Nothing of ours is touched inside.
    catch_unwind(AssertUnwindSafe(|| compare(writes.writes(writer), reads))).unwrap_or(Answer::Unproved(None))
}

fn compare(forms: &[CanonicalSchema], reader: &Version) -> Answer {
    let Some(reads) = reader.reads() else { return Answer::Unproved(None) };
    let mut lost = None;
    for writes in forms {
        if matches!(reads.covers(writes), Ok(Containment::Yes)) {
            return Answer::Covers;
        }
        let difference = writes.subtract(reads).ok();
        lost = lost.or_else(|| difference.map(|difference| difference.to_json_schema()));
    }
    Answer::Unproved(lost)
}

/// What the algebra makes of a normal form; `None` when it cannot model it, or not at a cost that is known.
pub(super) fn canonical(schema: &Value, draft: Draft) -> Option<CanonicalSchema> {
    if !is_modest(schema) {
        return None;
    }
    catch_unwind(AssertUnwindSafe(|| modelled(schema, draft))).unwrap_or(None)
}

fn modelled(schema: &Value, draft: Draft) -> Option<CanonicalSchema> {
    let patterns =
        PatternOptions::regex().size_limit(limits::PATTERN_BYTES).dfa_size_limit(limits::PATTERN_CACHE_BYTES);
    let options =
        canonical::options().with_draft(draft).offline().should_validate_formats(true).with_pattern_options(patterns);
    let schema = options.canonicalize(&without_root_references(schema)).ok()?;
    // What the algebra could not model it hands back as it came; that proves nothing.
    (schema.kind() != CanonicalKind::Raw).then_some(schema)
}

/// The schema with itself as a definition, if it refers to itself: `#` cannot mean two documents at once.
fn without_root_references(schema: &Value) -> Value {
    if !refers_to_root(schema) {
        return schema.clone();
    }
    let mut inner = schema.clone();
    move_references(&mut inner);
    json!({ "$ref": "#/$defs/root", "$defs": { "root": inner } })
}

fn refers_to_root(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.get("$ref").is_some_and(|target| target == "#") || members.values().any(refers_to_root)
        }
        Value::Array(items) => items.iter().any(refers_to_root),
        _ => false,
    }
}

fn move_references(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (keyword, member) in members {
                match member {
                    Value::String(target) if keyword == "$ref" && target.starts_with('#') => {
                        *target = format!("#/$defs/root{}", target.trim_start_matches('#'));
                    }
                    // Values, not schemas. A member of that name keeps a reference that leads nowhere, or to the same.
                    _ if matches!(keyword.as_str(), "enum" | "const") => {}
                    member => move_references(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(move_references),
        _ => {}
    }
}

/// Whether a schema is of the size and shape that the algebra answers for in milliseconds.
fn is_modest(schema: &Value) -> bool {
    let mut survey = Survey { root: schema, parts: 0, done: HashMap::new() };
    let shape = survey.shape(schema, 0);
    survey.parts <= MAX_PARTS && shape.levels <= MAX_LEVELS && shape.choices <= MAX_CHOICES
}

struct Survey<'a> {
    root: &'a Value,
    parts: usize,
    /// Shapes of what references lead to; `None` while it is being looked at.
    done: HashMap<&'a str, Option<Shape>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Shape {
    levels: usize,
    choices: u64,
}

impl<'a> Survey<'a> {
    fn shape(&mut self, value: &'a Value, level: usize) -> Shape {
        self.parts += 1;
        if self.parts > MAX_PARTS || level > MAX_LEVELS {
            return Shape { levels: MAX_LEVELS + 1, choices: u64::MAX };
        }
        match value {
            Value::Object(members) => self.object(members, level),
            Value::Array(items) => items.iter().fold(Shape { levels: 0, choices: 1 }, |whole, item| {
                let part = self.shape(item, level + 1);
                Shape { levels: whole.levels.max(part.levels), choices: whole.choices.max(part.choices) }
            }),
            _ => Shape { levels: 0, choices: 1 },
        }
    }

    fn object(&mut self, members: &'a Map<String, Value>, level: usize) -> Shape {
        let mut whole = Shape { levels: 0, choices: 1 };
        let mut wide = 1_u64;
        for (keyword, value) in members {
            let part = self.member(keyword, value, level);
            whole.levels = whole.levels.max(part.levels);
            match (keyword.as_str(), value) {
                // Alternatives that apply together multiply, and so do conditions.
                ("anyOf" | "oneOf", Value::Array(parts)) => {
                    wide = wide.saturating_mul(parts.len().max(1) as u64).saturating_mul(part.choices);
                }
                ("allOf", Value::Array(parts)) => {
                    for part in parts {
                        wide = wide.saturating_mul(self.shape(part, level + 1).choices);
                    }
                }
                ("if", _) => wide = wide.saturating_mul(2).saturating_mul(part.choices),
                ("$ref" | "not" | "then" | "else", _) => wide = wide.saturating_mul(part.choices),
                ("dependentSchemas" | "dependencies", Value::Object(named)) => {
                    wide = wide.saturating_mul(1 << named.len().min(32));
                }
                _ => whole.choices = whole.choices.max(part.choices),
            }
        }
        Shape { levels: whole.levels + 1, choices: whole.choices.max(wide) }
    }

    fn member(&mut self, keyword: &str, value: &'a Value, level: usize) -> Shape {
        let Some(reference) = value.as_str().filter(|_| keyword == "$ref") else {
            return self.shape(value, level + 1);
        };
        match self.done.get(reference) {
            Some(Some(known)) => return *known,
            // A cycle, which the algebra does not walk around either.
            Some(None) => return Shape { levels: 1, choices: 1 },
            None => {}
        }
        self.done.insert(reference, None);
        let found = super::normal::target(self.root, reference).map(|(_, schema)| schema);
        let shape = found.map_or_else(Shape::default, |schema| self.shape(schema, level + 1));
        self.done.insert(reference, Some(shape));
        shape
    }
}
