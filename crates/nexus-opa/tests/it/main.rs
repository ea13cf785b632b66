//! A policy server as it should be, and as it should not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod asking;
mod away;
mod contract;
mod fake;
mod mirror;
mod trouble;
