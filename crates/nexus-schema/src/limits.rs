//! What a schema may cost: its size, its depth, its patterns, and the work that one document can cause.

use std::collections::{BTreeMap, HashMap};

use jsonschema::Draft;
use serde_json::Value;

use crate::{
    canonical,
    graph::{Child, Graph, InPlace, place, shown},
};

/// Most bytes of a schema's canonical text.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Most levels of nesting in a schema.
pub(crate) const MAX_DEPTH: usize = 64;
/// Most regular expressions in one schema; each may take [`PATTERN_BYTES`] when compiled.
pub(crate) const MAX_PATTERNS: usize = 256;
/// Most bytes of one compiled regular expression. A match costs at most its size times the length of the text.
pub(crate) const PATTERN_BYTES: usize = 128 << 10;
/// Most bytes of the states a pattern's matcher remembers, per thread that uses it.
pub(crate) const PATTERN_CACHE_BYTES: usize = 2 << 20;
/// Highest count in a pattern, such as the 3 in `a{1,3}`.
const MAX_REPETITIONS: u32 = 1000;
/// Most schemas that may apply to one place of a document, counted as often as they apply.
pub(crate) const MAX_VISITS: u64 = 1024;
/// Deepest document the platform's reader accepts.
const MAX_DOCUMENT_DEPTH: usize = 128;
/// Longest name in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Refuses names that are empty, too long or not printable.
///
/// # Errors
/// The rule the name breaks.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("it is empty")
    } else if name.len() > MAX_NAME_BYTES {
        Err("it is longer than 255 bytes")
    } else if name.chars().any(char::is_control) {
        Err("it contains a control character")
    } else {
        Ok(())
    }
}

/// Refuses documents that are too deep or too large to be looked at further.
///
/// # Errors
/// A sentence with the limit.
pub(crate) fn check_size(schema: &Value) -> Result<(), String> {
    // Depth first and without recursion: everything after this may recurse.
    if deeper_than(schema, MAX_DEPTH) {
        return Err(format!("it is nested more than {MAX_DEPTH} levels deep"));
    }
    let bytes = canonical::text(schema).len();
    if bytes > MAX_BYTES {
        return Err(format!("it has {bytes} bytes, the limit is {MAX_BYTES}"));
    }
    Ok(())
}

/// Whether a value has more levels than `limit`.
pub(crate) fn deeper_than(value: &Value, limit: usize) -> bool {
    let mut pending = vec![(value, 1)];
    while let Some((value, depth)) = pending.pop() {
        if depth > limit {
            return true;
        }
        match value {
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(members) => pending.extend(members.values().map(|member| (member, depth + 1))),
            _ => {}
        }
    }
    false
}

/// Refuses embedded resources, which change what `#` means, and too many patterns.
///
/// # Errors
/// A sentence with the place.
pub(crate) fn check_parts(schema: &Value, graph: &Graph, draft: Draft) -> Result<(), String> {
    let id = if draft == Draft::Draft4 { "id" } else { "$id" };
    let mut patterns = 0;
    for node in &graph.nodes {
        let Some(members) = schema.pointer(&node.pointer).and_then(Value::as_object) else {
            continue;
        };
        let own_id = members.get(id).and_then(Value::as_str);
        if let Some(own_id) = own_id.filter(|own_id| !node.pointer.is_empty() && !own_id.starts_with('#')) {
            return Err(format!(
                "the `{id}` `{}` {} makes a document inside the document: leave it out and refer to the schema by \
                 its place",
                shown(own_id),
                place(&node.pointer)
            ));
        }
        let single = members.get("pattern").and_then(Value::as_str);
        let by_pattern = members.get("patternProperties").and_then(Value::as_object);
        let keys = by_pattern.into_iter().flatten().map(|(pattern, _)| pattern.as_str());
        for pattern in single.into_iter().chain(keys) {
            patterns += 1;
            if let Some(count) = high_count(pattern) {
                return Err(format!(
                    "the pattern `{}` {} repeats {count} times, the limit is {MAX_REPETITIONS}; bound the text with \
                     `maxLength`",
                    shown(pattern),
                    place(&node.pointer)
                ));
            }
        }
    }
    if patterns > MAX_PATTERNS {
        return Err(format!("it has {patterns} regular expressions, the limit is {MAX_PATTERNS}"));
    }
    Ok(())
}

/// The first count above the limit in a pattern, as it is written there.
fn high_count(pattern: &str) -> Option<&str> {
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        rest = after;
        let backslashes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
        let Some((counts, _)) = after.split_once('}').filter(|_| backslashes % 2 == 0) else {
            continue;
        };
        let high = counts.split(',').map(str::trim).find(|count| {
            !count.is_empty()
                && count.bytes().all(|byte| byte.is_ascii_digit())
                && count.parse::<u32>().map_or(true, |count| count > MAX_REPETITIONS)
        });
        if high.is_some() {
            return high;
        }
    }
    None
}

/// How often the schemas of one place apply there: node → count.
type Applied = BTreeMap<usize, u64>;

/// The deepest document that can be checked without its cost multiplying; `None` when any depth can.
///
/// Where two branches lead to the same schema further in, each level of the document doubles the visits. This
/// counts, level by level, the most visits that one place of a document can get.
///
/// # Errors
/// A sentence when a schema refers to itself without going into the document, or when even a flat document is too
/// much work.
pub(crate) fn depth_limit(graph: &Graph) -> Result<Option<usize>, String> {
    let applied = Appliers { graph, done: HashMap::new() }.all()?;
    let top = |counts: &[u64]| counts.first().copied().unwrap_or(0);
    let mut counts: Vec<u64> =
        applied.iter().map(|one| one.values().fold(0, |sum: u64, count| sum.saturating_add(*count))).collect();
    if top(&counts) > MAX_VISITS {
        return Err(format!("more than {MAX_VISITS} schemas apply to the top of a document"));
    }
    let onward: Vec<Onward> = applied.iter().map(|one| Onward::of(graph, one)).collect();
    for depth in 1..MAX_DOCUMENT_DEPTH {
        let next: Vec<u64> = onward.iter().map(|one| one.visits(&counts)).collect();
        if top(&next) > MAX_VISITS {
            return Ok(Some(depth));
        }
        if next == counts || top(&next) == 0 {
            return Ok(None);
        }
        counts = next;
    }
    Ok(None)
}

/// Collects, for every schema, all that apply to the same place.
struct Appliers<'a> {
    graph: &'a Graph,
    done: HashMap<usize, Applied>,
}

impl Appliers<'_> {
    /// Most entries over all schemas; a schema of honest size stays far below.
    const MAX_ENTRIES: usize = 1 << 20;

    fn all(mut self) -> Result<Vec<Applied>, String> {
        let mut entries = 0;
        for start in 0..self.graph.nodes.len() {
            let mut path = vec![(start, 0)];
            while let Some((index, next)) = path.pop() {
                if self.done.contains_key(&index) {
                    continue;
                }
                let edges = self.graph.get(index).map(|node| node.in_place.as_slice());
                let Some((_, part)) = edges.unwrap_or_default().get(next) else {
                    let applied = self.combine(index);
                    entries += applied.len();
                    self.done.insert(index, applied);
                    continue;
                };
                path.push((index, next + 1));
                if path.iter().any(|(above, _)| above == part) {
                    return Err(self.cycle(*part));
                }
                path.push((*part, 0));
            }
            if entries > Self::MAX_ENTRIES {
                return Err("too many of its schemas are combined with each other".to_owned());
            }
        }
        Ok((0..self.graph.nodes.len()).map(|index| self.done.remove(&index).unwrap_or_default()).collect())
    }

    fn combine(&self, index: usize) -> Applied {
        let mut applied = Applied::from([(index, 1)]);
        let Some(node) = self.graph.get(index) else {
            return applied;
        };
        for (how, part) in &node.in_place {
            let inner = self.done.get(part);
            let chosen = node.chooses
                || inner.into_iter().flatten().any(|(one, _)| self.graph.get(*one).is_some_and(|one| one.chooses));
            // To learn what a choice has evaluated, its alternatives are checked once more.
            let times = if node.evaluates_twice && chosen && *how != InPlace::Negation { 2 } else { 1 };
            for (inner, count) in inner.into_iter().flatten() {
                let sum = applied.entry(*inner).or_insert(0);
                *sum = sum.saturating_add(count.saturating_mul(times));
            }
        }
        applied
    }

    fn cycle(&self, index: usize) -> String {
        let pointer = self.graph.get(index).map(|node| node.pointer.as_str()).unwrap_or_default();
        format!("the schema {} refers to itself without going into the document", place(pointer))
    }
}

/// The schemas one level further in.
struct Onward {
    /// Apply to one named member.
    members: HashMap<String, Applied>,
    /// Apply to every member.
    any_member: Applied,
    /// Apply to items.
    items: Applied,
}

impl Onward {
    fn of(graph: &Graph, applied: &Applied) -> Self {
        let mut onward = Self { members: HashMap::new(), any_member: Applied::new(), items: Applied::new() };
        for (index, count) in applied {
            let Some(node) = graph.get(*index) else { continue };
            for (child, part) in &node.children {
                let group = match child {
                    Child::Member(name) => onward.members.entry(name.clone()).or_default(),
                    Child::AnyMember => &mut onward.any_member,
                    Child::Item | Child::Probe => &mut onward.items,
                };
                let sum = group.entry(*part).or_insert(0);
                *sum = sum.saturating_add(*count);
            }
        }
        onward
    }

    /// The most visits one place further in can get, when a schema there causes `counts`.
    fn visits(&self, counts: &[u64]) -> u64 {
        let sum = |group: &Applied| {
            group.iter().fold(0_u64, |sum, (index, count)| {
                sum.saturating_add(counts.get(*index).copied().unwrap_or(0).saturating_mul(*count))
            })
        };
        let any = sum(&self.any_member);
        let named = self.members.values().map(sum).max().unwrap_or(0);
        named.saturating_add(any).max(sum(&self.items))
    }
}
