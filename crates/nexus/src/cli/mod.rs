//! The command line that every application gets.

mod args;
mod backup;
mod banner;
mod command;
mod dev;
mod event;
mod exchange;
mod output;
mod projection;
mod query;
mod run;
mod schema;
mod stream;

pub use output::{Format, Output};
pub(crate) use run::run;
pub use run::{Invocation, Verb};
