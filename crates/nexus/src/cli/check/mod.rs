//! `nexus check`: the gate on the command line.

mod args;
mod git;
mod verb;

pub(crate) use args::Check;
pub(crate) use verb::run;
