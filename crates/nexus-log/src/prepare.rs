//! Writes zeros ahead of the writer, on a thread of its own.
//!
//! Flushing a write to blocks that were written before costs about half of flushing one that makes the file grow,
//! because the file system need not commit its own journal. So the writer only ever writes where zeros are already
//! durable. The first segment begins small and doubles as it fills, so that small stores stay small; every later
//! segment is prepared whole, as `next.tmp`, while the one before it fills. That work pauses between steps unless
//! the writer waits for it.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::storage::{Storage, StorageFile};

const STEP: u64 = 1 << 20;
const PAUSE: Duration = Duration::from_millis(3);

/// The writer's end of the preparing thread.
pub(crate) struct Preparer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    storage: Arc<dyn Storage>,
    next_path: PathBuf,
    state: Mutex<State>,
    /// Something is wanted.
    wanted: Condvar,
    /// A step is done or failed.
    stepped: Condvar,
}

#[derive(Default)]
struct State {
    /// A second handle to the segment written to, so that a flush here never hides a failure from the writer.
    active: Option<Arc<dyn StorageFile>>,
    active_len: u64,
    active_wanted: u64,
    next: Option<Arc<dyn StorageFile>>,
    next_len: u64,
    next_wanted: u64,
    failed: Option<io::Error>,
    urgent: bool,
    stop: bool,
}

impl Preparer {
    /// Starts the thread. `active` has `active_len` bytes that may be written to.
    pub(crate) fn start(
        storage: Arc<dyn Storage>,
        next_path: PathBuf,
        active: Arc<dyn StorageFile>,
        active_len: u64,
    ) -> io::Result<Self> {
        let state = State { active: Some(active), active_len, ..State::default() };
        let shared = Arc::new(Shared {
            storage,
            next_path,
            state: Mutex::new(state),
            wanted: Condvar::new(),
            stepped: Condvar::new(),
        });
        let worker = Arc::clone(&shared);
        let thread = thread::Builder::new().name("nexus-log-prepare".to_owned()).spawn(move || worker.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits until the active segment may be written to up to `end`.
    ///
    /// # Errors
    /// When there is no room; nothing was written that matters, and asking again tries again.
    pub(crate) fn reserve(&self, end: u64) -> io::Result<()> {
        let state = self.shared.state();
        if state.active_len >= end {
            return Ok(());
        }
        let reserved = self.shared.wait(state, |state| {
            state.active_wanted = state.active_wanted.max(end);
            state.active_len >= end
        });
        reserved.map(drop)
    }

    /// Asks for the active segment to be prepared up to `len` bytes, without waiting.
    pub(crate) fn grow(&self, len: u64) {
        let mut state = self.shared.state();
        if state.active_wanted < len {
            state.active_wanted = len;
            self.shared.wanted.notify_one();
        }
    }

    /// How far the active segment is prepared.
    pub(crate) fn prepared(&self) -> u64 {
        self.shared.state().active_len
    }

    /// Asks for the next segment to be prepared with `len` bytes, without waiting.
    pub(crate) fn want_next(&self, len: u64) {
        let mut state = self.shared.state();
        if state.next_wanted < len {
            state.next_wanted = len;
            self.shared.wanted.notify_one();
        }
    }

    /// Waits for the next segment of at least `len` bytes and hands it over; it becomes the active one.
    /// Answers a handle for the writer.
    ///
    /// # Errors
    /// When there is no room; asking again tries again.
    pub(crate) fn take_next(&self, len: u64) -> io::Result<Arc<dyn StorageFile>> {
        let state = self.shared.state();
        let mut state = self.shared.wait(state, |state| {
            state.next_wanted = state.next_wanted.max(len);
            state.next.is_some() && state.next_len >= state.next_wanted
        })?;
        let writers = self.shared.storage.open(&self.shared.next_path)?;
        state.active = state.next.take();
        state.active_len = std::mem::take(&mut state.next_len);
        state.active_wanted = 0;
        state.next_wanted = 0;
        Ok(writers)
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.wanted.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread ends by itself; that it panicked would have been reported by its panic.
            let _ = thread.join();
        }
    }
}

enum Task {
    Active(Arc<dyn StorageFile>, u64, u64),
    Next(Option<Arc<dyn StorageFile>>, u64, u64),
}

impl State {
    /// What to do now. The active segment goes first.
    fn task(&self) -> Option<Task> {
        if self.failed.is_some() {
            return None;
        }
        if let Some(active) = &self.active
            && self.active_len < self.active_wanted
        {
            let to = self.active_wanted.min(self.active_len + STEP);
            return Some(Task::Active(Arc::clone(active), self.active_len, to));
        }
        if self.next_len < self.next_wanted {
            let to = self.next_wanted.min(self.next_len + STEP);
            return Some(Task::Next(self.next.clone(), self.next_len, to));
        }
        None
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready`, or until a step fails.
    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        mut ready: impl FnMut(&mut State) -> bool,
    ) -> io::Result<MutexGuard<'a, State>> {
        // A failure from before the writer asked is stale: it is tried again now.
        state.failed = None;
        while !ready(&mut state) {
            if let Some(error) = state.failed.take() {
                state.urgent = false;
                return Err(error);
            }
            state.urgent = true;
            self.wanted.notify_one();
            state = self.stepped.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.urgent = false;
        Ok(state)
    }

    fn run(&self) {
        let mut state = self.state();
        while !state.stop {
            let Some(task) = state.task() else {
                state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            let done = self.perform(&task);
            state = self.state();
            self.record(&mut state, &task, done);
            self.stepped.notify_all();
            if !state.urgent && !state.stop {
                let waited = self.wanted.wait_timeout(state, PAUSE);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        if state.next.take().is_some() {
            self.discard();
        }
    }

    fn perform(&self, task: &Task) -> io::Result<Arc<dyn StorageFile>> {
        let (file, from, to) = match task {
            Task::Active(file, from, to) => (Arc::clone(file), *from, *to),
            Task::Next(Some(file), from, to) => (Arc::clone(file), *from, *to),
            Task::Next(None, from, to) => (self.storage.create(&self.next_path)?, *from, *to),
        };
        let zeros = vec![0; usize::try_from(to - from).unwrap_or(0)];
        file.write_all_at(&zeros, from)?;
        file.sync_data()?;
        Ok(file)
    }

    fn record(&self, state: &mut State, task: &Task, done: io::Result<Arc<dyn StorageFile>>) {
        match (task, done) {
            (Task::Active(_, _, to), Ok(_)) => state.active_len = *to,
            (Task::Next(_, _, to), Ok(file)) => {
                state.next = Some(file);
                state.next_len = *to;
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "preparing room for the log failed");
                state.failed = Some(error);
                // Half a segment is of no use here; others may need the room.
                state.next = None;
                state.next_len = 0;
                self.discard();
            }
        }
    }

    fn discard(&self) {
        if let Err(error) = self.storage.remove(&self.next_path) {
            tracing::warn!(%error, "removing an unused log segment failed");
        }
    }
}
