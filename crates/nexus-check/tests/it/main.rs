//! The gate over whole repositories: the demonstration and its repaired twin, planted violations, a state before,
//! hostile files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod against;
mod demonstration;
mod graph;
mod hostile;
mod planted;
mod support;
