use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use nexus_core::{
    Digest,
    ports::{Denial, PolicyEngine, PolicyInput, Severity, Verdict, VerdictOutcome},
};

/// A policy whose verdict is always the same. Counts how often it was asked.
#[derive(Debug)]
pub struct FixedPolicy {
    outcome: VerdictOutcome,
    calls: AtomicUsize,
}

impl FixedPolicy {
    /// Its digest, the same for every fixed policy.
    pub const DIGEST: Digest = Digest::from_bytes([0xf1; 32]);

    /// A policy with this outcome.
    #[must_use]
    pub fn with(outcome: VerdictOutcome) -> Self {
        Self { outcome, calls: AtomicUsize::new(0) }
    }

    /// A policy that allows everything.
    #[must_use]
    pub fn allow() -> Self {
        Self::with(VerdictOutcome::Allow)
    }

    /// A policy whose rule `rule` denies everything.
    #[must_use]
    pub fn deny(rule: &str) -> Self {
        Self::with(VerdictOutcome::Deny(vec![Denial {
            id: rule.to_owned(),
            message: format!("`{rule}` denies everything"),
            remediation: "use another policy".to_owned(),
            severity: Severity::Error,
        }]))
    }

    /// A policy that neither allows nor denies.
    #[must_use]
    pub fn undefined() -> Self {
        Self::with(VerdictOutcome::Undefined)
    }

    /// A policy whose evaluation fails.
    #[must_use]
    pub fn failed(reason: &str) -> Self {
        Self::with(VerdictOutcome::Failed { reason: reason.to_owned() })
    }

    /// How often it was asked.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl PolicyEngine for FixedPolicy {
    fn decide(&self, _: &PolicyInput<'_>) -> Verdict {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Verdict { outcome: self.outcome.clone(), policy_digest: Self::DIGEST, elapsed: Duration::ZERO }
    }

    fn digest(&self) -> Digest {
        Self::DIGEST
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nexus_core::{Admission, DecisionId, ExpectedVersion, Refusal, admission::AdmissionContext};

    use super::*;
    use crate::{
        fakes::PermissiveSchemas,
        fixture::{actor, admitted_by, at_once, event_id, proposal, request_context},
    };

    fn admission(policy: &Arc<FixedPolicy>) -> Admission {
        Admission::new(Arc::new(PermissiveSchemas::default()), Arc::clone(policy) as Arc<dyn PolicyEngine>)
    }

    #[test]
    fn a_fixed_policy_is_asked_once_for_every_event() {
        let policy = Arc::new(FixedPolicy::allow());
        let batch = admitted_by(&admission(&policy), proposal("order-1", ExpectedVersion::Any, 3));
        assert_eq!((batch.event_count(), policy.calls()), (3, 3));
    }

    #[test]
    fn only_the_allowing_policy_admits() {
        for policy in [FixedPolicy::deny("rule"), FixedPolicy::undefined(), FixedPolicy::failed("why")] {
            let context = AdmissionContext {
                actor: &actor(),
                decision_id: DecisionId::from_uuid(*event_id().as_uuid()),
                request: &request_context(),
            };
            let admission = admission(&Arc::new(policy));
            let refused = at_once(admission.admit(proposal("order-1", ExpectedVersion::Any, 1), context)).unwrap();
            assert!(matches!(refused, Err(Refusal::Policy { index: 0, .. })), "{refused:?}");
        }
    }
}
