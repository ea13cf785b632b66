//! The queue in front of the writer: many callers put appends in, one thread takes groups out.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::request::Request;

/// How long the writer looks again before it sleeps: about what waking it costs. A lone caller's next append comes sooner.
const LOOK: Duration = Duration::from_micros(30);

/// Waiting appends. Bounded by the permits that each of them carries.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<QueueState>,
    filled: Condvar,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<Request>,
    /// The writer sleeps and wants to be woken.
    asleep: bool,
    closed: bool,
}

impl Queue {
    /// Adds an append; gives it back when the queue is closed.
    pub(crate) fn put(&self, request: Request) -> Result<(), Request> {
        let mut state = self.state();
        if state.closed {
            return Err(request);
        }
        state.waiting.push_back(request);
        if std::mem::take(&mut state.asleep) {
            drop(state);
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for appends and takes as many as are there, until they hold `bytes`; at least one.
    /// `None` once the queue is closed and empty.
    pub(crate) fn take(&self, bytes: u64) -> Option<Vec<Request>> {
        let mut state = self.look();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state.asleep = true;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut sum = 0;
        let mut group = Vec::with_capacity(state.waiting.len());
        while let Some(next) = state.waiting.front() {
            if sum > 0 && sum + next.size > bytes {
                break;
            }
            sum += next.size;
            group.extend(state.waiting.pop_front());
        }
        Some(group)
    }

    /// The state once an append waits, the queue is closed or [`LOOK`] is over. Other threads go first meanwhile.
    fn look(&self) -> MutexGuard<'_, QueueState> {
        let started = Instant::now();
        loop {
            let state = self.state();
            if !state.waiting.is_empty() || state.closed || started.elapsed() > LOOK {
                return state;
            }
            drop(state);
            thread::yield_now();
        }
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// Takes no more appends; what is waiting is still served.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
