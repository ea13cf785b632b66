//! Opening and closing.

use std::fs;

use nexus_core::{
    Position,
    ports::{AppendError, EventStore, ReadError},
};
use nexus_log::{LogEventStore, LogOptions, OpenError, WriteState};

use crate::support::{add, append, open, read_all, segment_files, tiny, try_open};
use nexus_testkit::{fakes::ManualClock, fixture::proposal};
use std::sync::Arc;

#[tokio::test]
async fn reopening_keeps_every_event_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for round in 0..20 {
        add(&store, &format!("order-{}", round % 7), 1 + round % 3).await;
    }
    let before = read_all(&store).await;
    drop(store);
    let store = open(dir.path());
    assert_eq!(read_all(&store).await, before);
    assert_eq!(store.head(), Position::new(before.len() as u64));
    add(&store, "order-1", 1).await;
    assert_eq!(store.head(), Position::new(before.len() as u64 + 1));
}

#[tokio::test]
async fn a_directory_is_open_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let refused = try_open(dir.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
    assert!(refused.to_string().starts_with("another process has this data directory open"));
    first.close();
    open(dir.path());
}

#[tokio::test]
async fn a_closed_log_takes_no_appends_and_still_answers_reads() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    add(&store, "order-1", 2).await;
    store.close();
    store.close();
    let refused = append(&store, proposal("order-1", nexus_core::ExpectedVersion::Any, 1)).await;
    assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
    assert_eq!(store.write_state(), WriteState::Closed);
    assert_eq!(read_all(&store).await.len(), 2);
    let waited = store.wait_past(Position::new(2)).await;
    assert!(matches!(waited, Err(ReadError::Unavailable { .. })), "{waited:?}");
    assert_eq!(store.wait_past(Position::new(1)).await, Ok(Position::new(2)));
}

#[tokio::test]
async fn opening_and_closing_without_appends_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    add(&store, "order-1", 3).await;
    drop(store);
    let before = fs::read(&segment_files(dir.path())[0]).unwrap();
    for _ in 0..3 {
        drop(open(dir.path()));
    }
    assert_eq!(fs::read(&segment_files(dir.path())[0]).unwrap(), before);
}

#[test]
fn a_newer_format_is_refused_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let file = &segment_files(dir.path())[0];
    let mut bytes = fs::read(file).unwrap();
    bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..4092]);
    bytes[4092..4096].copy_from_slice(&crc.to_le_bytes());
    fs::write(file, &bytes).unwrap();
    let refused = try_open(dir.path()).unwrap_err();
    assert!(matches!(refused, OpenError::NewerFormat { found: 2, supported: 1, .. }), "{refused}");
    assert_eq!(fs::read(file).unwrap(), bytes, "a refused log is left alone");
}

#[test]
fn a_segment_that_is_a_link_or_empty_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let file = segment_files(dir.path()).remove(0);
    let elsewhere = dir.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    assert!(matches!(try_open(dir.path()), Err(OpenError::Io { .. })));
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"").unwrap();
    assert!(matches!(try_open(dir.path()), Err(OpenError::Corrupt(_))));
}

#[test]
fn options_out_of_bounds_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let options = LogOptions { segment_bytes: 1, ..tiny() };
    let refused = LogEventStore::open(dir.path(), options, Arc::new(ManualClock::default())).unwrap_err();
    assert_eq!(refused.to_string(), "segment_bytes is 1, it must lie between 65536 and 4294967296");
}

#[tokio::test]
async fn an_append_over_the_limit_is_refused_with_both_sizes() {
    let dir = tempfile::tempdir().unwrap();
    let options = LogOptions { max_batch_bytes: 2000, ..tiny() };
    let store = LogEventStore::open(dir.path(), options, Arc::new(ManualClock::default())).unwrap();
    let refused = append(&store, proposal("order-1", nexus_core::ExpectedVersion::Any, 20)).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { bytes, limit: 2000 }) if bytes > 2000), "{refused:?}");
    add(&store, "order-1", 1).await;
}
