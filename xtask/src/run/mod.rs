//! `cargo xtask test`: the whole gate, step by step, the same on a laptop and in CI.

mod data;
mod gate;
mod options;
mod process;
mod step;
mod tally;
mod tools;

pub(crate) use gate::run;
pub(crate) use options::Options;
