//! What is under test: the log, or the log with a bug planted into it.

use std::{path::Path, sync::Arc};

use nexus_core::{
    Admitted, Appended, Position, RecordedEvent,
    ports::{AppendError, EventStore, LogRead, ReadError},
};
use nexus_log::{LogEventStore, LogOptions, OpenError, storage::Storage};
use nexus_testkit::fakes::ManualClock;

use crate::simulated::Disk;

/// The data directory on every simulated disk.
pub(crate) const DIR: &str = "/data";

/// Segments of 64 KiB, so that a few hundred events fill several.
pub(crate) fn tiny() -> LogOptions {
    LogOptions { segment_bytes: 64 << 10, initial_bytes: 16 << 10, ..LogOptions::default() }
}

/// How a log is put together. [`Subject::LOG`] is the real one; others have a bug between it and the disk, or between
/// it and its users.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) storage: fn(Disk) -> Arc<dyn Storage>,
    pub(crate) store: fn(Arc<LogEventStore>) -> Arc<dyn EventStore>,
}

impl Subject {
    /// The log as it is.
    pub(crate) const LOG: Self = Self { storage: |disk| Arc::new(disk), store: |log| log };

    /// Opens it, with the log itself for what only that can do.
    pub(crate) fn open(
        &self,
        disk: &Disk,
        clock: &Arc<ManualClock>,
    ) -> Result<(Arc<dyn EventStore>, Arc<LogEventStore>), OpenError> {
        let storage = (self.storage)(disk.clone());
        let log = Arc::new(LogEventStore::open_on(storage, DIR, tiny(), clock.clone())?);
        Ok(((self.store)(Arc::clone(&log)), log))
    }
}

/// Opens the real log on a disk.
pub(crate) fn open(disk: &Disk) -> Result<LogEventStore, OpenError> {
    LogEventStore::open_on(Arc::new(disk.clone()), DIR, tiny(), Arc::new(ManualClock::default()))
}

/// Verifies the log on a disk and answers its head.
pub(crate) fn verify(disk: &Disk) -> Result<Position, String> {
    let found = nexus_log::verify_on(disk, Path::new(DIR)).map_err(|error| format!("verify: {error}"))?;
    match found.damage.first() {
        None => Ok(found.head),
        Some(damage) => Err(format!("verify: {damage}")),
    }
}

/// Every event of the log.
pub(crate) async fn read_all(store: &dyn EventStore) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut events = Vec::new();
    let mut from = Position::START;
    loop {
        let page = store.read_log(LogRead { from, limit: 64, ..LogRead::default() }).await?;
        if page.events.is_empty() {
            return Ok(events);
        }
        from = page.next;
        events.extend(page.events);
    }
}

/// Appends all at once, so that they share a commit group, and answers in their order.
pub(crate) async fn append_together(
    store: &Arc<dyn EventStore>,
    batches: Vec<Admitted>,
) -> Vec<Result<Appended, AppendError>> {
    let tasks: Vec<_> = batches
        .into_iter()
        .map(|batch| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.append(batch).await })
        })
        .collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.expect("an append does not panic"));
    }
    answers
}
