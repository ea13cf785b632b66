use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use super::tally::Tally;
use crate::Fallible;

/// How often a quiet process is looked at.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long output may still arrive after the process is gone; a child it left behind may hold the pipe for ever.
const AFTERMATH: Duration = Duration::from_secs(2);

/// What came of a process.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Why it counts as failed; `None` when it succeeded.
    pub(crate) failure: Option<String>,
    /// The tests it reported.
    pub(crate) tally: Tally,
}

/// Runs a process to its end or its time limit, passing its output on line by line and counting test results.
pub(crate) fn run(mut command: Command, limit: Duration) -> Fallible<Finished> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", command.get_program().display()))?;
    let lines = child.stdout.take().map(read_lines).ok_or("the process has no output")?;
    let mut tally = Tally::default();
    let deadline = Instant::now() + limit;
    let failure = loop {
        let open = pass_on(&lines, &mut tally)?;
        if let Some(status) = child.try_wait()? {
            break (!status.success()).then(|| format!("it ended with {status}"));
        }
        if Instant::now() >= deadline {
            kill_tree(&mut child)?;
            break Some(format!("it was stopped after its limit of {} s", limit.as_secs()));
        }
        if !open {
            thread::sleep(PATIENCE); // it closed its output and still runs
        }
    };
    let end = Instant::now() + AFTERMATH;
    while Instant::now() < end && pass_on(&lines, &mut tally)? {}
    Ok(Finished { failure, tally })
}

/// Lines as they come, from a thread of their own, so that waiting for one can end.
fn read_lines(output: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let mut line = Vec::new();
            match output.read_until(b'\n', &mut line) {
                Ok(1..) if sender.send(line).is_ok() => {}
                _ => return,
            }
        }
    });
    receiver
}

/// Prints and counts what has arrived; false when the output is closed.
fn pass_on(lines: &Receiver<Vec<u8>>, tally: &mut Tally) -> Fallible<bool> {
    let mut next = lines.recv_timeout(PATIENCE);
    loop {
        match next {
            Ok(line) => {
                std::io::stdout().write_all(&line)?;
                let text = String::from_utf8_lossy(&line);
                if let Some(counted) = Tally::from_line(text.trim_end()) {
                    *tally += counted;
                }
            }
            Err(RecvTimeoutError::Timeout) => return Ok(true),
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
        }
        next = lines.recv_timeout(Duration::ZERO);
    }
}

/// Ends the process and all it started: cargo's own end would leave the test binaries running.
fn kill_tree(child: &mut Child) -> Fallible<()> {
    for id in descendants(child.id()) {
        // Gone already is as good as killed.
        let _ = Command::new("kill").args(["-9", &id.to_string()]).stderr(Stdio::null()).status();
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// The processes below `root`, as far as the system tells.
fn descendants(root: u32) -> Vec<u32> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
    let text = listed.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    let pairs: Vec<(u32, u32)> = text
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect();
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        let children = pairs.iter().filter(|(_, above)| *above == parent).map(|(id, _)| *id);
        for id in children {
            found.push(id);
            open.push(id);
        }
    }
    found
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Finished {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, limit).unwrap_or_else(|error| panic!("{error:?}"))
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn results_of_several_binaries_are_added_up() {
        let finished = shell(
            "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; echo noise; echo 'test result: ok. 3 passed; 0 failed; 0 ignored'",
            LONG,
        );
        assert_eq!(finished.failure, None);
        assert_eq!((finished.tally.passed, finished.tally.ignored), (5, 0));
    }

    #[test]
    fn a_failing_process_is_a_failure_whatever_it_printed() {
        let finished = shell("echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; exit 101", LONG);
        assert!(finished.failure.unwrap().contains("101"));
    }

    #[test]
    fn a_process_over_its_limit_is_ended_with_its_children() {
        let marker = format!("{}", 400_000 + std::process::id());
        let started = Instant::now();
        let finished = shell(&format!("sleep {marker} & wait"), Duration::from_millis(200));
        assert!(finished.failure.unwrap().contains("limit"));
        assert!(started.elapsed() < LONG);
        let listed = Command::new("ps").args(["-A", "-o", "args="]).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(!listed.lines().any(|line| line.trim() == format!("sleep {marker}")), "{listed}");
    }

    #[test]
    fn a_child_that_stays_behind_does_not_hold_the_gate() {
        let started = Instant::now();
        let finished = shell("sleep 20 & echo done", LONG);
        assert_eq!(finished.failure, None);
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}
