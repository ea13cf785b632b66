use nexus_core::{
    Refusal,
    ports::{AppendError, ReadError},
};

use crate::policies::RecordError;

/// Why tokens were not changed, or cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFailure {
    /// What was asked for cannot be a token.
    #[error("{reason}")]
    Invalid {
        /// The member that is wrong: `roles`, `description` or `expiresAt`.
        member: &'static str,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// The caller may not hand these roles on.
    #[error(
        "you do not hold the role{} {}; only an admin gives roles that are not their own",
        if roles.len() == 1 { "" } else { "s" },
        roles.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", ")
    )]
    NotHeld {
        /// Which.
        roles: Vec<String>,
    },
    /// There is no such token.
    #[error("there is no token `{id}`")]
    Unknown {
        /// Its public id, as asked for.
        id: String,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes, without which no secret can be made")]
    NoRandomness,
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
    #[error("`$tokens`: {0}")]
    Damaged(String),
}

impl From<RecordError> for TokenFailure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::NotAdmitted(refusal) => refusal.into(),
            RecordError::Append(error) => error.into(),
            RecordError::Malformed(reason) => Self::Damaged(reason),
        }
    }
}
