//! End-to-end tests of the built `nexus` binary.

mod bad_input;
mod commands;
mod import;
mod lifecycle;
