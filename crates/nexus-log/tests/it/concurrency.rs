//! Many writers and readers at once.

use std::sync::Arc;

use nexus_core::{
    ExpectedVersion, Position,
    ports::{AppendError, EventStore, LogRead},
};
use nexus_testkit::fixture::{admitted, proposal};

use crate::support::{add, append, open, read_all};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_appends_at_one_version_exactly_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()));
    let mut conflicts = 0;
    for version in 0..30 {
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let store = Arc::clone(&store);
                let expected = nexus_testkit::fixture::exactly(version);
                tokio::spawn(async move { append(&store, proposal("order-1", expected, 1)).await })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(AppendError::Conflict { actual, .. }) => {
                    assert_eq!(actual.get(), version + 1);
                    conflicts += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1, "at version {version}");
    }
    assert_eq!(conflicts, 30 * 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tailing_reader_sees_every_position_once_under_eight_writers() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for round in 0..100 {
                    add(&store, &format!("order-{writer}"), 1 + round % 3).await;
                }
            })
        })
        .collect();
    let total = 8 * (0..100).map(|round| 1 + round % 3).sum::<u64>();
    let mut seen = Position::START;
    while seen.get() < total {
        let head = store.wait_past(seen).await.unwrap();
        assert!(head > seen);
        let page = store.read_log(LogRead { from: seen, limit: 37, ..LogRead::default() }).await.unwrap();
        assert!(!page.events.is_empty(), "the head said there was more");
        for event in &page.events {
            assert_eq!(event.position, seen.next());
            seen = event.position;
        }
        assert_eq!(page.next, seen);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let store = Arc::into_inner(store).unwrap();
    let all = read_all(&store).await;
    drop(store);
    assert_eq!(read_all(&open(dir.path())).await, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_append_from_many_callers_at_once_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()));
    let batch = admitted(proposal("order-1", ExpectedVersion::NoStream, 3));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (store, batch) = (Arc::clone(&store), batch.clone());
            tokio::spawn(async move { store.append(batch).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap().unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.streams == answers[0].streams));
    assert_eq!(store.head(), Position::new(3));
}

#[tokio::test]
async fn an_append_goes_on_when_nobody_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let waiting = store.append(admitted(proposal("order-1", ExpectedVersion::NoStream, 1)));
    // Polled once, so that it is in the queue, then dropped.
    let dropped = tokio::time::timeout(std::time::Duration::ZERO, waiting).await;
    drop(dropped);
    assert_eq!(store.wait_past(Position::START).await, Ok(Position::new(1)));
}
