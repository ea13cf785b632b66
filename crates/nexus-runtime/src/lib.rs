//! The platform at work: admission, commands, governed appends, projections and queries, all against ports.
//!
//! **What belongs here:** what happens between a door (HTTP, CLI) and the ports, in which order, and what is retried.
//! **What does not:** any technology. This crate names no database, no file format and no wire format.
//!
//! Reading order: [`Node`] assembles everything; [`CommandService`] and [`AppendService`] write; [`projector`]
//! follows; [`QueryService`] reads; [`SchemaService`] changes the schema registry; [`TokenService`] issues tokens.

mod append_service;
mod catalogue;
mod command_service;
mod evolution;
mod governance;
mod idempotency;
mod node;
mod policies;
pub mod projector;
mod proof;
mod query_service;
mod request;
mod schemas;
mod system;
mod tokens;
mod ways;

pub use append_service::{AppendAnswer, AppendFailure, AppendService, PendingAppend};
pub use catalogue::{Catalogue, CatalogueError, CommandEntry};
pub use command_service::{CommandAnswer, CommandFailure, CommandRequest, CommandService, DryRun};
pub use idempotency::{IdempotencyClash, Idempotent};
pub use node::{Node, NodeParts, StartError};
pub use policies::{
    ActivePolicy, DECISION_RECORDED, Decision, DecisionRecorded, POLICIES, PolicyActivated, PolicyBundle,
    PolicyFailure, PolicyService, Unrecorded,
};
pub use proof::{FailedSample, Proof, Sample, prove, prove_samples, samples_of};
pub use query_service::{ConsistentWith, QueryFailure, QueryService};
pub use request::RequestInfo;
pub use schemas::{
    Changed, DryRunFailure, LogDryRun, RegisteredNow, ScanRange, SchemaFailure, SchemaService, SchemaUsage,
    VersionUsage,
};
pub use system::{SystemClock, UuidIds};
pub use tokens::{CreatedToken, NewToken, Revocation, TokenExpiry, TokenFailure, TokenInfo, TokenService, TokenText};
