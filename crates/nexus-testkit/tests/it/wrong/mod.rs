//! Adapters that are wrong on purpose, each in one way that real ones have been, and the case that catches it.

mod event_store;
mod governance;
mod read_store;

use std::future::Future;

use nexus_testkit::contract::{Outcome, run, run_blocking};

/// The case fails, as it must for a wrong adapter.
fn caught(name: &str, case: impl Future<Output = Outcome>) {
    assert!(run(name, case).is_err(), "`{name}` does not catch the wrong adapter");
}

/// The blocking case fails, as it must for a wrong adapter.
fn caught_blocking(name: &'static str, case: fn() -> Outcome) {
    assert!(run_blocking(name, case).is_err(), "`{name}` does not catch the wrong adapter");
}
