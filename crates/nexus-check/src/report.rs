use jiff::civil::Date;
use serde::Serialize;

use crate::{Baseline, CheckOptions, Checked, Exceptions, FactCounts, Finding, Level, Needs, Subject, rule};

/// A finding that an exception lets pass until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excepted {
    /// What was found.
    pub finding: Finding,
    /// Who answers for the exception.
    pub owner: String,
    /// Why it was made.
    pub reason: String,
    /// The last day it holds.
    pub expires: Date,
}

/// What the gate has to say: the findings that count, those that were let pass, and what was looked at.
#[derive(Debug, Clone, Default)]
pub struct GateReport {
    /// What counts, by place.
    pub findings: Vec<Finding>,
    /// What exceptions let pass.
    pub excepted: Vec<Excepted>,
    /// What the baseline knows already.
    pub known: Vec<Finding>,
    /// What the rules looked at.
    pub subjects: Vec<Subject>,
    /// How much was read.
    pub facts: FactCounts,
}

impl GateReport {
    /// What remains of what was found, today: first exceptions let pass what they are about, then the baseline knows what
    /// it knows; what is wrong with either is added.
    #[must_use]
    pub fn judged(
        checked: Checked,
        exceptions: &Exceptions,
        baseline: Option<&Baseline>,
        scope: Scope,
        today: Date,
    ) -> Self {
        let Checked { findings, subjects, facts, .. } = checked;
        let (counting, excepted) = exceptions.apply(findings, scope, today);
        let stale = baseline.map(|baseline| baseline.stale(&counting, scope)).unwrap_or_default();
        let (mut findings, known) = match baseline {
            Some(baseline) => baseline.apply(counting),
            None => (counting, Vec::new()),
        };
        findings.extend(stale);
        Self { findings, excepted, known, subjects, facts }.sorted()
    }

    /// How many findings of this level count.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether there is a finding at or above this level.
    #[must_use]
    pub fn fails(&self, level: Level) -> bool {
        self.findings.iter().any(|finding| finding.level >= level)
    }

    /// The same with its findings by place, then rule, so that two runs tell them in the same order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let order = |a: &Finding, b: &Finding| {
            (&a.place, a.rule, &a.pointer, &a.message).cmp(&(&b.place, b.rule, &b.pointer, &b.message))
        };
        self.findings.sort_by(order);
        self.known.sort_by(order);
        self.excepted.sort_by(|a, b| order(&a.finding, &b.finding));
        self
    }

    /// The counts in one line, such as `2 errors, 1 warning; 1 excepted`.
    #[must_use]
    pub fn summary(&self) -> String {
        let levels = [Level::Error, Level::Warning, Level::Note].map(|level| (self.count(level), level.as_str()));
        let found: Vec<_> = levels.iter().filter(|(count, _)| *count > 0).map(|(n, what)| plural(*n, what)).collect();
        let mut said = match found.is_empty() {
            true => "nothing found".to_owned(),
            false => found.join(", "),
        };
        let aside = [(self.excepted.len(), "excepted"), (self.known.len(), "in the baseline")];
        for (count, how) in aside.iter().filter(|(count, _)| *count > 0) {
            said.push_str(&format!("; {count} {how}"));
        }
        said
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How much of what could be found a run was able to find: what it has not looked for cannot be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Whether all files were looked at.
    pub all_files: bool,
    /// Whether there was an earlier state to compare with.
    pub base: bool,
    /// Whether the digest of the bundle in force was known.
    pub bundle_digest: bool,
}

impl Scope {
    /// Everything.
    pub const WHOLE: Self = Self { all_files: true, base: true, bundle_digest: true };

    /// What a run with these options looks for.
    #[must_use]
    pub fn of(options: &CheckOptions) -> Self {
        Self {
            all_files: options.paths.is_empty() && options.changed_only.is_none(),
            base: options.against.is_some(),
            bundle_digest: options.bundle_digest.is_some(),
        }
    }

    /// Whether a run of this scope that does not find something by this rule proves that it is not there.
    #[must_use]
    pub fn settles(&self, id: &str) -> bool {
        let needs = rule(id).map_or(Needs::Files, |rule| rule.needs);
        let enough = match needs {
            Needs::Files => true,
            Needs::Base => self.base,
            Needs::BundleDigest => self.bundle_digest,
        };
        self.all_files && enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_settles_only_what_it_looked_for() {
        let files = Scope { all_files: true, base: false, bundle_digest: false };
        assert!(files.settles("NX-EVT-001"));
        assert!(!files.settles("NX-SCH-001"));
        assert!(!files.settles("NX-POL-002"));
        assert!(Scope::WHOLE.settles("NX-SCH-001") && Scope::WHOLE.settles("NX-POL-002"));
        let changed = CheckOptions { changed_only: Some(Vec::new()), ..CheckOptions::default() };
        assert!(!Scope::of(&changed).settles("NX-EVT-001"));
    }
}
