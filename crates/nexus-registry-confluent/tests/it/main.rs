//! The adapter over our own registry, over a registry as it should not be, and under the contract of its port.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod contract;
mod facade;
mod fake;
mod trouble;
