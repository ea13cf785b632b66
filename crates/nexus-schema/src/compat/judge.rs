//! The verdict.

use serde_json::Value;

use super::{
    algebra::{self, Answer},
    breach::Pair,
    diff::diff,
    prove,
    report::{Breach, Bump, Change, CompatibilityMode, Direction, Report},
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
/// use nexus_schema::compat::{Bump, CompatibilityMode, judge};
/// use serde_json::json;
///
/// let old = json!({ "type": "object", "properties": { "total": { "type": "number" } } });
/// let wider = json!({ "type": "object", "properties": { "total": { "type": "number" }, "note": { "type": "string" } } });
/// let report = judge(&wider, &[(1, &old)], CompatibilityMode::BackwardTransitive);
/// assert_eq!((report.compatible, report.required_bump), (true, Bump::Minor));
///
/// let narrower = json!({ "type": "object", "properties": { "total": { "type": "integer" } } });
/// let report = judge(&narrower, &[(1, &old)], CompatibilityMode::BackwardTransitive);
/// let breach = &report.breaches[0];
/// assert_eq!((breach.rule.as_str(), breach.pointer.as_str()), ("type-narrowed", "/properties/total/type"));
/// assert_eq!(breach.counter_example, Some(json!({ "total": 0.5 })));
/// ```
#[must_use]
pub fn judge(new: &Value, old: &[(u32, &Value)], mode: CompatibilityMode) -> Report {
    let Some((newest, document)) = old.last() else {
        return Report { compatible: true, required_bump: Bump::None, breaches: Vec::new(), changes: Vec::new() };
    };
    let changes = diff(document, new);
    let candidate = match Version::new(new) {
        Ok(candidate) => candidate,
        Err(reason) => return unusable(&reason, *newest, changes),
    };
    let mut breaches = Vec::new();
    // What happens to the newest version decides the bump, whatever the mode asks for.
    let mut keeps_newest = true;
    for (version, document) in old {
        let is_newest = version == newest;
        if !is_newest && !mode.is_transitive() {
            continue;
        }
        let known = Version::new(document);
        for direction in [Direction::Backward, Direction::Forward] {
            let asked = match direction {
                Direction::Backward => mode.looks_back(),
                Direction::Forward => mode.looks_forward(),
            };
            let decides = is_newest && direction == Direction::Backward;
            if !asked && !decides {
                continue;
            }
            let found = match &known {
                Ok(known) => compare(known, &candidate, *version, direction),
                Err(reason) => Err(reason.clone()),
            };
            let found = found.unwrap_or_else(|reason| vec![unusable_breach(&reason, *version)]);
            keeps_newest &= !decides || found.is_empty();
            breaches.extend(found.into_iter().filter(|_| asked));
        }
    }
    let required_bump =
        if breaches.is_empty() && keeps_newest { harmless(document, new, &changes) } else { Bump::Major };
    Report { compatible: breaches.is_empty(), required_bump, breaches, changes }
}

/// The bump of a change that breaks nothing.
fn harmless(old: &Value, new: &Value, changes: &[Change]) -> Bump {
    if old == new {
        return Bump::None;
    }
    let widest = changes.iter().map(|change| change.bump).max().unwrap_or(Bump::Patch);
    widest.clamp(Bump::Patch, Bump::Minor)
}

/// How two versions do not fit.
///
/// # Errors
/// A sentence when one of the two could not be registered.
fn compare(old: &Version<'_>, new: &Version<'_>, version: u32, direction: Direction) -> Result<Vec<Breach>, String> {
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
    let lost = match algebra::ask(writer, &writes.open, reads) {
        Answer::Covers => return Ok(Vec::new()),
        Answer::Unproved(lost) => lost,
    };
    for base in lost.iter().chain([&writes.open]) {
        let found = witness::search(writer, reads, base, SECOND_EFFORT);
        if !found.is_empty() {
            return Ok(pair.breaches(validator, found));
        }
    }
    let Err(open) = prove::accepts_all(writer, &writes.open, reads) else { return Ok(Vec::new()) };
    let found = witness::search(writer, reads, &writes.open, LAST_EFFORT);
    Ok(if found.is_empty() {
        vec![pair.undecided(open.pointer, &open.reason)]
    } else {
        pair.breaches(validator, found)
    })
}

/// Whether the reader is checked for fewer levels than documents of the writer may have.
fn deeper(writer: &Writer, reader: &Version<'_>) -> bool {
    match (writer.depth_limit(), reader.depth_limit()) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(writes), Some(reads)) => writes > reads,
    }
}

fn unusable(reason: &str, version: u32, changes: Vec<Change>) -> Report {
    let breaches = vec![unusable_breach(reason, version)];
    Report { compatible: false, required_bump: Bump::Major, breaches, changes }
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
