//! Repository tasks: `cargo xtask tidy` checks what no compiler checks, `cargo xtask test` is the whole gate,
//! `cargo xtask bench` measures, `cargo xtask scorecard` injects faults into the event log and writes down what it kept.
//!
//! **What belongs here:** what a contributor or CI runs on the repository. **What does not:** anything a user of
//! Nexus runs; that is the `nexus` binary.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks on its standard streams")]

mod bench;
mod run;
mod scorecard;
mod tidy;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// What a task answers; the error is printed for the person at the terminal.
type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Repository tasks of Nexus")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the repository against its own rules, in seconds.
    Tidy,
    /// Run the whole gate: format, tidy, lints, build, `nexus check`, tests, end-to-end tests, documentation.
    Test(run::Options),
    /// Measure: the log, or the server beside its peers.
    #[command(subcommand)]
    Bench(bench::Benchmark),
    /// Inject faults into the event log for some minutes and write docs/scorecard.md.
    Scorecard(scorecard::Options),
}

fn main() -> ExitCode {
    match perform(Cli::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn perform(task: Task) -> Fallible<bool> {
    let root = repository_root()?;
    match task {
        Task::Tidy => tidy::run(&root),
        Task::Test(options) => run::run(&root, &options),
        Task::Bench(benchmark) => bench::run(&root, &benchmark),
        Task::Scorecard(options) => scorecard::run(&root, &options),
    }
}

/// The folder above this crate.
fn repository_root() -> Fallible<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("run this through `cargo xtask`")?;
    let root = PathBuf::from(manifest);
    Ok(root.parent().ok_or("xtask must live in a folder of the repository")?.to_owned())
}
