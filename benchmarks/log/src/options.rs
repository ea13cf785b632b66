use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// What to measure, for how long and where.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench log", about = "Measure the event log beside a bare log, fjall and SQLite")]
pub(crate) struct Options {
    /// Seconds of every run.
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u64,
    /// Rounds; in each, every subject has one run.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// One round of one second: to see that everything works.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these parts; all but growth when none is named.
    #[arg(long, value_enum)]
    pub(crate) only: Vec<Part>,
    /// Measure growth as well, which takes minutes and a few gigabytes.
    #[arg(long)]
    pub(crate) growth: bool,
    /// Events of the grown log.
    #[arg(long, default_value_t = 10_000_000)]
    pub(crate) events: u64,
    /// Where data is written while measuring; on the disk to be measured.
    #[arg(long, default_value = "../target/bench/log")]
    pub(crate) data: PathBuf,
    /// Where pages, plots and raw figures go.
    #[arg(long, default_value = "../docs/benchmarks")]
    pub(crate) pages: PathBuf,
    #[command(subcommand)]
    pub(crate) process: Option<Process>,
}

/// What this program does as a child of itself, so that memory and start-up are those of a fresh process.
#[derive(Debug, Subcommand)]
pub(crate) enum Process {
    /// Opens a log, measures it and prints figures as JSON.
    #[command(hide = true)]
    Probe {
        /// The data directory.
        dir: PathBuf,
        /// Seconds of every run.
        seconds: u64,
        /// Events it was filled with before anything else was appended.
        filled: u64,
    },
    /// Appends until it is killed.
    #[command(hide = true)]
    Write {
        /// The data directory.
        dir: PathBuf,
    },
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Durable appends of many writers.
    Appends,
    /// Durable appends of a lone writer.
    Lone,
    /// Reads of streams and of the whole log.
    Reads,
    /// The same rates with few and with many events; memory and start-up.
    Growth,
    /// Nothing: the page is written again from earlier figures.
    Page,
}

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Appends => "appends",
            Self::Lone => "lone",
            Self::Reads => "reads",
            Self::Growth => "growth",
            Self::Page => "page",
        }
    }
}

impl Options {
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut parts = self.only.clone();
        if parts.is_empty() {
            parts = vec![Part::Appends, Part::Lone, Part::Reads];
        }
        if self.growth && !parts.contains(&Part::Growth) {
            parts.push(Part::Growth);
        }
        parts
    }

    pub(crate) fn seconds(&self) -> u64 {
        if self.quick { 1 } else { self.seconds.max(1) }
    }

    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    /// The command that measures `part` again as it was measured now.
    pub(crate) fn command(&self, part: Part) -> String {
        let mut command = format!("cargo xtask bench log --only {}", part.name());
        if self.quick {
            command.push_str(" --quick");
        } else {
            command.push_str(&format!(" --seconds {} --rounds {}", self.seconds, self.rounds));
        }
        if part == Part::Growth {
            command.push_str(&format!(" --events {}", self.events));
        }
        command
    }
}
