//! `cargo xtask scorecard`: the long versions of the fault tests, and the table of what they did.

use std::{fs, path::Path, process::Command};

use crate::Fallible;

/// Every row there must be, in the order of the table. A test leaves a row of this name when it passes.
const ROWS: &[&str] = &[
    "kills",
    "crash states",
    "flipped bits",
    "device errors",
    "errors while opening",
    "full disks, simulated",
    "full disks, real",
    "model",
    "tailing",
    "linearizability",
];
/// Modules whose tests each plant a bug and see it caught.
const PLANTED: [&str; 2] = ["planted::", "wrong_stores::"];
const PAGE: &str = "docs/scorecard.md";

/// What can be chosen.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What random choices begin with.
    #[arg(long, default_value_t = 20_260_131)]
    seed: u64,
}

/// Runs the tests and writes the page. Answers whether they passed and left every row.
pub(crate) fn run(root: &Path, options: &Options) -> Fallible<bool> {
    let rows = root.join("target/scorecard");
    if rows.exists() {
        fs::remove_dir_all(&rows)?;
    }
    fs::create_dir_all(&rows)?;
    let output = Command::new("cargo")
        .args(["test", "--release", "-p", "nexus-faults", "--test", "it", "--", "--test-threads=2"])
        .current_dir(root)
        .env("NEXUS_SCORECARD", &rows)
        .env("NEXUS_SEED", options.seed.to_string())
        .stderr(std::process::Stdio::inherit())
        .output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    let mut table = String::from("| what | injected | found |\n| --- | --- | --- |\n");
    let mut missing = Vec::new();
    for name in ROWS {
        match fs::read_to_string(rows.join(format!("{}.row", name.replace(' ', "-")))) {
            Ok(row) => table.push_str(&line(&row)),
            Err(_) => missing.push(*name),
        }
    }
    let planted = caught(&told);
    table.push_str(&format!("| planted bugs | {planted} bugs | {planted} caught, each by a test of its own |\n"));
    if !output.status.success() || !missing.is_empty() || planted == 0 {
        eprintln!("the scorecard was not written; rows that are missing: {missing:?}");
        return Ok(false);
    }
    fs::write(root.join(PAGE), page(&table, options.seed))?;
    println!("wrote {PAGE}");
    Ok(true)
}

/// A row of the table from the three lines a test left.
fn line(row: &str) -> String {
    let cells: Vec<&str> = row.lines().collect();
    format!("| {} |\n", cells.join(" | "))
}

/// How many planted bugs were caught, by the names of the tests that passed.
fn caught(told: &str) -> usize {
    let passed = |line: &&str| {
        let name = line.strip_prefix("test ").unwrap_or_default();
        line.ends_with("... ok") && PLANTED.iter().any(|module| name.starts_with(module))
    };
    told.lines().filter(passed).count()
}

fn page(table: &str, seed: u64) -> String {
    format!(
        "# Scorecard of the event log\n\n\
         Faults that were injected into the log, and what it kept through them. Written by `cargo xtask scorecard`, which\n\
         fails when a test fails, when a row is missing and when a kind of fault never happened. The tests are in\n\
         `crates/nexus-faults/tests/it`; an ordinary test run does shorter versions of all of them.\n\n\
         - Command: `cargo xtask scorecard --seed {seed}`\n- Date: {}\n- Machine: {}\n\n{table}\n\
         A simulated disk keeps what is seen apart from what is durable, in sectors of 512 bytes; a crash keeps any part of\n\
         what was not flushed. A *crash state* is one such choice after one operation of recorded work.\n",
        said("date", &["-u", "+%Y-%m-%d"]),
        machine(),
    )
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {cores} cores, {}", model.unwrap_or("unknown processor"), said("uname", &["-sr"]))
}

/// What a program of the system says.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_planted_bugs_that_were_caught_count() {
        let told = "test planted::one ... ok\ntest planted::two ... FAILED\ntest model::three ... ok\n\
                    test wrong_stores::four ... ok\n";
        assert_eq!(caught(told), 2);
    }

    #[test]
    fn a_row_becomes_a_line_of_the_table() {
        assert_eq!(line("kills\n3 kills\n0 lost\n"), "| kills | 3 kills | 0 lost |\n");
    }
}
