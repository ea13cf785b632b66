//! The next page of a scan, read while the last one is being worked on.
//!
//! Whoever reads the log from end to end asks for a page, works on it, and asks for the one behind it. From the second
//! such request on, that page is read meanwhile. One page is held ahead for the whole store: scans that take turns do
//! without, and nobody else pays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_core::ports::{Direction, LogPage, LogRead, ReadError};
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    query::{self, INLINE_EVENTS},
    state::State,
};

/// What is known of the last scan.
#[derive(Default)]
pub(crate) struct ReadAhead {
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    /// What a scan will ask for next, if it goes on.
    expected: Option<LogRead>,
    /// The answer to that, being read.
    page: Option<JoinHandle<Result<LogPage, ReadError>>>,
}

impl ReadAhead {
    /// Reads a page, which may have been read already.
    pub(crate) async fn read(&self, state: Arc<State>, read: LogRead) -> Result<LogPage, ReadError> {
        if read.limit <= INLINE_EVENTS || read.direction != Direction::Forward || Handle::try_current().is_err() {
            return query::run(read.limit, move || query::read_log(&state, &read)).await;
        }
        let (goes_on, ahead) = self.take(&read);
        let page = match ahead {
            // A page that was cut short by a shutdown or found damage is asked for again, to say so itself.
            Some(ahead) => ahead.await.ok().and_then(Result::ok),
            None => None,
        };
        let page = match page {
            Some(page) => page,
            None => {
                let (state, read) = (Arc::clone(&state), read.clone());
                query::run(read.limit, move || query::read_log(&state, &read)).await?
            }
        };
        // A page read ahead must lead on, even if nobody appends until it is asked for.
        if page.next.get() < state.head() {
            self.expect(LogRead { from: page.next, ..read }, state, goes_on);
        }
        Ok(page)
    }

    /// Whether `read` is what was expected, and the page for it if one is being read.
    fn take(&self, read: &LogRead) -> (bool, Option<JoinHandle<Result<LogPage, ReadError>>>) {
        let mut slot = self.slot();
        if slot.expected.as_ref() == Some(read) { (true, slot.page.take()) } else { (false, None) }
    }

    fn expect(&self, next: LogRead, state: Arc<State>, read_it: bool) {
        let mut slot = self.slot();
        slot.expected = Some(next.clone());
        // What was ahead of another scan is let go of; it ends by itself.
        slot.page = read_it.then(|| tokio::task::spawn_blocking(move || query::read_log(&state, &next)));
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
