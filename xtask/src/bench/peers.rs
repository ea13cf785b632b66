use std::ffi::OsString;

use super::{
    start::{Bench, succeeds},
    tools,
};
use crate::Fallible;

/// Installs what is missing, builds the server and the clients, and runs the benchmark. What cannot be installed is
/// said, here and on the page, and left out.
pub(crate) fn run(bench: &Bench, options: &[OsString]) -> Fallible<bool> {
    let tools = tools::provide(bench)?;
    for (name, reason) in &tools.left_out {
        println!("left out: {name}: {reason}");
    }
    let mut build = bench.cargo(&bench.root);
    build.args(["build", "--release", "--package", "nexus-cli"]);
    if !succeeds(&mut build)? {
        return Ok(false);
    }
    if let Some(compiler) = &tools.protoc {
        println!("building the clients with {}", compiler.display());
    }
    let features: Vec<&str> = tools.programs.iter().filter_map(|program| program.feature).collect();
    let mut build = bench.cargo(&bench.folder());
    build.args(["build", "--release", "--package", "bench-peers"]);
    if !features.is_empty() {
        build.arg("--features").arg(features.join(","));
    }
    if let Some(compiler) = &tools.protoc {
        build.env("PROTOC", compiler);
    }
    if !succeeds(&mut build)? {
        return Ok(false);
    }
    let server = format!("nexus{}", std::env::consts::EXE_SUFFIX);
    let mut variables = vec![("BENCH_NEXUS", bench.target().join("release").join(server).into_os_string())];
    variables.extend(tools.programs.iter().map(|program| (program.variable, program.path.clone().into_os_string())));
    let left_out: Vec<String> = tools.left_out.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
    variables.push(("BENCH_LEFT_OUT", left_out.join("\n").into()));
    bench.start("bench-peers", options, &variables)
}
