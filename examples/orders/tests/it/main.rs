//! The rules of the Order domain, its read model and its policy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod decisions;
mod policy;
mod rows;
mod schemas;
