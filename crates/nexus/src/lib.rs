//! Nexus for people who write a domain: the attribute macros, the traits behind them and the `App` that runs it all.
//!
//! **What belongs here:** re-exports, and the wiring of the embedded adapters into one program. **What does not:**
//! domain vocabulary (`nexus-core`), behaviour of the services (`nexus-runtime`), HTTP (`nexus-api`).
//!
//! Start with [`prelude`]; the words are explained in [`framework`].

mod app;
mod backup;
mod cli;
pub mod client;
mod config;
mod data_dir;
mod exchange;
mod exit;
mod policies;
pub mod prelude;
mod schemas;
mod server;

pub use app::{App, Domain};
pub use cli::{Format, Invocation, Output, Verb};
pub use client::Client;
pub use exit::{Exit, Failure};

pub use nexus_core::framework::{
    self, Aggregate, Change, Command, Ctx, Decision, Events, Handle, Project, ReadModel, Recorded, Rejection, Row,
};
pub use nexus_core::upcast::{self, JsonType, Others, Steps, Upcaster};
pub use nexus_core::{self as core, StreamId, Timestamp, Version, require};
pub use nexus_macros::{aggregate, command, event, projection, state, value};
pub use nexus_opa::{OpaError, OpaOptions, WhenUnreachable};

#[doc(hidden)]
pub use nexus_core::__private;
