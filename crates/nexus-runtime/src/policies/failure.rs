use nexus_core::{
    DecisionId, Refusal, Version,
    ports::{AppendError, PolicyProblem, PolicyTestResult, ReadError, Verdict},
};

/// Why the policy in force stayed as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFailure {
    /// This node was started with a policy that cannot be replaced.
    #[error("the policy of this node cannot be replaced")]
    Fixed,
    /// Policy does not let the caller do it.
    #[error("policy does not allow `{action}`")]
    Denied {
        /// What was to be done.
        action: &'static str,
        /// The decision.
        decision_id: DecisionId,
        /// The verdict.
        verdict: Box<Verdict>,
    },
    /// The name is no name of a bundle.
    #[error("`{name}` is no name of a bundle: it has 1 to 64 of the characters a-z, 0-9 and -")]
    InvalidName {
        /// What was given.
        name: String,
    },
    /// The modules do not load.
    #[error("the bundle does not load: {0}")]
    Invalid(#[from] PolicyProblem),
    /// Tests of the bundle do not hold.
    #[error("{} test(s) of the bundle do not hold", _0.len())]
    Tests(Vec<PolicyTestResult>),
    /// What must always be possible, or never, would not be so any more.
    #[error("with this bundle {consequence}")]
    GuardRail {
        /// What would happen.
        consequence: String,
    },
    /// Loading and testing did not come to an end.
    #[error("loading and testing the bundle takes longer than {seconds} seconds")]
    TooLong {
        /// What is allowed.
        seconds: u64,
    },
    /// There is no such bundle.
    #[error("there is no policy bundle `{name}`; there are: {known}")]
    UnknownBundle {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The bundle has no such revision.
    #[error("the bundle `{bundle}` has no revision {revision}")]
    UnknownRevision {
        /// The bundle.
        bundle: String,
        /// What was asked for.
        revision: Version,
    },
    /// The record of the change was not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] Refusal),
    /// The record of the change was not stored.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The records could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record cannot be understood.
    #[error("`$policies` cannot be read: {0}")]
    Damaged(String),
}
