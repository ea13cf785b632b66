//! The gate: what it finds in whole repositories, the demonstration and its repaired twin among them, and what it says:
//! the catalogue and its pages, the renderings, exceptions and the baseline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod baseline;
mod catalogue;
mod demonstration;
mod exceptions;
mod hostile;
mod judged;
mod renderings;
mod samples;
mod sarif;
mod support;
