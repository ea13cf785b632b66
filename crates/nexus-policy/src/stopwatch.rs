//! How much of the time that passed was spent on an evaluation.

use std::time::{Duration, Instant};

/// Runs from its start on, for the thread that started it.
pub(crate) struct Stopwatch {
    begun: Instant,
    /// Time the processor had spent on the thread; `None` where the system does not tell.
    spent: Option<Duration>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now(), spent: spent_by_thread() }
    }

    /// Time the processor spent on the thread since the start; all that passed where the system does not tell.
    pub(crate) fn spent(&self) -> Duration {
        let passed = self.begun.elapsed();
        match (self.spent, spent_by_thread()) {
            (Some(before), Some(now)) => now.saturating_sub(before).min(passed),
            _ => passed,
        }
    }

    /// Whether a limit passed while the thread was mostly kept waiting: by other work, or by a machine that stood still.
    pub(crate) fn was_kept_waiting(&self, limit: Duration) -> bool {
        self.begun.elapsed() >= limit && self.spent() < limit / 2
    }
}

#[cfg(unix)]
fn spent_by_thread() -> Option<Duration> {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(Duration::new(u64::try_from(spent.tv_sec).ok()?, u32::try_from(spent.tv_nsec).ok()?))
}

#[cfg(not(unix))]
fn spent_by_thread() -> Option<Duration> {
    None
}
