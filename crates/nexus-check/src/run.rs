use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

use serde::Serialize;

use crate::{
    CheckError, Finding,
    facts::{FactCounts, Facts, is_below, relative},
    rules::{RULES, Rule},
};

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// The root of the repository. Everything below it is read, whatever `paths` say: rules look at the whole.
    pub root: PathBuf,
    /// Only findings in these files or directories are reported; all when empty. Relative to the root, or below it.
    pub paths: Vec<PathBuf>,
    /// What the schemas were before.
    pub against: Option<Against>,
    /// Says who asks, to a server that `against` names and to nobody else.
    pub token: Option<AccessToken>,
    /// Reads only these of the sources, SQL files and deployment descriptors, for a check in less than a second.
    /// Manifests, schemas, policies and the packages of Java and Kotlin are always read. What other sources do is then not found.
    pub changed_only: Option<Vec<PathBuf>>,
    /// Digest of the bundle that is in force somewhere, 64 hexadecimal digits.
    pub bundle_digest: Option<String>,
}

/// A token that a server knows somebody by. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

impl AccessToken {
    /// The token of this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// The state of the schemas that a change is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// A git revision of the repository: `main`, `v1.2`, a commit.
    Revision(String),
    /// A checkout, or any directory that holds schema files.
    Directory(PathBuf),
    /// A server, whose registry is asked: `http://127.0.0.1:4747`.
    Url(String),
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What stands against the repository, by file and place.
    pub findings: Vec<Finding>,
    /// Everything the rules looked at, so that what is well can be shown as well.
    pub subjects: Vec<Subject>,
    /// How much was looked at.
    pub facts: FactCounts,
}

/// One thing that one rule looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// The rule.
    pub rule: &'static str,
    /// A service, an event type, a policy file, ….
    pub name: String,
    /// How many findings there are about it.
    pub findings: usize,
}

/// Reads the facts of a repository and holds every rule against them.
///
/// # Errors
/// [`CheckError`] when the gate cannot do its work; that is no pass.
pub fn check(options: &CheckOptions) -> Result<Checked, CheckError> {
    Ok(check_facts(&Facts::read(options)?, options))
}

/// Holds every rule against facts that were read.
#[must_use]
pub fn check_facts(facts: &Facts, options: &CheckOptions) -> Checked {
    let paths: Vec<_> = options.paths.iter().map(|path| relative(&options.root, path)).collect();
    let counts = |finding: &Finding| paths.is_empty() || paths.iter().any(|path| is_below(&finding.place.file, path));
    let (mut findings, mut subjects) = (Vec::new(), Vec::new());
    for rule in RULES {
        for (name, found) in looked_at(*rule, facts) {
            let found: Vec<_> = found.into_iter().filter(counts).collect();
            subjects.push(Subject { rule: rule.id(), name, findings: found.len() });
            findings.extend(found);
        }
    }
    findings.sort_by(|a, b| (&a.place, a.rule, &a.pointer).cmp(&(&b.place, b.rule, &b.pointer)));
    tell_apart(&mut findings);
    Checked { findings, subjects, facts: facts.counts() }
}

/// What a rule finds, by subject.
fn looked_at(rule: &dyn Rule, facts: &Facts) -> BTreeMap<String, Vec<Finding>> {
    let mut all: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for looked in rule.check(facts) {
        let findings = looked.drafts.into_iter().map(|draft| draft.finding(rule));
        all.entry(looked.name).or_default().extend(findings);
    }
    all
}

/// Numbers findings of one rule in one file that have the same pointer, so that each has a fingerprint of its own.
fn tell_apart(findings: &mut [Finding]) {
    let mut seen: BTreeMap<(&'static str, String, String), usize> = BTreeMap::new();
    let taken: BTreeSet<_> = findings.iter().map(Finding::fingerprint).collect();
    if taken.len() == findings.len() {
        return;
    }
    for finding in findings {
        let times = seen.entry((finding.rule, finding.place.file.clone(), finding.pointer.clone())).or_default();
        *times += 1;
        if *times > 1 {
            finding.pointer = format!("{}#{times}", finding.pointer);
        }
    }
}
