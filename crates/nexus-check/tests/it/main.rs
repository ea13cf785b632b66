//! What the gate says: the catalogue and its pages, the renderings, exceptions and the baseline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod baseline;
mod catalogue;
mod exceptions;
mod hostile;
mod judged;
mod renderings;
mod samples;
mod sarif;
