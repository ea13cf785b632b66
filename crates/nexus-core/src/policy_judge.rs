use std::sync::Arc;

use crate::ports::{PolicyEngine, PolicyInput, PolicyKind, PolicyLedger, PolicyServer, Verdict, VerdictOutcome};

/// What may be done although a policy server would refuse it or is away: to take rights from somebody. The embedded
/// policy has said who may.
const NEVER_ASKED: [(PolicyKind, &str); 1] = [(PolicyKind::Admin, "tokens.revoke")];

/// Asks the embedded policy and, where there is one, a policy server: what goes on, both allow.
///
/// The embedded policy is asked first and always; what it refuses is refused, so a server can only restrict. What the
/// platform does for itself is judged by the embedded policy alone, through [`embedded`](Self::embedded).
#[derive(Clone)]
pub struct PolicyJudge {
    embedded: Arc<dyn PolicyEngine>,
    beside: Option<Beside>,
}

#[derive(Clone)]
struct Beside {
    server: Arc<dyn PolicyServer>,
    ledger: Arc<dyn PolicyLedger>,
}

impl PolicyJudge {
    /// A judge that asks this engine alone.
    #[must_use]
    pub fn new(embedded: Arc<dyn PolicyEngine>) -> Self {
        Self { embedded, beside: None }
    }

    /// Asks a policy server too, and keeps on record in the ledger what decided.
    #[must_use]
    pub fn beside(self, server: Arc<dyn PolicyServer>, ledger: Arc<dyn PolicyLedger>) -> Self {
        Self { beside: Some(Beside { server, ledger }), ..self }
    }

    /// The engine inside the process.
    #[must_use]
    pub fn embedded(&self) -> &Arc<dyn PolicyEngine> {
        &self.embedded
    }

    /// The policy server, if there is one.
    #[must_use]
    pub fn server(&self) -> Option<&Arc<dyn PolicyServer>> {
        self.beside.as_ref().map(|beside| &beside.server)
    }

    /// Judges one request. Without a policy server it answers at once.
    pub async fn decide(&self, input: &PolicyInput<'_>) -> Verdict {
        let verdict = self.embedded.decide(input);
        self.confirmed(input, verdict).await
    }

    /// The verdict once the policy server had its say about what the embedded policy allows.
    pub(crate) async fn confirmed(&self, input: &PolicyInput<'_>, embedded: Verdict) -> Verdict {
        match &self.beside {
            Some(beside) if embedded.allows() && !NEVER_ASKED.contains(&(input.kind, input.action)) => {
                beside.confirmed(input, embedded).await
            }
            _ => embedded,
        }
    }
}

impl Beside {
    async fn confirmed(&self, input: &PolicyInput<'_>, embedded: Verdict) -> Verdict {
        let said = self.server.decide(input).await;
        let elapsed = embedded.elapsed.saturating_add(said.elapsed);
        let Some(source) = &said.source else {
            return Verdict { outcome: said.outcome, policy_digest: embedded.policy_digest, elapsed };
        };
        let (outcome, policy_digest) = match self.ledger.digest(embedded.policy_digest, source).await {
            Ok(digest) => (said.outcome, digest),
            Err(reason) => (unrecorded(said.outcome, &reason), embedded.policy_digest),
        };
        Verdict { outcome, policy_digest, elapsed }
    }
}

/// What was decided under a policy that is not on record does not go on. A refusal stays what it is.
fn unrecorded(outcome: VerdictOutcome, reason: &str) -> VerdictOutcome {
    match outcome {
        VerdictOutcome::Allow => {
            VerdictOutcome::Failed { reason: format!("what decided could not be put on record: {reason}") }
        }
        refused => refused,
    }
}
