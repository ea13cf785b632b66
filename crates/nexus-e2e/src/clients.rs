#![expect(clippy::expect_used, clippy::print_stderr, reason = "a test whose client cannot be installed must fail")]

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::process::{Finished, end};

/// Longest time the installation of a client may take.
const INSTALL: Duration = Duration::from_mins(5);
/// Longest time a client may run.
const RUN: Duration = Duration::from_mins(2);

/// The client of a language, as a package manager installs it.
#[derive(Debug, Clone)]
pub struct ForeignClient {
    /// What runs its programs.
    runner: PathBuf,
    /// Where its packages are.
    home: PathBuf,
}

/// The program a variable names; says what is not proved when it is not set.
fn tool(variable: &str, without: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        eprintln!("{variable} is not set, so this was left out: {without}");
    }
    found
}

impl ForeignClient {
    /// A Python with these packages, in a virtual environment under `home`; `None` when `NEXUS_PYTHON` names none.
    ///
    /// # Panics
    /// When they cannot be installed.
    #[must_use]
    pub fn python(home: &Path, packages: &[&str]) -> Option<Self> {
        let python = tool("NEXUS_PYTHON", "the Confluent client for Python against the registry")?;
        let runner = home.join("bin").join("python");
        if !home.join("installed").exists() {
            install(Command::new(python).arg("-m").arg("venv").arg("--clear").arg(home));
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
            install(Command::new(&runner).args(pip).args(packages));
            std::fs::write(home.join("installed"), packages.join("\n")).expect("the folder can be written");
        }
        Some(Self { runner, home: home.to_owned() })
    }

    /// Node with these packages under `home`; `None` when `NEXUS_NPM` names no npm.
    ///
    /// # Panics
    /// When they cannot be installed.
    #[must_use]
    pub fn node(home: &Path, packages: &[&str]) -> Option<Self> {
        let npm = tool("NEXUS_NPM", "what needs packages of npm")?;
        if !home.join("installed").exists() {
            std::fs::create_dir_all(home).expect("the folder can be made");
            std::fs::write(home.join("package.json"), r#"{"private":true}"#).expect("the folder can be written");
            let quiet = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"];
            install(Command::new(npm).args(quiet).arg(home).args(packages));
            std::fs::write(home.join("installed"), packages.join("\n")).expect("the folder can be written");
        }
        Some(Self { runner: PathBuf::from("node"), home: home.to_owned() })
    }

    /// Runs a program with the client.
    ///
    /// # Panics
    /// When it does not end in time.
    #[must_use]
    pub fn run(&self, program: &Path, arguments: &[&str]) -> Finished {
        let mut command = Command::new(&self.runner);
        command.arg(program).args(arguments).env("NODE_PATH", self.home.join("node_modules"));
        end(command, RUN)
    }
}

fn install(command: &mut Command) {
    let program = format!("{command:?}");
    let finished = end(std::mem::replace(command, Command::new("true")), INSTALL);
    assert_eq!(finished.code, Some(0), "{program}\n{}\n{}", finished.stdout, finished.stderr);
}
