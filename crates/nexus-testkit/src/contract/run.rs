use std::{future::Future, sync::mpsc, thread, time::Duration};

use tokio::runtime::Builder;

use crate::contract::{Breach, Outcome};

/// A case that takes longer hangs: a lost wake-up, a deadlock.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs one asynchronous case on a runtime of its own with four workers. What the macros call.
///
/// # Errors
/// The case's own [`Breach`], or one that says that it took longer than two minutes.
pub fn run(case: &str, body: impl Future<Output = Outcome>) -> Outcome {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let outcome = runtime.block_on(async { tokio::time::timeout(LIMIT, body).await });
    // A reader that waits for ever in a spawned task must not keep the test from reporting.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome.unwrap_or_else(|_| Err(Breach::new(format!("`{case}` hangs: not done after {LIMIT:?}"))))
}

/// Runs one blocking case on a thread of its own. What the macros call.
///
/// # Errors
/// The case's own [`Breach`], or one that says that it panicked or took longer than two minutes.
pub fn run_blocking(case: &'static str, body: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    let (done, outcome) = mpsc::channel();
    let thread = thread::spawn(move || {
        // The receiver is gone only when the time limit has passed already.
        let _ = done.send(body());
    });
    match outcome.recv_timeout(LIMIT) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let panicked = thread.join().is_err();
            Err(Breach::new(format!("`{case}` ended without an answer (panicked: {panicked})")))
        }
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Breach::new(format!("`{case}` hangs: not done after {LIMIT:?}"))),
    }
}
