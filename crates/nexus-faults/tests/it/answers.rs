//! Everything a log answers about its events, compared with what was stored.

use std::collections::BTreeMap;

use nexus_core::{
    Position, RecordedEvent, Version,
    ports::{Direction, EventStore, LogRead, ReadError, StreamList, StreamRead},
};

/// How a comparison ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every answer is what was stored.
    Same,
    /// Some answer was refused because of damage; all others are right.
    Refused,
    /// An answer is not what was stored: this must never happen.
    Wrong(String),
}

struct Comparison {
    refused: bool,
    wrong: Option<String>,
}

impl Comparison {
    fn take<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, is: Result<T, ReadError>, should: &T) {
        match is {
            Ok(is) if is == *should => {}
            Ok(_) => self.wrong = self.wrong.take().or_else(|| Some(format!("{what} answers something else"))),
            Err(_) => self.refused = true,
        }
    }
}

/// Reads the log in every way and compares with `events`.
pub(crate) async fn compare(store: &dyn EventStore, events: &[RecordedEvent]) -> Verdict {
    let mut comparison = Comparison { refused: false, wrong: None };
    let head = Position::new(events.len() as u64);
    comparison.take("the head", Ok(store.head()), &head);
    for direction in [Direction::Forward, Direction::Backward] {
        log(store, direction, events, &mut comparison).await;
    }
    for event in events.iter().step_by(7) {
        let found = store.event(event.event_id).await;
        comparison.take("an event id", found, &Some(event.clone()));
    }
    let nobody = store.event(nexus_testkit::fixture::event_id()).await;
    comparison.take("an unknown event id", nobody, &None);
    streams(store, events, &mut comparison).await;
    match comparison {
        Comparison { wrong: Some(what), .. } => Verdict::Wrong(what),
        Comparison { refused: true, .. } => Verdict::Refused,
        Comparison { .. } => Verdict::Same,
    }
}

async fn log(store: &dyn EventStore, direction: Direction, events: &[RecordedEvent], comparison: &mut Comparison) {
    let mut from = Position::START;
    let mut left: Vec<RecordedEvent> = events.to_vec();
    if direction == Direction::Backward {
        left.reverse();
    }
    while !left.is_empty() {
        let read = LogRead { from, direction, limit: 60, ..LogRead::default() };
        let page = match store.read_log(read).await {
            Ok(page) if page.events.is_empty() => return comparison.take("the log", Ok(0), &left.len()),
            Ok(page) => page,
            Err(_) => {
                comparison.refused = true;
                return;
            }
        };
        from = page.next;
        let rest = left.split_off(page.events.len().min(left.len()));
        comparison.take("the log", Ok(page.events), &left);
        left = rest;
    }
}

async fn streams(store: &dyn EventStore, events: &[RecordedEvent], comparison: &mut Comparison) {
    let mut by_stream: BTreeMap<_, Vec<RecordedEvent>> = BTreeMap::new();
    for event in events {
        by_stream.entry(event.aggregate_id.clone()).or_default().push(event.clone());
    }
    let list = StreamList { limit: 60, ..StreamList::default() };
    let names = store.streams(list).await.map(|page| page.streams.into_iter().map(|info| info.stream).collect());
    comparison.take("the list of streams", names, &by_stream.keys().take(60).cloned().collect::<Vec<_>>());
    for (stream, events) in by_stream {
        let read = StreamRead { from: Version::new(2), ..StreamRead::all(stream.clone(), 60) };
        let page = store.read_stream(read).await.map(|page| (page.version, page.events));
        let version = Version::new(events.len() as u64);
        comparison.take("a stream", page, &(version, events[1..].iter().take(60).cloned().collect()));
        let read = StreamRead { direction: Direction::Backward, ..StreamRead::all(stream, 60) };
        let page = store.read_stream(read).await.map(|page| page.events);
        comparison.take("a stream backward", page, &events.iter().rev().take(60).cloned().collect());
    }
}
