//! End-to-end tests of the built `nexus` binary.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::type_complexity,
    reason = "a test that meets the unexpected must fail, and says what it measured"
)]

mod access;
mod backup;
mod bad_input;
mod commands;
mod example;
mod exchange;
mod gate;
mod identity;
mod import;
mod lifecycle;
mod policies;
mod policy_server;
mod proofs;
mod registry_clients;
mod schemas;
