//! What the operator's log says of tokens that are refused: enough to see it, and never so much that whoever sends them
//! fills the disk.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use nexus_core::ports::AuthenticationError;
use tokio::time::{Duration, sleep};

/// For how long only the first refusal is told.
const WINDOW: Duration = Duration::from_secs(1);

/// Tells the first refusal of a second with its reason, and at the end of that second how many more there were: two lines
/// a second at most. The metric counts each one by its reason.
#[derive(Clone, Default)]
pub(crate) struct RefusalLog(Arc<Counted>);

#[derive(Default)]
struct Counted {
    /// Whether one was told in the window that is open.
    open: AtomicBool,
    untold: AtomicU64,
}

impl RefusalLog {
    /// Tells a refusal, or counts it. Must be called within a runtime.
    pub(crate) fn tell(&self, error: &AuthenticationError) {
        if self.0.open.swap(true, Ordering::AcqRel) {
            self.0.untold.fetch_add(1, Ordering::AcqRel);
            return;
        }
        tracing::info!(reason = error.label(), "a token is refused: {error}");
        let counted = Arc::clone(&self.0);
        tokio::spawn(async move {
            sleep(WINDOW).await;
            // Opened first: what comes in between is told by itself, or counted for the next window, but never lost.
            counted.open.store(false, Ordering::Release);
            let untold = counted.untold.swap(0, Ordering::AcqRel);
            if untold > 0 {
                tracing::info!(untold, "{untold} more tokens were refused in the same second");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Mutex, PoisonError},
    };

    use super::*;

    /// The lines that were logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(buf);
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn taken(&self) -> Vec<String> {
            let bytes = std::mem::take(&mut *self.0.lock().unwrap());
            String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
        }
    }

    fn logged() -> (Lines, tracing::subscriber::DefaultGuard) {
        let lines = Lines::default();
        let to = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || to.clone());
        (lines, tracing::subscriber::set_default(subscriber.finish()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_refused_tokens_is_two_lines_a_second_and_no_token_is_uncounted() {
        let (lines, _guard) = logged();
        let log = RefusalLog::default();
        for second in 0..3 {
            for _ in 0..10_000 {
                log.tell(&AuthenticationError::BadSignature);
            }
            let first = lines.taken();
            assert_eq!(first.len(), 1, "second {second}: {first:?}");
            assert!(first[0].contains("a token is refused") && first[0].contains("bad-signature"), "{first:?}");
            // waits: for the end of the window, on a clock that is moved and not waited for
            sleep(WINDOW + Duration::from_millis(1)).await;
            let last = lines.taken();
            assert_eq!(last.len(), 1, "second {second}: {last:?}");
            assert!(last[0].contains("9999 more tokens were refused"), "{last:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_now_and_then_are_a_line_each() {
        let (lines, _guard) = logged();
        let log = RefusalLog::default();
        for _ in 0..5 {
            log.tell(&AuthenticationError::Expired);
            // waits: for the end of the window, on a clock that is moved and not waited for
            sleep(WINDOW * 2).await;
            let told = lines.taken();
            assert!(told.len() == 1 && told[0].contains("a token is refused"), "{told:?}");
        }
    }
}
