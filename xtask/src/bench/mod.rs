//! `cargo xtask bench`: builds the benchmarks, which are a workspace of their own, and runs them on this machine.

mod peers;
mod start;
mod tools;

pub(crate) use start::{Benchmark, run};
