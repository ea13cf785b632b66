//! Contract suites: what every adapter of a port must do, as one list of cases per port.
//!
//! An adapter's tests implement the port's fixture trait and invoke the port's macro once, in a module of its own;
//! the macro writes one `#[test]` per case, so that no adapter can miss one. Each case starts its own fixture. A case
//! answers an [`Outcome`] instead of panicking, so that the same function can prove that a wrong adapter is caught.
//!
//! | port | fixture | macro |
//! | --- | --- | --- |
//! | [`EventStore`](nexus_core::ports::EventStore) | [`EventStoreFixture`] | [`event_store_contract!`](crate::event_store_contract) |

pub mod event_store;
mod outcome;
mod run;
mod suite;

pub use event_store::EventStoreFixture;
pub use outcome::{Breach, Outcome};
pub use run::{run, run_blocking};

pub(crate) use outcome::{check, check_eq};
pub(crate) use suite::{async_suite, blocking_suite};
