//! Whole nodes over ports in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod domain;
mod evolution;
mod policies;
mod policy_server;
mod registered;
mod tokens;
