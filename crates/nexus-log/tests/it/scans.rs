//! Scans of the whole log in pages.

use std::sync::Arc;

use nexus_core::{
    Position, RecordedEvent,
    ports::{Direction, EventFilter, EventStore, LogRead},
};
use nexus_log::LogEventStore;
use nexus_testkit::fixture::{aggregate_type, event_type};

use crate::support::{add, open};

const EVENTS: usize = 3000;

async fn filled() -> (tempfile::TempDir, LogEventStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for stream in 0..EVENTS / 30 {
        add(&store, &format!("s{stream}"), 30).await;
    }
    (dir, store)
}

/// A page of a scan; answers where it goes on.
async fn page(
    store: &LogEventStore,
    from: Position,
    limit: usize,
    filter: &EventFilter,
) -> (Vec<RecordedEvent>, Position) {
    let read = LogRead { from, direction: Direction::Forward, limit, filter: filter.clone() };
    let page = store.read_log(read).await.unwrap();
    (page.events, page.next)
}

fn positions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position.get()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_sees_every_event_once_while_others_append() {
    let (_dir, store) = filled().await;
    let store = Arc::new(store);
    let appending = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for number in 0..200 {
                add(&store, &format!("late{number}"), 5).await;
            }
        }
    });
    let (mut seen, mut from) = (Vec::new(), Position::START);
    while seen.len() < EVENTS + 1000 {
        let (events, next) = page(&store, from, 65, &EventFilter::default()).await;
        seen.extend(positions(&events));
        if next == from {
            store.wait_past(from).await.unwrap();
        }
        from = next;
    }
    appending.await.unwrap();
    assert_eq!(seen, (1..=(EVENTS + 1000) as u64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_that_take_turns_each_get_what_they_ask_for() {
    let (_dir, store) = filled().await;
    let all = EventFilter::default();
    let none = EventFilter { aggregate_type: Some(aggregate_type("Invoice")), ..EventFilter::default() };
    let placed = EventFilter { event_types: [event_type("OrderPlaced")].into(), ..EventFilter::default() };
    let mut scans = [(&all, 100), (&placed, 100), (&none, 100), (&all, 70)]
        .map(|(filter, limit)| (filter, limit, Position::START, Vec::new()));
    for _ in 0..EVENTS {
        for (filter, limit, from, seen) in &mut scans {
            for _ in 0..2 {
                let (events, next) = page(&store, *from, *limit, filter).await;
                assert!(events.iter().all(|event| filter.matches(event)));
                assert!(events.len() <= *limit);
                seen.extend(positions(&events));
                *from = next;
            }
        }
        if scans.iter().all(|(_, _, from, _)| from.get() == EVENTS as u64) {
            break;
        }
    }
    let whole: Vec<u64> = (1..=EVENTS as u64).collect();
    for (filter, limit, _, seen) in scans {
        let wanted = if filter == &none { Vec::new() } else { whole.clone() };
        assert_eq!(seen, wanted, "pages of {limit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_has_what_was_asked_for_and_as_much_of_it() {
    let (_dir, store) = filled().await;
    let all = EventFilter::default();
    let none = EventFilter { aggregate_type: Some(aggregate_type("Invoice")), ..EventFilter::default() };
    for (filter, limit) in [(&none, 100), (&all, 90), (&all, 110)] {
        let mut from = Position::START;
        for _ in 0..3 {
            from = page(&store, from, 100, &all).await.1;
        }
        let (events, _) = page(&store, from, limit, filter).await;
        assert_eq!(events.len(), if filter == &none { 0 } else { limit });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_reached_the_end_goes_on_with_what_comes_then() {
    let (_dir, store) = filled().await;
    let (mut seen, mut from) = (0, Position::START);
    for round in 0..50 {
        while from < store.head() {
            let (events, next) = page(&store, from, 100, &EventFilter::default()).await;
            seen += events.len();
            from = next;
        }
        assert_eq!(seen, EVENTS + round * 7);
        add(&store, &format!("more{round}"), 7).await;
    }
}
