//! Group commit for subjects that have none of their own: one thread takes all that waits and commits it as one.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use bench_report::{Fallible, Order};
use tokio::sync::oneshot;

use crate::subject::{Answer, Subject};

/// Most events of one group.
const GROUP_EVENTS: usize = 8192;

/// Something that commits a group durably.
pub(crate) trait Engine: Send + 'static {
    /// Stores all or none; flushed on return.
    fn commit(&mut self, group: &[Vec<Order>]) -> Fallible<()>;
}

type Reply = oneshot::Sender<Result<(), String>>;
/// An append and who waits for it.
type Job = (Vec<Order>, Reply);

#[derive(Default)]
struct Waiting {
    /// Jobs, and whether no more will come.
    jobs: Mutex<(Vec<Job>, bool)>,
    filled: Condvar,
}

/// The writing thread and the queue in front of it.
pub(crate) struct GroupWriter {
    waiting: Arc<Waiting>,
    thread: Option<JoinHandle<()>>,
}

impl GroupWriter {
    pub(crate) fn start(engine: impl Engine) -> Self {
        let waiting = Arc::new(Waiting::default());
        let queue = Arc::clone(&waiting);
        Self { waiting, thread: Some(thread::spawn(move || queue.serve(engine))) }
    }
}

impl Waiting {
    fn serve(&self, mut engine: impl Engine) {
        while let Some(jobs) = self.take() {
            let (group, replies): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
            let outcome = engine.commit(&group).map_err(|error| error.to_string());
            for reply in replies {
                // A producer that stopped waiting is no matter.
                let _ = reply.send(outcome.clone());
            }
        }
    }

    fn take(&self) -> Option<Vec<Job>> {
        let mut state = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        while state.0.is_empty() {
            if state.1 {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut events = 0;
        let fitting = state.0.iter().take_while(|(orders, _)| {
            events += orders.len();
            events <= GROUP_EVENTS
        });
        let count = fitting.count().max(1);
        Some(state.0.drain(..count).collect())
    }
}

impl Subject for GroupWriter {
    fn append(&self, orders: Vec<Order>) -> Answer<'_, ()> {
        let (reply, answer) = oneshot::channel();
        self.waiting.jobs.lock().unwrap_or_else(PoisonError::into_inner).0.push((orders, reply));
        self.waiting.filled.notify_one();
        Box::pin(async move { Ok(answer.await??) })
    }
}

impl Drop for GroupWriter {
    fn drop(&mut self) {
        self.waiting.jobs.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.waiting.filled.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}
