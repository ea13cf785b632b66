//! What a policy would have decided about what is stored: events, and recorded decisions.
//!
//! An event tells who stored it but not with which roles, so those are assumed. A recorded decision tells the roles but
//! not what was sent, so rules that look into payloads see nothing there.

use nexus_core::{
    Actor, Json, RecordedEvent, Text,
    ports::{
        PolicyEngine, PolicyEvent, PolicyInput, PolicyKind, PolicyResource, PolicySchema, RequestContext, Verdict,
        VerdictOutcome,
    },
};
use nexus_runtime::{DECISION_RECORDED, DecisionRecorded};
use serde_json::{Value, json};

/// Something that would have been decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Its position in the log.
    pub(crate) position: u64,
    /// Its stream.
    pub(crate) stream: String,
    /// Its version in the stream.
    pub(crate) version: u64,
    /// What it is: the type of the event, or the action that was decided about.
    pub(crate) what: String,
    /// How it was decided.
    pub(crate) was: String,
    /// How it would be decided.
    pub(crate) would_be: &'static str,
    /// The rules that would deny it.
    pub(crate) rules: Vec<String>,
}

impl Difference {
    pub(crate) fn document(&self) -> Value {
        json!({
            "position": self.position, "stream": self.stream, "version": self.version, "what": self.what,
            "was": self.was, "wouldBe": self.would_be, "rules": self.rules,
        })
    }
}

/// Asks a policy about what is stored.
pub(crate) struct History<'a> {
    pub(crate) policy: &'a dyn PolicyEngine,
    /// The roles that whoever stored events is assumed to have had.
    pub(crate) roles: Vec<Text>,
    /// The service and the environment it was stored in.
    pub(crate) service: Text,
    pub(crate) environment: Text,
}

impl History<'_> {
    /// What would have been decided otherwise about one event, or about the decision it records.
    pub(crate) fn difference(&self, event: &RecordedEvent) -> Option<Difference> {
        let (what, was, verdict) = if event.event_type.as_str() == DECISION_RECORDED {
            let decision: DecisionRecorded = event.payload.to().ok()?;
            let verdict = self.again(&decision, event)?;
            (decision.action, decision.outcome, verdict)
        } else {
            (event.event_type.to_string(), "allowed".to_owned(), self.stored(event))
        };
        let would_be = match &verdict.outcome {
            VerdictOutcome::Allow => "allowed",
            VerdictOutcome::Deny(_) => "denied",
            VerdictOutcome::Undefined => "undefined",
            VerdictOutcome::Failed { .. } => "failed",
        };
        if (was == "allowed") == verdict.allows() {
            return None;
        }
        Some(Difference {
            position: event.position.get(),
            stream: event.aggregate_id.to_string(),
            version: event.version.get(),
            what,
            was,
            would_be,
            rules: verdict.denials().iter().map(|denial| denial.id.clone()).collect(),
        })
    }

    fn stored(&self, event: &RecordedEvent) -> Verdict {
        let system = Actor::system();
        let actor = if event.receipt.actor == system.id {
            system
        } else {
            Actor::new(event.receipt.actor.clone(), self.roles.clone())
        };
        let request = RequestContext {
            service: self.service.clone(),
            client_id: None,
            environment: self.environment.clone(),
            time: event.timestamp,
        };
        let (id, version) = (event.receipt.schema_id, event.metadata.schema_version);
        self.policy.decide(&PolicyInput {
            kind: PolicyKind::Append,
            action: event.event_type.as_str(),
            resource: PolicyResource { resource_type: event.aggregate_type.as_str(), id: event.aggregate_id.as_str() },
            actor: &actor,
            payload: None,
            event: Some(PolicyEvent { event_type: event.event_type.as_str(), payload: &event.payload }),
            schema: Some(PolicySchema { id, version, registered: true }),
            request: &request,
        })
    }

    fn again(&self, decision: &DecisionRecorded, event: &RecordedEvent) -> Option<Verdict> {
        let kind = PolicyKind::ALL.into_iter().find(|kind| kind.as_str() == decision.kind)?;
        let roles = decision.actor.roles.iter().map(|role| Text::from(&**role)).collect();
        let actor = Actor::new(Text::from(&*decision.actor.id), roles);
        let request = RequestContext {
            service: Text::from(&*decision.context.service),
            client_id: decision.context.client_id.as_deref().map(Text::from),
            environment: Text::from(&*decision.context.environment),
            time: event.timestamp,
        };
        let nothing = Json::empty_object();
        let writes = matches!(kind, PolicyKind::Command | PolicyKind::Append);
        Some(self.policy.decide(&PolicyInput {
            kind,
            action: &decision.action,
            resource: PolicyResource { resource_type: &decision.resource.resource_type, id: &decision.resource.id },
            actor: &actor,
            payload: (kind == PolicyKind::Command).then_some(&nothing),
            event:
                (kind == PolicyKind::Append).then_some(PolicyEvent { event_type: &decision.action, payload: &nothing }),
            schema: writes.then_some(PolicySchema { id: 0, version: 0, registered: true }),
            request: &request,
        }))
    }
}
