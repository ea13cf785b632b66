//! The command line that every application gets.

pub(crate) mod args;
mod backup;
mod banner;
mod check;
mod command;
mod config;
mod dev;
mod event;
mod exchange;
mod log;
mod output;
pub(crate) mod policy;
mod projection;
mod query;
mod run;
mod schema;
mod stream;
mod token;
mod verify;

pub use output::{Format, Output};
pub(crate) use run::run;
pub use run::{Invocation, Verb};
