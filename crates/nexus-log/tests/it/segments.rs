//! Logs of many segments.

use std::collections::HashSet;

use nexus_core::{
    Position,
    ports::{Direction, EventStore, LogRead, StreamList, StreamRead},
};
use nexus_testkit::fixture::stream_id;

use crate::support::{add, open, read_all, segment_files};

#[tokio::test]
async fn reads_go_across_segments_in_both_directions_and_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    for round in 0..300 {
        add(&store, &format!("order-{:02}", round % 10), 1 + round % 8).await;
    }
    assert!(segment_files(dir.path()).len() >= 5);
    for reopened in [false, true] {
        if reopened {
            drop(store);
            store = open(dir.path());
        }
        let all = read_all(&store).await;
        assert!(all.iter().map(|event| event.position.get()).eq(1..=1342));
        let mut backward = Vec::new();
        let mut from = Position::START;
        loop {
            let direction = Direction::Backward;
            let read = LogRead { from, direction, limit: 70, ..LogRead::default() };
            let page = store.read_log(read).await.unwrap();
            if page.events.is_empty() {
                break;
            }
            from = page.next;
            backward.extend(page.events);
        }
        backward.reverse();
        assert_eq!(backward, all);
        for number in 0..10 {
            let stream = stream_id(&format!("order-{number:02}"));
            let page = store.read_stream(StreamRead::all(stream.clone(), 1000)).await.unwrap();
            let expected: Vec<_> = all.iter().filter(|event| event.aggregate_id == stream).cloned().collect();
            assert_eq!(page.events, expected);
            assert_eq!(page.version.get(), expected.len() as u64);
        }
        let page = store
            .streams(StreamList { prefix: "order-0".to_owned(), limit: 7, ..StreamList::default() })
            .await
            .unwrap();
        assert!(page.more);
        let names: Vec<_> = page.streams.iter().map(|info| info.stream.to_string()).collect();
        assert_eq!(names, (0..7).map(|n| format!("order-{n:02}")).collect::<Vec<_>>());
        let ids: HashSet<_> = all.iter().map(|event| event.event_id).collect();
        assert_eq!(ids.len(), all.len());
        for event in all.iter().step_by(50) {
            assert_eq!(store.event(event.event_id).await.unwrap().as_ref(), Some(event));
        }
    }
}

#[tokio::test]
async fn an_append_larger_than_a_segment_gets_one_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    add(&store, "order-1", 1).await;
    add(&store, "order-1", 700).await;
    add(&store, "order-1", 1).await;
    drop(store);
    let store = open(dir.path());
    assert_eq!(read_all(&store).await.len(), 702);
}

#[tokio::test]
async fn a_small_store_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let store = nexus_log::LogEventStore::open(
        dir.path(),
        nexus_log::LogOptions::default(),
        std::sync::Arc::new(nexus_testkit::fakes::ManualClock::default()),
    )
    .unwrap();
    add(&store, "order-1", 10).await;
    drop(store);
    let files = segment_files(dir.path());
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].metadata().unwrap().len(), 1 << 20);
}
