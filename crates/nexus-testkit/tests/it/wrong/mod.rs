//! Adapters that are wrong on purpose, each in one way that real ones have been, and the case that catches it.

mod authenticator;
mod event_store;
mod governance;
mod policy_server;
mod read_store;
mod subjects;

use std::future::Future;

use nexus_testkit::contract::{Outcome, run, run_blocking};

/// The case fails, as it must for a wrong adapter, and for the reason it is there for.
fn caught(name: &str, reason: &str, case: impl Future<Output = Outcome>) {
    expect(name, reason, run(name, case));
}

/// The blocking case fails, as it must for a wrong adapter, and for the reason it is there for.
fn caught_blocking(name: &'static str, reason: &str, case: fn() -> Outcome) {
    expect(name, reason, run_blocking(name, case));
}

fn expect(name: &str, reason: &str, outcome: Outcome) {
    let breach = outcome.expect_err(name).to_string();
    assert!(breach.contains(reason), "`{name}` fails for another reason than `{reason}`: {breach}");
}
