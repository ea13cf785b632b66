use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use nexus_core::{
    Appended, ExpectedVersion, Position, Proposal, RecordedEvent,
    ports::{AppendError, Direction, EventFilter, EventStore, LogRead},
};
use nexus_log::{LogEventStore, LogOptions, OpenError};
use nexus_testkit::{
    fakes::ManualClock,
    fixture::{admitted, proposal},
};
use tempfile::TempDir;

/// Segments of 64 KiB, so that a few hundred events fill several.
pub(crate) fn tiny() -> LogOptions {
    LogOptions { segment_bytes: 64 << 10, initial_bytes: 16 << 10, ..LogOptions::default() }
}

pub(crate) fn try_open(dir: &Path) -> Result<LogEventStore, OpenError> {
    LogEventStore::open(dir, tiny(), Arc::new(ManualClock::default()))
}

pub(crate) fn open(dir: &Path) -> LogEventStore {
    try_open(dir).unwrap()
}

pub(crate) async fn append(store: &LogEventStore, proposal: Proposal) -> Result<Appended, AppendError> {
    store.append(admitted(proposal)).await
}

/// Appends `count` events to `stream` in one append, whatever its version.
pub(crate) async fn add(store: &LogEventStore, stream: &str, count: usize) -> Appended {
    append(store, proposal(stream, ExpectedVersion::Any, count)).await.unwrap()
}

pub(crate) async fn read_all(store: &LogEventStore) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    let mut from = Position::START;
    loop {
        let read = LogRead { from, direction: Direction::Forward, limit: 1000, filter: EventFilter::default() };
        let page = store.read_log(read).await.unwrap();
        if page.events.is_empty() {
            return events;
        }
        from = page.next;
        events.extend(page.events);
    }
}

/// The segment files of a data directory, in order.
pub(crate) fn segment_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "nxlog"))
        .collect();
    files.sort();
    files
}

/// A directory for images of crashes, in memory where the system has such a place: thousands are opened and none of
/// them needs a device.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// A data directory whose only segment holds these bytes.
pub(crate) fn with_segment(bytes: &[u8]) -> TempDir {
    let dir = scratch();
    fs::create_dir(dir.path().join("log")).unwrap();
    fs::write(dir.path().join("log/0000000000000001.nxlog"), bytes).unwrap();
    dir
}

/// Where the bytes that are not zero end, rounded up to whole frames.
pub(crate) fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| (last + 1).next_multiple_of(8))
}
