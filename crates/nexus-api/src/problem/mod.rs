//! Every "no" of the API: `application/problem+json` (RFC 9457) with a stable code and what to do.

mod body;
mod codes;
mod convert;
mod document;
mod policies;
mod schemas;
mod tokens;

pub use body::{FieldError, ProblemBody, ProblemError};
pub use codes::Code;
pub(crate) use convert::{BodyPlaces, append_problem, command_problem, policy_problem, unknown_command};
pub(crate) use document::Problem;
pub(crate) use policies::policy_failure;
pub(crate) use schemas::{register_problem, schema_failure};
pub(crate) use tokens::token_failure;
