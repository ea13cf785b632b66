use nexus_core::ports::Subject;

use crate::{
    Evidence, Finding, Level, Place,
    facts::{Facts, ServiceManifest},
};

/// One rule of the gate. It judges facts and reads nothing itself, so that every rule is tested on planted facts.
pub(crate) trait Rule: Sync {
    /// `NX-ARCH-001`.
    fn id(&self) -> &'static str;
    /// How much a finding of it matters.
    fn level(&self) -> Level;
    /// Everything the rule looks at, with what it finds.
    fn check(&self, facts: &Facts) -> Vec<Looked>;
}

/// One subject of a rule.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) name: String,
    pub(crate) drafts: Vec<Draft>,
}

impl Looked {
    pub(crate) fn at(name: impl Into<String>, drafts: Vec<Draft>) -> Self {
        Self { name: name.into(), drafts }
    }

    /// What was found about the schemas of a subject.
    pub(crate) fn schemas(facts: &Facts, subject: &Subject, drafts: Vec<Draft>) -> Self {
        let owner = facts.owner_of(subject);
        let owned = drafts.into_iter().map(|draft| Draft { owner: owner.clone(), ..draft });
        Self::at(subject.to_string(), owned.collect())
    }
}

/// A finding before it is known whose it is.
#[derive(Debug)]
pub(crate) struct Draft {
    place: Place,
    pointer: String,
    message: String,
    evidence: Vec<Evidence>,
    remediation: String,
    owner: Option<String>,
}

impl Draft {
    /// What is wrong, where, and about what; the pointer stays the same when lines move.
    pub(crate) fn new(place: Place, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place,
            pointer: pointer.into(),
            message: message.into(),
            evidence: Vec::new(),
            remediation: String::new(),
            owner: None,
        }
    }

    /// What mends it.
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.remediation = fix.into();
        self
    }

    /// What shows it.
    pub(crate) fn shown(mut self, text: impl Into<String>, place: Option<Place>) -> Self {
        self.evidence.push(Evidence { text: text.into(), place });
        self
    }

    /// Who is responsible.
    pub(crate) fn of(mut self, service: Option<&ServiceManifest>) -> Self {
        self.owner = service.and_then(ServiceManifest::owner);
        self
    }

    pub(crate) fn finding(self, rule: &dyn Rule) -> Finding {
        Finding {
            rule: rule.id(),
            level: rule.level(),
            message: self.message,
            place: self.place,
            pointer: self.pointer,
            evidence: self.evidence,
            remediation: self.remediation,
            owner: self.owner,
        }
    }
}
