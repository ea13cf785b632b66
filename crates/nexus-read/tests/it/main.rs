//! Integration tests of the embedded read side.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod files;
mod idempotency;
mod paging;
mod rows;
mod support;
