//! Tokens, keys and key sets as an issuer, an operator and an attacker see them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod attacks;
mod claims;
mod contract;
mod keys;
mod random;
mod remote;
mod setup;
mod support;
