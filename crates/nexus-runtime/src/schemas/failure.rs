use nexus_core::{
    DecisionId, Position, Refusal, StreamId,
    ports::{AppendError, ReadError, RegisterError, Subject, Verdict},
};

use crate::{Proof, ways::WayError};

/// Why the registry was not changed, or could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaFailure {
    /// The registry says no.
    #[error(transparent)]
    Registry(#[from] RegisterError),
    /// The policy does not let the caller change the registry.
    #[error("policy does not allow `{action}`")]
    Denied {
        /// What was asked for: `schemas.register`.
        action: &'static str,
        /// The decision.
        decision_id: DecisionId,
        /// The verdict with the rules that fired.
        verdict: Box<Verdict>,
    },
    /// The platform or the running application needs this schema as it is.
    #[error("the {subject} {reason}")]
    Protected {
        /// The subject.
        subject: Subject,
        /// Who needs it, and what to do.
        reason: &'static str,
    },
    /// Stored events carry the schema that was to be deleted for good.
    #[error(
        "the {subject} version {version} is carried by the stored event at position {position} in stream `{stream}`; \
         the log is never rewritten, so the schema stays"
    )]
    InUse {
        /// The subject.
        subject: Subject,
        /// Its version.
        version: u32,
        /// The first such event.
        position: Position,
        /// The stream it is in.
        stream: StreamId,
    },
    /// The log is too long to be searched in the time there is.
    #[error("the log could not be searched in time; everything up to position {reached} was looked at")]
    TooLong {
        /// How far the search got.
        reached: Position,
    },
    /// The upcaster that was given does not bring everything to the new version.
    #[error("the upcaster to version {version} of the {subject} does not hold: {proof}")]
    Unproven {
        /// The subject.
        subject: Subject,
        /// The version it leads to.
        version: u32,
        /// What was tried, and the first that failed.
        proof: Box<Proof>,
    },
    /// There was not enough time to try the upcaster on everything that is stored.
    #[error(
        "the upcaster held for {events} stored events, up to position {reached} of {head}; send the same request again \
         and it goes on from there"
    )]
    ProofUnfinished {
        /// How many events were tried.
        events: u64,
        /// Everything up to here was tried.
        reached: Position,
        /// The end of the log.
        head: Position,
    },
    /// The event that records the change was not admitted.
    #[error("the change is not admitted: {0}")]
    NotAdmitted(#[from] Refusal),
    /// The event that records the change could not be stored.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored change cannot be understood.
    #[error("`$schemas`: {0}")]
    Damaged(String),
}

impl From<WayError> for SchemaFailure {
    fn from(error: WayError) -> Self {
        match error {
            WayError::Registry(error) => error.into(),
            WayError::Chain(error) => Self::Damaged(error.to_string()),
        }
    }
}
