//! The API against a whole node whose ports are kept in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod access;
mod append_stream;
mod appends;
mod backup;
mod basic;
mod commands;
mod contract;
mod credentials;
mod dashboard;
mod domain;
mod events;
mod feed;
mod governance;
mod history;
mod hostile;
mod openapi;
mod operations;
mod policies;
mod ports;
mod queries;
mod registry;
mod schemas;
mod server;
mod start;
mod system_streams;
mod tokens;
mod upcasting;
