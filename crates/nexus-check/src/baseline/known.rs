use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Evidence, Finding, Level, Place, Point, Scope, rule};

/// The rule whose findings are never part of a baseline, for they are about what hides findings.
const NEVER_KNOWN: &str = "NX-EXC-001";

/// Findings that are known and do not count, by fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    pub(super) entries: BTreeMap<String, Known>,
    /// The name and the text of the file it was read from.
    pub(super) file: Option<(String, String)>,
}

/// A finding that is known. All but the count is for people who read the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) fingerprint: String,
    pub(super) rule: String,
    pub(super) file: String,
    pub(super) pointer: String,
    pub(super) message: String,
    /// How many findings have this fingerprint.
    pub(super) count: usize,
}

impl Baseline {
    /// The usual name of its file, in the root of the repository.
    pub const FILE: &'static str = "nexus.baseline.json";

    /// All of these, except those about exceptions and notes, which fail nothing.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let mut entries = BTreeMap::<String, Known>::new();
        let wanted = |finding: &&Finding| finding.rule != NEVER_KNOWN && finding.level > Level::Note;
        for finding in findings.iter().filter(wanted) {
            let known = || Known {
                fingerprint: finding.fingerprint(),
                rule: finding.rule.to_owned(),
                file: finding.place.file.clone(),
                pointer: finding.pointer.clone(),
                message: finding.message.clone(),
                count: 0,
            };
            entries.entry(finding.fingerprint()).or_insert_with(known).count += 1;
        }
        Self { entries, file: None }
    }

    /// How many findings it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.values().map(|known| known.count).sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sorts findings into those that count and those that are known. Of a fingerprint no more are known than were
    /// counted when the baseline was made, so that a second finding of the same kind counts.
    #[must_use]
    pub fn apply(&self, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
        let mut left: BTreeMap<&str, usize> =
            self.entries.iter().map(|(fingerprint, known)| (fingerprint.as_str(), known.count)).collect();
        findings.into_iter().partition(|finding| match left.get_mut(finding.fingerprint().as_str()) {
            Some(count) if *count > 0 && finding.rule != NEVER_KNOWN => {
                *count -= 1;
                false
            }
            _ => true,
        })
    }

    /// What of it a run has proved to be gone, as findings in its file. What the scope of the run does not settle may
    /// still be there.
    #[must_use]
    pub fn stale(&self, findings: &[Finding], scope: Scope) -> Vec<Finding> {
        let now = Self::of(findings);
        let (file, text) = self.file.as_ref().map_or((Self::FILE, ""), |(file, text)| (file, text));
        let of_entry = |known: &Known| {
            let still = now.entries.get(&known.fingerprint).map_or(0, |now| now.count);
            let gone = known.count.saturating_sub(still);
            (gone > 0 && scope.settles(&known.rule)).then(|| stale(known, gone, place(file, text, &known.fingerprint)))
        };
        self.entries.values().filter_map(of_entry).collect()
    }

    /// The same without what a run has proved to be gone. Never has an entry, or a count, that was not there before.
    #[must_use]
    pub fn shrunk(&self, findings: &[Finding], scope: Scope) -> Self {
        let now = Self::of(findings);
        let mut entries = self.entries.clone();
        entries.retain(|fingerprint, known| {
            if scope.settles(&known.rule) {
                known.count = known.count.min(now.entries.get(fingerprint).map_or(0, |now| now.count));
            }
            known.count > 0
        });
        Self { entries, file: self.file.clone() }
    }
}

fn stale(known: &Known, gone: usize, place: Place) -> Finding {
    let title = rule(&known.rule).map_or_else(|_| known.rule.clone(), |rule| format!("{} ({})", rule.id, rule.title));
    let gone = if known.count == gone { "it".to_owned() } else { format!("{gone} of {}", known.count) };
    Finding {
        rule: NEVER_KNOWN,
        level: Level::Error,
        message: format!("the baseline knows a finding of {} in {}, and {gone} is gone", known.rule, known.file),
        place,
        pointer: format!("baseline {}", known.fingerprint),
        evidence: vec![Evidence { text: format!("{title}: {}", known.message), place: None }],
        remediation: "take it out with `nexus check --update-baseline`, so that it cannot come back unseen".to_owned(),
        owner: None,
    }
}

/// Where a fingerprint is written.
fn place(file: &str, text: &str, fingerprint: &str) -> Place {
    let found = text.lines().enumerate().find_map(|(index, line)| Some((index, line.find(fingerprint)?, line)));
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let (line, column) = found.map_or((1, 1), |(index, byte, line)| {
        let before = line.get(..byte).map_or(0, |before| before.chars().count());
        (number(index + 1), number(before + 1))
    });
    let start = Point { line, column };
    let end = Point { line, column: column.saturating_add(number(fingerprint.chars().count())) };
    Place { file: file.to_owned(), start, end }
}
