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
