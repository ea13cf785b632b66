use std::sync::Arc;

use nexus_core::{
    DecisionId, Digest,
    ports::{IdSource, PolicyEngine, PolicyInput, Verdict},
};

/// Asks the policy in force, and gives every answer an id.
#[derive(Clone)]
pub struct PolicyService {
    engine: Arc<dyn PolicyEngine>,
    ids: Arc<dyn IdSource>,
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
    pub(crate) fn new(engine: Arc<dyn PolicyEngine>, ids: Arc<dyn IdSource>) -> Self {
        Self { engine, ids }
    }

    /// Judges one request. It goes on only if the verdict [allows](Verdict::allows) it.
    #[must_use]
    pub fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        let verdict = self.engine.decide(input);
        measure(&verdict);
        Decision { id: self.ids.decision_id(), verdict }
    }

    /// Digest of the bundle in force.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.engine.digest()
    }
}

fn measure(verdict: &Verdict) {
    let result = if verdict.allows() { "allow" } else { "deny" };
    metrics::counter!("nexus_policy_decisions_total", "result" => result).increment(1);
    metrics::histogram!("nexus_policy_eval_seconds").record(verdict.elapsed);
}
