use std::sync::Arc;

use nexus_core::{
    DecisionId, Digest, Json, PolicyJudge, Refusal,
    ports::{
        IdSource, PolicyExplanation, PolicyInput, PolicyKind, PolicyProblem, PolicyResource, PolicyServerStatus,
        Verdict,
    },
};

use super::{ActivePolicy, Bundles, DecisionLog, PolicyBundle, PolicyFailure, Unrecorded, bundles::Origin};
use crate::RequestInfo;

/// Asks the policy in force, gives every answer an id, and writes down what auditors want to know.
#[derive(Clone)]
pub struct PolicyService {
    inner: Arc<Inner>,
}

struct Inner {
    judge: PolicyJudge,
    ids: Arc<dyn IdSource>,
    /// `None` when the policy of the node cannot be replaced.
    bundles: Option<Bundles>,
    log: Option<DecisionLog>,
}

/// One answer of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Names it, in the answer to the client and wherever it is recorded.
    pub id: DecisionId,
    /// What came out.
    pub verdict: Verdict,
}

impl PolicyService {
    pub(crate) fn new(
        judge: PolicyJudge,
        ids: Arc<dyn IdSource>,
        bundles: Option<Bundles>,
        log: Option<DecisionLog>,
    ) -> Self {
        Self { inner: Arc::new(Inner { judge, ids, bundles, log }) }
    }

    /// Judges one request. It goes on only if the verdict [allows](Verdict::allows) it. A denial is written down soon.
    pub async fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        self.decide_traced(input, None).await
    }

    /// [`decide`](Self::decide) for a request that belongs to a trace.
    pub async fn decide_traced(&self, input: &PolicyInput<'_>, traceparent: Option<&str>) -> Decision {
        let verdict = self.inner.judge.decide(input).await;
        measure(&verdict);
        let decision = Decision { id: self.inner.ids.decision_id(), verdict };
        if !decision.verdict.allows() {
            self.denied(input, &decision, traceparent);
        }
        decision
    }

    /// Whether the policy would let a request through that nobody made: nothing is recorded, whatever it says.
    #[must_use]
    pub async fn would_allow(&self, input: &PolicyInput<'_>) -> bool {
        self.inner.judge.decide(input).await.allows()
    }

    /// Writes down soon that the policy did not let events in.
    pub(crate) fn refused(&self, refusal: &Refusal, decision_id: DecisionId, info: &RequestInfo) {
        let Refusal::Policy { event_type, stream, aggregate_type, verdict, .. } = refusal else { return };
        let decision = Decision { id: decision_id, verdict: (**verdict).clone() };
        let input = PolicyInput {
            kind: PolicyKind::Append,
            action: event_type,
            resource: PolicyResource { resource_type: aggregate_type, id: stream },
            actor: &info.actor,
            payload: None,
            event: None,
            schema: None,
            request: &info.context,
        };
        self.denied(&input, &decision, info.traceparent.as_deref());
    }

    fn denied(&self, input: &PolicyInput<'_>, decision: &Decision, traceparent: Option<&str>) {
        if let Some(log) = &self.inner.log {
            log.denied(input, decision, traceparent);
        }
    }

    /// Writes down that somebody reads what only some may read; answers once that is durable.
    ///
    /// # Errors
    /// [`Unrecorded`]: it could not be written down, so it must not be answered.
    pub async fn record_read(
        &self,
        input: &PolicyInput<'_>,
        decision: &Decision,
        traceparent: Option<&str>,
    ) -> Result<(), Unrecorded> {
        match &self.inner.log {
            Some(log) => log.read(input, decision, traceparent).await,
            None => Ok(()),
        }
    }

    /// Digest of everything in force inside the process.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.inner.judge.embedded().digest()
    }

    /// How the policy server does that is asked beside; `None` without one.
    #[must_use]
    pub fn server(&self) -> Option<PolicyServerStatus> {
        self.inner.judge.server().map(|server| server.status())
    }

    /// The bundles in force, by name.
    pub async fn bundles(&self) -> Vec<ActivePolicy> {
        match &self.inner.bundles {
            Some(bundles) => bundles.active().await,
            None => Vec::new(),
        }
    }

    /// Brings a bundle into force in the place of the one of its name, once it loads, its tests hold and it keeps to
    /// what no bundle may change. A bundle without modules takes the one of its name out of force.
    ///
    /// # Errors
    /// [`PolicyFailure`]; what was in force still is.
    pub async fn activate(&self, bundle: PolicyBundle, info: RequestInfo) -> Result<ActivePolicy, PolicyFailure> {
        let bundles = self.inner.bundles.clone().ok_or(PolicyFailure::Fixed)?;
        bundles.activate(bundle, Origin::Pushed, info).await
    }

    /// [`activate`](Self::activate) for a bundle that the command line declares: a start without it ends it.
    ///
    /// # Errors
    /// [`PolicyFailure`]; what was in force still is.
    pub async fn declare(&self, bundle: PolicyBundle, info: RequestInfo) -> Result<ActivePolicy, PolicyFailure> {
        let bundles = self.inner.bundles.clone().ok_or(PolicyFailure::Fixed)?;
        bundles.activate(bundle, Origin::Declared, info).await
    }

    /// Brings an earlier revision of a bundle into force again, under the same conditions.
    ///
    /// # Errors
    /// [`PolicyFailure`]; what was in force still is.
    pub async fn roll_back(
        &self,
        name: String,
        revision: Option<u64>,
        info: RequestInfo,
    ) -> Result<ActivePolicy, PolicyFailure> {
        let bundles = self.inner.bundles.clone().ok_or(PolicyFailure::Fixed)?;
        bundles.roll_back(name, revision, info).await
    }

    /// The value at a path of what is in force, as OPA's data API has it; `None` where it is undefined.
    ///
    /// # Errors
    /// [`PolicyProblem`].
    pub async fn value_at(&self, path: String, input: Option<Json>) -> Result<Option<Json>, PolicyProblem> {
        let fixed = || PolicyProblem::new("the policy of this node cannot be looked into");
        let bundles = self.inner.bundles.clone().ok_or_else(fixed)?;
        let policy = bundles.in_force().await;
        let found = tokio::task::spawn_blocking(move || policy.value_at(&path, input.as_ref())).await;
        found.unwrap_or_else(|_| Err(PolicyProblem::new("the evaluation ended early")))
    }

    /// Judges a request without any effect and tells which rules fired; `None` when the policy cannot be looked into.
    pub async fn explain(&self, input: &PolicyInput<'_>) -> Option<PolicyExplanation> {
        let policy = self.inner.bundles.as_ref()?.in_force().await;
        Some(policy.explain(input))
    }
}

fn measure(verdict: &Verdict) {
    let result = if verdict.allows() { "allow" } else { "deny" };
    metrics::counter!("nexus_policy_decisions_total", "result" => result).increment(1);
    metrics::histogram!("nexus_policy_eval_seconds").record(verdict.elapsed);
}
