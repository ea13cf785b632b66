use std::path::PathBuf;

use clap::Parser;

use crate::load::LOADS;

/// What to measure, for how long and where.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench peers", about = "Measure the server beside PostgreSQL, UmaDB and tephra")]
pub(crate) struct Options {
    /// Seconds of every run.
    #[arg(long, default_value_t = 4)]
    pub(crate) seconds: u64,
    /// Rounds; in each, every peer has one run.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// One round of one second: to see that everything works.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these loads, counted from 1: single events, batches, one connection with 64 and with 512 in flight.
    #[arg(long)]
    pub(crate) load: Vec<usize>,
    /// Measure nothing; write the page again from earlier figures.
    #[arg(long)]
    pub(crate) page: bool,
    /// Where data is written while measuring; on the disk to be measured.
    #[arg(long, default_value = "../target/bench/peers")]
    pub(crate) data: PathBuf,
    /// Where page, plots and raw figures go.
    #[arg(long, default_value = "../docs/benchmarks")]
    pub(crate) pages: PathBuf,
}

impl Options {
    /// Indices of the loads to run.
    pub(crate) fn loads(&self) -> Vec<usize> {
        if self.load.is_empty() {
            (0..LOADS.len()).collect()
        } else {
            self.load.iter().map(|number| number.wrapping_sub(1)).collect()
        }
    }

    pub(crate) fn seconds(&self) -> u64 {
        if self.quick { 1 } else { self.seconds.max(1) }
    }

    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    /// The command that measures a load again as it was measured now.
    pub(crate) fn command(&self, index: usize) -> String {
        let how = if self.quick {
            "--quick".to_owned()
        } else {
            format!("--seconds {} --rounds {}", self.seconds, self.rounds)
        };
        format!("cargo xtask bench peers --load {} {how}", index + 1)
    }
}
