//! The HTTP interface of Nexus: routes, problem documents, paging cursors, live feeds and the dashboard.
//!
//! **What belongs here:** turning HTTP into calls of [`nexus_runtime::Node`] and its answers into documents. **What
//! does not:** decisions (they are the runtime's), adapters, and the listening socket (the `nexus` crate opens it).
//!
//! Reading order: [`router`] puts everything together; `request` checks what comes in; `routes` has one module per
//! part of the interface; `access` decides who gets to them; [`dto`] is what goes out; `problem` is every "no"; `edge`
//! surrounds each request.

mod access;
mod config;
mod cursor;
pub mod dto;
mod edge;
mod leftover;
mod members;
mod problem;
mod request;
mod router;
mod routes;
mod state;

pub use access::{AccessRule, RateClass, RateLimit, RateLimits};
pub use config::{ApiConfig, BackupSource, BuildInfo, StorageInfo};
pub use problem::{Code, FieldError, ProblemBody, ProblemError};
pub use router::{access_rules, openapi, router};
