use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use cargo_metadata::MetadataCommand;

use super::{
    data,
    options::Options,
    process,
    step::{Step, Way},
    tally::Tally,
    tools,
};
use crate::{Fallible, tidy};

/// When the gate is given up, whichever step it is in: a little before a build server that allows 90 minutes would.
const LIMIT: Duration = Duration::from_secs(85 * 60);

/// What came of a step.
struct Outcome {
    step: Step,
    /// `None` when the step did not run.
    took: Option<Duration>,
    failure: Option<String>,
}

/// What the steps hand to the processes they start.
struct Surroundings {
    root: PathBuf,
    /// The release binary.
    binary: PathBuf,
    variables: Vec<(&'static str, PathBuf)>,
}

/// Runs the chosen steps and prints a summary; true when all of them passed. The very last line is the number of
/// tests, alone.
pub(crate) fn run(root: &Path, options: &Options) -> Fallible<bool> {
    let mut tally = Tally::default();
    let passed = run_steps(root, options, &mut tally);
    if let Err(error) = &passed {
        println!("\nthe gate itself failed: {error}");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(passed.unwrap_or(false))
}

fn run_steps(root: &Path, options: &Options, tally: &mut Tally) -> Fallible<bool> {
    let (surroundings, left_out) = surroundings(root)?;
    if options.require_data && !left_out.is_empty() {
        println!("reference data and tools are required and absent:\n{}", left_out.join("\n"));
        return Ok(false);
    }
    let mut outcomes: Vec<Outcome> = Vec::new();
    let begun = Instant::now();
    for step in options.steps() {
        let stopped = !options.keep_going && outcomes.iter().any(|outcome| outcome.failure.is_some());
        if stopped {
            outcomes.push(Outcome { step, took: None, failure: None });
            continue;
        }
        println!("\n=== {step}");
        let started = Instant::now();
        let failure = perform(step, &surroundings, LIMIT.saturating_sub(begun.elapsed()), tally)?;
        if let Some(reason) = &failure {
            println!("=== {step} failed: {reason}");
        }
        outcomes.push(Outcome { step, took: Some(started.elapsed()), failure });
    }
    summarise(&outcomes, &left_out);
    Ok(outcomes.iter().all(|outcome| outcome.failure.is_none()))
}

/// Where things are, and what is left out because it is not there.
fn surroundings(root: &Path) -> Fallible<(Surroundings, Vec<String>)> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let name = format!("nexus{}", std::env::consts::EXE_SUFFIX);
    let binary = metadata.target_directory.join("release").join(name).into_std_path_buf();
    let mut variables = vec![("NEXUS_BIN", binary.clone())];
    let mut left_out = Vec::new();
    for set in data::SETS {
        match set.find(root) {
            Some(folder) => variables.push((set.variable, folder)),
            None => left_out.push(format!("left out: {} ({} is not set)", set.without, set.variable)),
        }
    }
    for tool in tools::TOOLS {
        match tool.find() {
            Some(program) => variables.push((tool.variable, program)),
            None => left_out.push(format!("left out: {} ({} is not set and not found)", tool.without, tool.variable)),
        }
    }
    let root = root.to_owned();
    Ok((Surroundings { root, binary, variables }, left_out))
}

/// Runs one step for at most `limit`; answers why it failed.
fn perform(step: Step, surroundings: &Surroundings, limit: Duration, tally: &mut Tally) -> Fallible<Option<String>> {
    let cargo = || std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let (program, arguments) = match step.way() {
        Way::Cargo(arguments) => (cargo(), arguments),
        Way::Nexus(arguments) => (surroundings.binary.clone().into_os_string(), arguments),
        Way::Tidy => {
            let clean = tidy::run(&surroundings.root)?;
            return Ok((!clean).then(|| "the findings above".to_owned()));
        }
    };
    let mut command = Command::new(program);
    command
        .args(arguments.split(' '))
        .current_dir(&surroundings.root)
        .envs(surroundings.variables.iter().map(|(name, value)| (name, value)));
    if step == Step::Docs {
        command.env("RUSTDOCFLAGS", "-D warnings");
    }
    let finished = process::run(command, limit)?;
    *tally += finished.tally;
    Ok(finished.failure.or_else(|| doubt(step, finished.tally)))
}

/// Why a step that ended well still proves nothing.
fn doubt(step: Step, tally: Tally) -> Option<String> {
    if step.runs_tests() && tally.ran() == 0 {
        return Some("no test ran".to_owned());
    }
    (tally.ignored > 0).then(|| format!("{} test(s) were ignored; no test may be", tally.ignored))
}

fn summarise(outcomes: &[Outcome], left_out: &[String]) {
    println!("\nstep    result   seconds");
    for Outcome { step, took, failure } in outcomes {
        match (took, failure) {
            (None, _) => println!("{step:<7} not run        -"),
            (Some(took), None) => println!("{step:<7} ok       {:>7.1}", took.as_secs_f64()),
            (Some(took), Some(reason)) => {
                println!("{step:<7} FAILED   {:>7.1}  {reason}", took.as_secs_f64());
            }
        }
    }
    for line in left_out {
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_step_that_ran_nothing_is_in_doubt() {
        let one = Tally { passed: 1, ..Tally::default() };
        assert!(doubt(Step::Test, Tally::default()).is_some());
        assert_eq!(doubt(Step::Test, one), None);
        assert_eq!(doubt(Step::Clippy, Tally::default()), None);
    }

    #[test]
    fn ignored_tests_are_in_doubt() {
        let tally = Tally { passed: 1, failed: 0, ignored: 1 };
        assert!(doubt(Step::Test, tally).unwrap().starts_with("1 test(s) were ignored"));
    }
}
