//! From what the service of tokens says to what a client is told.

use nexus_runtime::{AppendFailure, TokenFailure};

use crate::problem::{BodyPlaces, Code, Problem, append_problem};

/// Why tokens were not changed.
pub(crate) fn token_failure(failure: TokenFailure) -> Problem {
    let text = failure.to_string();
    match failure {
        TokenFailure::Invalid { member, reason } => Problem::invalid(format!("/{member}"), member, reason),
        TokenFailure::NotHeld { .. } => {
            let fix = "ask for roles that you hold, or let somebody with the role admin create the token";
            Problem::new(Code::PolicyViolation, text.clone()).with_fix("nexus.roles-not-held", &text, fix)
        }
        TokenFailure::Unknown { .. } => Problem::new(Code::NotFound, text),
        TokenFailure::Append(error) => append_problem(AppendFailure::Append(error), &BodyPlaces::default()),
        TokenFailure::Read(error) => error.into(),
        TokenFailure::Damaged(reason) => {
            Problem::new(Code::DamagedData, "the record of the tokens cannot be read").caused_by(&reason)
        }
        other => Problem::new(Code::InternalError, "the tokens were not changed").caused_by(&other),
    }
}
