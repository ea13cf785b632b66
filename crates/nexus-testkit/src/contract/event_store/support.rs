use nexus_core::{
    EventId, Position, Proposal, RecordedEvent, StreamId, Version,
    ports::{Direction, EventFilter, LogPage, LogRead, StreamPage, StreamRead},
};

use crate::contract::{Breach, EventStoreFixture, check};

/// Pages of this size; every adapter, also one behind a server, answers as many.
pub(super) const PAGE: usize = 500;

/// The ids of all events of a proposal, in order.
pub(super) fn ids(proposal: &Proposal) -> Vec<EventId> {
    let events = proposal.streams.iter().flat_map(|part| &part.events);
    events.map(|event| event.event_id).collect()
}

/// The ids of stored events, in order.
pub(super) fn recorded_ids(events: &[RecordedEvent]) -> Vec<EventId> {
    events.iter().map(|event| event.event_id).collect()
}

/// The versions of stored events, in order.
pub(super) fn versions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.version.get()).collect()
}

/// One page of a stream: versions `from..=to`.
pub(super) async fn stream_page<F: EventStoreFixture>(
    fixture: &F,
    stream: &StreamId,
    (from, to): (u64, u64),
    direction: Direction,
    limit: usize,
) -> Result<StreamPage, Breach> {
    let read = StreamRead { stream: stream.clone(), from: Version::new(from), to: Version::new(to), direction, limit };
    Ok(fixture.store().read_stream(read).await?)
}

/// All events of a stream, oldest first.
pub(super) async fn whole_stream<F: EventStoreFixture>(
    fixture: &F,
    stream: &StreamId,
) -> Result<Vec<RecordedEvent>, Breach> {
    let mut events = Vec::new();
    let mut from = 1;
    loop {
        let page = stream_page(fixture, stream, (from, u64::MAX), Direction::Forward, PAGE).await?;
        events.extend(page.events);
        match page.next {
            None => return Ok(events),
            Some(next) => {
                check!(next.get() > from, "reading `{stream}` from {from} does not move on");
                from = next.get();
            }
        }
    }
}

/// One page of the log, forward, after `from`.
pub(super) async fn log_page<F: EventStoreFixture>(
    fixture: &F,
    from: Position,
    limit: usize,
    filter: EventFilter,
) -> Result<LogPage, Breach> {
    let read = LogRead { from, direction: Direction::Forward, limit, filter };
    Ok(fixture.store().read_log(read).await?)
}

/// All wanted events after `from` up to the head, oldest first, in pages of `limit`.
pub(super) async fn log_after<F: EventStoreFixture>(
    fixture: &F,
    from: Position,
    limit: usize,
    filter: &EventFilter,
) -> Result<Vec<RecordedEvent>, Breach> {
    let mut events = Vec::new();
    let mut from = from;
    loop {
        let page = log_page(fixture, from, limit, filter.clone()).await?;
        check!(page.events.len() <= limit, "{} events for a limit of {limit}", page.events.len());
        events.extend(page.events);
        if page.next >= page.head {
            return Ok(events);
        }
        check!(page.next > from, "reading the log after {from} does not move on");
        from = page.next;
    }
}
