//! The gate: what it finds in whole repositories (the demonstration and its repaired twin, planted violations, a state
//! before, hostile files), and what it says: the catalogue and its pages, the renderings, exceptions and the baseline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod against;
mod baseline;
mod catalogue;
mod demonstration;
mod exceptions;
mod graph;
mod hostile;
mod hostile_texts;
mod judged;
mod planted;
mod renderings;
mod samples;
mod sarif;
mod support;
