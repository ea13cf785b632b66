use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use clap::{Args, Subcommand};

use super::peers;
use crate::Fallible;

/// Which benchmark.
#[derive(Subcommand)]
pub(crate) enum Benchmark {
    /// The event log in process, beside a bare log, fjall and SQLite.
    #[command(disable_help_flag = true)]
    Log(Passed),
    /// The server over the network, beside PostgreSQL, UmaDB and tephra, which are installed when they are missing.
    #[command(disable_help_flag = true)]
    Peers(Passed),
}

/// What is passed on to the benchmark program; `--help` shows what it takes.
#[derive(Args)]
pub(crate) struct Passed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTION")]
    options: Vec<OsString>,
}

/// Builds and runs a benchmark; true when it succeeded.
pub(crate) fn run(root: &Path, benchmark: &Benchmark) -> Fallible<bool> {
    let bench = Bench { root: root.to_owned() };
    match benchmark {
        Benchmark::Log(passed) => Ok(bench.build("bench-log", &[])? && bench.start("bench-log", &passed.options, &[])?),
        Benchmark::Peers(passed) => peers::run(&bench, &passed.options),
    }
}

/// Where things are.
pub(crate) struct Bench {
    pub(crate) root: PathBuf,
}

impl Bench {
    /// The folder of the benchmarks' workspace; benchmarks run in it.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join("benchmarks")
    }

    /// Where builds go; shared with the workspace of Nexus.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Builds a package of the benchmarks' workspace.
    pub(crate) fn build(&self, package: &str, features: &[&str]) -> Fallible<bool> {
        let mut cargo = self.cargo(&self.folder());
        cargo.args(["build", "--release", "--package", package]);
        if !features.is_empty() {
            cargo.arg("--features").arg(features.join(","));
        }
        succeeds(&mut cargo)
    }

    /// Runs a program that was built before.
    pub(crate) fn start(&self, package: &str, options: &[OsString], more: &[(&str, OsString)]) -> Fallible<bool> {
        let program = self.target().join("release").join(format!("{package}{}", std::env::consts::EXE_SUFFIX));
        let mut command = Command::new(program);
        command.args(options).current_dir(self.folder()).envs(more.iter().map(|(name, value)| (name, value)));
        succeeds(&mut command)
    }

    /// Cargo in a folder.
    pub(crate) fn cargo(&self, folder: &Path) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(folder).env("CARGO_TARGET_DIR", self.target());
        cargo
    }
}

/// Runs a command to its end; true when it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> Fallible<bool> {
    let program = command.get_program().to_owned();
    let status = command.status().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    Ok(status.success())
}
