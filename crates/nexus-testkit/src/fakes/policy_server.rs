use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use nexus_core::{
    Digest,
    ports::{
        BoxFuture, Denial, PolicyInput, PolicyLedger, PolicyServer, PolicyServerReach, PolicyServerStatus,
        PolicySource, ServerVerdict, Severity, VerdictOutcome,
    },
};

type Script = dyn Fn(&Asked) -> BoxFuture<'static, ServerVerdict> + Send + Sync;

/// A policy server that answers as a test says, and keeps what it was asked.
pub struct ScriptedPolicyServer {
    script: Box<Script>,
    asked: Mutex<Vec<Asked>>,
    /// What was answered last.
    last: Mutex<Option<ServerVerdict>>,
}

/// One question, as far as tests want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `input.kind`.
    pub kind: &'static str,
    /// `input.action`.
    pub action: String,
    /// `input.resource.id`.
    pub resource: String,
    /// `input.event.payload`, or `input.payload`.
    pub payload: Option<String>,
}

impl ScriptedPolicyServer {
    /// A server that follows a script.
    pub fn new(script: impl Fn(&Asked) -> BoxFuture<'static, ServerVerdict> + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), asked: Mutex::default(), last: Mutex::default() }
    }

    /// A server that answers at once.
    pub fn at_once(script: impl Fn(&Asked) -> ServerVerdict + Send + Sync + 'static) -> Self {
        Self::new(move |asked| {
            let verdict = script(asked);
            Box::pin(async move { verdict })
        })
    }

    /// What it was asked so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The verdict of a server whose bundle `rules` is at this revision.
    #[must_use]
    pub fn verdict(outcome: VerdictOutcome, revision: &str) -> ServerVerdict {
        let revisions = BTreeMap::from([("rules".to_owned(), revision.to_owned())]);
        let source = PolicySource { path: "nexus".to_owned(), revisions, mirror: None };
        ServerVerdict { outcome, source: Some(source), elapsed: Duration::ZERO }
    }

    /// It allows, at revision 1.
    #[must_use]
    pub fn allows() -> ServerVerdict {
        Self::verdict(VerdictOutcome::Allow, "1")
    }

    /// Its rule denies, at revision 1.
    #[must_use]
    pub fn denies(rule: &str) -> ServerVerdict {
        let denial = Denial {
            id: rule.to_owned(),
            message: format!("`{rule}` denies it"),
            remediation: "ask for something else".to_owned(),
            severity: Severity::Error,
        };
        Self::verdict(VerdictOutcome::Deny(vec![denial]), "1")
    }

    /// It cannot be reached, which refuses.
    #[must_use]
    pub fn away() -> ServerVerdict {
        let reason = "the policy server cannot be reached".to_owned();
        ServerVerdict { outcome: VerdictOutcome::Failed { reason }, source: None, elapsed: Duration::ZERO }
    }
}

impl PolicyServer for ScriptedPolicyServer {
    fn decide<'a>(&'a self, input: &'a PolicyInput<'a>) -> BoxFuture<'a, ServerVerdict> {
        let payload = input.event.map(|event| event.payload).or(input.payload);
        let asked = Asked {
            kind: input.kind.as_str(),
            action: input.action.to_owned(),
            resource: input.resource.id.to_owned(),
            payload: payload.map(ToString::to_string),
        };
        let answer = (self.script)(&asked);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        Box::pin(async move {
            let verdict = answer.await;
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict.clone());
            verdict
        })
    }

    fn status(&self) -> PolicyServerStatus {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (reach, last_error) = match last {
            None => (PolicyServerReach::Unknown, None),
            Some(ServerVerdict { source: Some(_), .. }) => (PolicyServerReach::Answering, None),
            Some(verdict) => (PolicyServerReach::Failing, Some(format!("{:?}", verdict.outcome))),
        };
        PolicyServerStatus {
            url: "http://127.0.0.1:8181".to_owned(),
            path: "nexus".to_owned(),
            reach,
            last_answer: None,
            last_error,
            revisions: BTreeMap::new(),
            when_unreachable: "deny".to_owned(),
            mirror: None,
        }
    }
}

/// A ledger that keeps its record in memory, or refuses to.
#[derive(Debug, Default)]
pub struct MemoryPolicyLedger {
    refuses: Option<String>,
    recorded: Mutex<Vec<(Digest, PolicySource)>>,
}

impl MemoryPolicyLedger {
    /// A ledger that puts nothing on record, for this reason.
    #[must_use]
    pub fn refusing(reason: &str) -> Self {
        Self { refuses: Some(reason.to_owned()), ..Self::default() }
    }

    /// What is on record: the embedded digest and the source of each combination, in order.
    #[must_use]
    pub fn recorded(&self) -> Vec<(Digest, PolicySource)> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The digest that the combination of this number is named by, from 1.
    #[must_use]
    pub fn named(number: u8) -> Digest {
        Digest::from_bytes([number; 32])
    }
}

impl PolicyLedger for MemoryPolicyLedger {
    fn digest<'a>(&'a self, embedded: Digest, source: &'a PolicySource) -> BoxFuture<'a, Result<Digest, String>> {
        Box::pin(async move {
            if let Some(reason) = &self.refuses {
                return Err(reason.clone());
            }
            let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = (embedded, source.clone());
            let known = recorded.iter().position(|known| *known == entry);
            let place = known.unwrap_or_else(|| {
                recorded.push(entry);
                recorded.len() - 1
            });
            Ok(Self::named(u8::try_from(place + 1).unwrap_or(u8::MAX)))
        })
    }
}
