//! Nexus for people who write a domain: the attribute macros, the traits behind them and the `App` that runs it all.
//!
//! **What belongs here:** re-exports, and the wiring of the embedded adapters into one program. **What does not:**
//! domain vocabulary (`nexus-core`), behaviour of the services (`nexus-runtime`), HTTP (`nexus-api`).
//!
//! Start with [`prelude`]; the words are explained in [`framework`].

// The macros write `::nexus::…`, which must also mean this crate inside it.
extern crate self as nexus;

pub mod prelude;

pub use nexus_core::framework::{
    self, Aggregate, Change, Command, Ctx, Decision, Events, Handle, Project, ReadModel, Recorded, Rejection,
    Row,
};
pub use nexus_core::{StreamId, Timestamp, Version, require};
pub use nexus_macros::{aggregate, command, event, projection, state, value};

#[doc(hidden)]
pub use nexus_core::__private;
