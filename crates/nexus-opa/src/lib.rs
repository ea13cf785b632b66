//! An Open Policy Agent (OPA), or whatever else speaks its data API, that is asked beside the embedded policy.
//!
//! **What belongs here:** asking the server within bounds, understanding what it answers, telling when it is away, and
//! keeping a copy of its modules for that time. **What does not:** that both must allow (`PolicyJudge` in `nexus-core`),
//! and what is put on record (the runtime).
//!
//! A server that answers has its say, also when what it answers cannot be used: that refuses. Only one that cannot be
//! reached is replaced, by what [`WhenUnreachable`] names; otherwise whoever can make a policy fail could choose who
//! judges.
//!
//! Reading order: [`OpaPolicyServer`] (in `server`), [`OpaOptions`], `client` (what goes over the wire and comes back),
//! `input`, `answer`, `breaker` (when it is left alone), `mirror` (what is asked meanwhile).

mod answer;
mod breaker;
mod client;
mod input;
mod mirror;
mod options;
mod server;

pub use options::{OpaError, OpaOptions, WhenUnreachable};
pub use server::OpaPolicyServer;
