//! The index files of sealed segments.

use std::{fs, path::PathBuf};

use nexus_core::{
    RecordedEvent,
    ports::{EventStore, ReadError, StreamList, StreamRead},
};
use nexus_log::{LogEventStore, verify};
use tempfile::TempDir;

use crate::support::{add, open, read_all, scratch, segment_files};

/// A closed log of several segments and its events.
async fn several_segments() -> (TempDir, Vec<RecordedEvent>) {
    let dir = scratch();
    let store = open(dir.path());
    for round in 0..300 {
        add(&store, &format!("order-{:03}", round * 7 % 151), 1 + round % 8).await;
    }
    let events = read_all(&store).await;
    drop(store);
    (dir, events)
}

fn index_files(dir: &TempDir) -> Vec<PathBuf> {
    let sealed = segment_files(dir.path());
    sealed[..sealed.len() - 1].iter().map(|file| file.with_extension("nxidx")).collect()
}

/// Everything the port answers about the events.
async fn check(store: &LogEventStore, events: &[RecordedEvent]) {
    assert_eq!(read_all(store).await, events);
    for event in events {
        assert_eq!(store.event(event.event_id).await.unwrap().as_ref(), Some(event));
    }
    let list = StreamList { limit: 1000, ..StreamList::default() };
    let streams = store.streams(list).await.unwrap().streams;
    assert_eq!(streams.len(), 151);
    for info in streams {
        let mut wanted: Vec<_> = events.iter().filter(|event| event.aggregate_id == info.stream).cloned().collect();
        let last = wanted.last().unwrap();
        assert_eq!((info.version, info.last_event_at), (last.version, last.timestamp));
        let mut read = StreamRead::all(info.stream, 1000);
        assert_eq!(store.read_stream(read.clone()).await.unwrap().events, wanted);
        read.direction = nexus_core::ports::Direction::Backward;
        wanted.reverse();
        assert_eq!(store.read_stream(read).await.unwrap().events, wanted);
    }
}

#[tokio::test]
async fn sealed_segments_answer_from_their_index_files() {
    let (dir, events) = several_segments().await;
    let files = index_files(&dir);
    assert!(files.len() >= 4, "{} index files", files.len());
    assert!(files.iter().all(|file| file.is_file()), "every sealed segment has its index");
    check(&open(dir.path()), &events).await;
    assert!(verify(dir.path()).unwrap().is_intact());
}

#[tokio::test]
async fn a_missing_or_foreign_or_short_index_is_built_anew() {
    let (dir, events) = several_segments().await;
    let files = index_files(&dir);
    let good: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    fs::remove_file(&files[0]).unwrap();
    fs::copy(&files[2], &files[1]).unwrap();
    fs::write(&files[2], &good[2][..good[2].len() / 2]).unwrap();
    fs::write(&files[3], b"").unwrap();
    check(&open(dir.path()), &events).await;
    for (file, good) in files.iter().zip(good) {
        assert_eq!(fs::read(file).unwrap(), good, "the same segment gives the same index");
    }
}

#[tokio::test]
async fn a_flipped_bit_in_an_index_never_changes_an_answer() {
    let (dir, events) = several_segments().await;
    let file = index_files(&dir).remove(1);
    let good = fs::read(&file).unwrap();
    let mut noticed = 0;
    for index in (0..good.len()).step_by(61) {
        let mut bytes = good.clone();
        bytes[index] ^= 1 << (index % 8);
        fs::write(&file, &bytes).unwrap();
        assert!(!verify(dir.path()).unwrap().is_intact(), "byte {index} passes verification");
        let store = open(dir.path());
        // An index that is damaged where it is kept in memory was built anew; otherwise reads notice or are right.
        let mut failed = false;
        for event in &events {
            let stream = StreamRead { from: event.version, ..StreamRead::all(event.aggregate_id.clone(), 1) };
            match store.read_stream(stream).await {
                Ok(page) => assert_eq!(page.events, std::slice::from_ref(event), "byte {index}"),
                Err(ReadError::Corrupt { .. }) => failed = true,
                Err(other) => panic!("byte {index}: {other}"),
            }
            match store.event(event.event_id).await {
                Ok(found) => assert_eq!(found.as_ref(), Some(event), "byte {index}"),
                Err(ReadError::Corrupt { .. }) => failed = true,
                Err(other) => panic!("byte {index}: {other}"),
            }
        }
        noticed += usize::from(failed);
        drop(store);
        fs::write(&file, &good).unwrap();
    }
    assert!(noticed > 0, "no read met a damaged block");
}
