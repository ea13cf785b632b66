//! The verdict.

use std::sync::Arc;

use nexus_core::ports::{
    CompatibilityBreach as Breach, CompatibilityDirection as Direction, CompatibilityMode, CompatibilityReport,
    SchemaBump as Bump,
};
use serde_json::Value;

use super::{
    algebra::{self, Answer},
    breach::Pair,
    diff::diff,
    prove,
    version::{Version, Writer},
    witness,
};

/// The rule that a schema breaks which could not be registered whatever came before it.
pub(crate) const UNUSABLE: &str = "unusable-schema";

/// Values built in the search that every pair of versions gets, proof or not.
const FIRST_EFFORT: usize = 1_500;
/// Values built in the search that a pair gets which the algebra did not prove to fit.
const SECOND_EFFORT: usize = 12_000;
/// Values built in the search that a pair gets which nothing else could decide.
const LAST_EFFORT: usize = 200_000;

/// Judges a new version of a schema against the versions before it, which come ascending by number.
///
/// Each schema is self-contained and one the registry would accept. Work is bounded whatever the schemas are.
///
/// ```
/// use nexus_schema::compat::{CompatibilityMode, SchemaBump, judge};
/// use serde_json::json;
///
/// let old = json!({ "type": "object", "properties": { "total": { "type": "number" } } });
/// let wider = json!({ "type": "object", "properties": { "total": { "type": "number" }, "note": { "type": "string" } } });
/// let report = judge(&wider, &[(1, &old)], CompatibilityMode::BackwardTransitive);
/// assert_eq!((report.compatible, report.required_bump), (true, SchemaBump::Minor));
///
/// let narrower = json!({ "type": "object", "properties": { "total": { "type": "integer" } } });
/// let report = judge(&narrower, &[(1, &old)], CompatibilityMode::BackwardTransitive);
/// let breach = &report.breaches[0];
/// assert_eq!((breach.rule.as_str(), breach.pointer.as_str()), ("type-narrowed", "/properties/total/type"));
/// assert_eq!(breach.counter_example, Some(json!({ "total": 0.5 })));
/// ```
#[must_use]
pub fn judge(new: &Value, old: &[(u32, &Value)], mode: CompatibilityMode) -> CompatibilityReport {
    if old.is_empty() {
        return judge_none(mode);
    }
    let relevant = if mode.is_transitive() { old } else { old.last().map(std::slice::from_ref).unwrap_or_default() };
    let old: Vec<Earlier> = relevant
        .iter()
        .map(|(version, document)| (*version, Version::new((*document).clone()).map(Arc::new)))
        .collect();
    match Version::new(new.clone()) {
        Ok(candidate) => judge_prepared(&candidate, &old, mode),
        Err(reason) => unusable(&reason, &old, mode),
    }
}

/// The verdict on a first version.
fn judge_none(mode: CompatibilityMode) -> CompatibilityReport {
    CompatibilityReport { compatible: true, mode, required_bump: Bump::None, against: Vec::new(), breaches: Vec::new() }
}

/// An earlier version by its number, or why it could not be registered today.
pub(crate) type Earlier = (u32, Result<Arc<Version>, String>);

/// [`judge`] for versions that are ready; of `old`, what the mode does not ask about may be left out, but not the newest.
pub(crate) fn judge_prepared(candidate: &Version, old: &[Earlier], mode: CompatibilityMode) -> CompatibilityReport {
    let mut breaches = Vec::new();
    // What happens to the newest version decides the bump, whatever the mode asks for.
    let mut keeps_newest = true;
    for (index, (version, known)) in old.iter().enumerate() {
        let is_newest = index + 1 == old.len();
        if !is_newest && !mode.is_transitive() {
            continue;
        }
        for direction in [Direction::Backward, Direction::Forward] {
            let asked = match direction {
                Direction::Backward => mode.looks_back(),
                Direction::Forward => mode.looks_forward(),
            };
            let decides = is_newest && direction == Direction::Backward;
            if !asked && !decides {
                continue;
            }
            let found = match known {
                Ok(known) => compare(known, candidate, *version, direction),
                Err(reason) => Err(reason.clone()),
            };
            let found = found.unwrap_or_else(|reason| vec![unusable_breach(&reason, *version)]);
            keeps_newest &= !decides || found.is_empty();
            breaches.extend(found.into_iter().filter(|_| asked));
        }
    }
    let kept = breaches.is_empty() && keeps_newest;
    let newest = old.last().and_then(|(_, known)| known.as_ref().ok());
    let required_bump = match newest {
        _ if !kept => Bump::Major,
        Some(newest) => harmless(newest.document(), candidate.document()),
        None => Bump::None,
    };
    CompatibilityReport { compatible: breaches.is_empty(), mode, required_bump, against: against(old, mode), breaches }
}

/// The versions that count under a mode.
fn against(old: &[Earlier], mode: CompatibilityMode) -> Vec<u32> {
    let counted = match mode {
        CompatibilityMode::None => &[],
        mode if mode.is_transitive() => old,
        _ => old.last().map(std::slice::from_ref).unwrap_or_default(),
    };
    counted.iter().map(|(version, _)| *version).collect()
}

/// The bump of a change that breaks nothing.
fn harmless(old: &Value, new: &Value) -> Bump {
    if old == new {
        return Bump::None;
    }
    let widest = diff(old, new).iter().map(|change| change.bump).max().unwrap_or(Bump::Patch);
    widest.clamp(Bump::Patch, Bump::Minor)
}

/// How two versions do not fit.
///
/// # Errors
/// A sentence when one of the two could not be registered.
fn compare(old: &Version, new: &Version, version: u32, direction: Direction) -> Result<Vec<Breach>, String> {
    let (writes, reads) = match direction {
        Direction::Backward => (old, new),
        Direction::Forward => (new, old),
    };
    if writes.draft == reads.draft && writes.open == reads.open {
        return Ok(Vec::new());
    }
    let validator = reads.reader()?;
    let writer = writes.writer()?;
    let pair = Pair { reader: reads, version, direction };
    // Before anything is believed, documents are asked. That also guards against a proof gone wrong.
    let found = witness::search(writer, reads, &writes.open, FIRST_EFFORT);
    if !found.is_empty() {
        return Ok(pair.breaches(validator, found));
    }
    if writes.draft != reads.draft {
        return Ok(vec![pair.undecided("/$schema".to_owned(), "the two versions are of different drafts")]);
    }
    if deeper(writer, reads) {
        return Ok(vec![pair.undecided(String::new(), "documents may be deeper than can be checked at bounded cost")]);
    }
    // Structure first: it is cheap, and ordinary changes need no more.
    let Err(open) = prove::accepts_all(writer, &writes.open, reads) else { return Ok(Vec::new()) };
    let lost = match algebra::ask(writes, writer, reads) {
        Answer::Covers => return Ok(Vec::new()),
        Answer::Unproved(lost) => lost,
    };
    for base in lost.iter().chain([&writes.open]) {
        let found = witness::search(writer, reads, base, SECOND_EFFORT);
        if !found.is_empty() {
            return Ok(pair.breaches(validator, found));
        }
    }
    let found = witness::search(writer, reads, &writes.open, LAST_EFFORT);
    Ok(if found.is_empty() {
        vec![pair.undecided(open.pointer, &open.reason)]
    } else {
        pair.breaches(validator, found)
    })
}

/// Whether the reader is checked for fewer levels than documents of the writer may have.
fn deeper(writer: &Writer, reader: &Version) -> bool {
    match (writer.depth_limit(), reader.depth_limit()) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(writes), Some(reads)) => writes > reads,
    }
}

fn unusable(reason: &str, old: &[Earlier], mode: CompatibilityMode) -> CompatibilityReport {
    let newest = old.last().map_or(0, |(version, _)| *version);
    CompatibilityReport {
        compatible: false,
        mode,
        required_bump: Bump::Major,
        against: against(old, mode),
        breaches: vec![unusable_breach(reason, newest)],
    }
}

fn unusable_breach(reason: &str, version: u32) -> Breach {
    Breach {
        rule: UNUSABLE.to_owned(),
        pointer: String::new(),
        message: format!("the schema could not be registered: {reason}"),
        fix: "correct the schema first".to_owned(),
        counter_example: None,
        version,
        direction: Direction::Backward,
    }
}
