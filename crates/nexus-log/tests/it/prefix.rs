//! Copies of a log that is being written to.

use std::{fs, io::Read as _, path::Path, sync::Arc};

use nexus_core::ports::EventStore as _;
use nexus_log::{LogEventStore, LogPrefix, ReadOnlyStorage, verify_on};
use tempfile::TempDir;

use crate::support::{add, open, read_all, scratch, segment_files};

/// Puts the copy of a log into a directory of its own.
fn copied(prefix: &LogPrefix) -> TempDir {
    let dir = scratch();
    for segment in prefix.segments() {
        let path = dir.path().join(segment.path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = Vec::new();
        segment.reader().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, segment.bytes());
        fs::write(path, bytes).unwrap();
    }
    dir
}

fn verified(dir: &Path) -> nexus_log::Verification {
    let found = verify_on(&ReadOnlyStorage, dir).unwrap();
    assert!(found.is_intact(), "{:?}", found.damage);
    assert_eq!(found.torn_bytes, 0, "a copy ends with a whole append");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_made_while_others_write_hold_what_was_acknowledged_before_and_end_with_a_whole_append() {
    let dir = scratch();
    let store = Arc::new(open(dir.path()));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for round in 0..150 {
                    add(&store, &format!("order-{writer}-{}", round % 7), 1 + (round + writer) % 6).await;
                }
            })
        })
        .collect();
    let (mut copies, mut moved) = (Vec::new(), 0);
    while writers.iter().any(|writer| !writer.is_finished()) {
        let before = store.head();
        let prefix = store.prefix().unwrap();
        assert!(prefix.position() >= before, "{before} was acknowledged before");
        let copy = copied(&prefix);
        moved += usize::from(store.head() > prefix.position());
        copies.push((prefix.position(), prefix.hash(), copy));
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(moved > 3, "only {moved} of {} copies were overtaken by writers", copies.len());
    assert!(segment_files(dir.path()).len() > 2, "the log has several segments");
    let events = read_all(&store).await;
    for (position, hash, copy) in copies {
        let found = verified(copy.path());
        assert_eq!((found.head, found.hash), (position, hash));
        let restored = read_all(&open(copy.path())).await;
        assert_eq!(restored, events[..usize::try_from(position.get()).unwrap()]);
    }
}

#[tokio::test]
async fn a_copy_of_a_log_without_events_is_a_log_without_events() {
    let dir = scratch();
    let store = open(dir.path());
    let prefix = store.prefix().unwrap();
    assert_eq!((prefix.position().get(), prefix.segments().len()), (0, 1));
    let copy = copied(&prefix);
    assert_eq!(verified(copy.path()).events, 0);
    assert_eq!(add(&open(copy.path()), "order-1", 2).await.position.get(), 2);
}

#[tokio::test]
async fn the_end_of_a_copy_is_proven_durable_so_that_a_missing_end_is_damage_and_not_a_torn_write() {
    let dir = scratch();
    let store = open(dir.path());
    add(&store, "order-1", 1).await;
    add(&store, "order-1", 3).await;
    let prefix = store.prefix().unwrap();
    drop(store);
    let copy = copied(&prefix);
    let file = segment_files(copy.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    // Everything of the last append but the mark behind it.
    let end = bytes.len() - 32;
    bytes[end - 40..end].fill(0);
    fs::write(&file, &bytes).unwrap();
    let found = verify_on(&ReadOnlyStorage, copy.path()).unwrap();
    assert_eq!(found.damage.len(), 1, "{found:?}");
}

#[tokio::test]
async fn looking_at_a_copy_changes_nothing_in_its_directory() {
    let dir = scratch();
    let store = open(dir.path());
    add(&store, "order-1", 3).await;
    let copy = copied(&store.prefix().unwrap());
    let before: Vec<_> = fs::read_dir(copy.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    verified(copy.path());
    let after: Vec<_> = fs::read_dir(copy.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(before, after, "no lock file is left behind");
    let clock = Arc::new(nexus_testkit::fakes::ManualClock::default());
    let options = nexus_log::LogOptions::default();
    let opened = LogEventStore::open_on(Arc::new(ReadOnlyStorage), copy.path().join("none"), options, clock);
    assert!(opened.is_err(), "nothing is made through it");
}
