use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use nexus_core::{
    Appended, EventId, ExpectedVersion, Position, Proposal, RecordedEvent, Version,
    ports::{AppendError, EventFilter},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::support::{PAGE, ids, log_after, log_page, recorded_ids, versions, whole_stream};
use crate::{
    contract::{Breach, EventStoreFixture, Outcome, check, check_eq},
    fixture::{event_type, exactly, new_event, part, part_of, proposal, proposal_of, stream_id},
};

const WRITERS: usize = 8;
const ROUNDS: usize = 40;

/// Of several writers that expect the same version, one is accepted and all others get a conflict, every time.
pub async fn of_concurrent_appends_exactly_one_wins<F: EventStoreFixture>() -> Outcome {
    let fixture = Arc::new(F::start().await);
    let mut winners = Vec::new();
    for version in 0..25 {
        let expected = exactly(version);
        let results = together(&fixture, |_| proposal("order-1", expected, 1)).await?;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, result)| result.is_ok());
        check_eq!(won.len(), 1, "winners at version {version}");
        for (_, result) in lost {
            let conflict = matches!(&result, Err(AppendError::Conflict { actual, .. })
                if *actual == Version::new(version + 1));
            check!(conflict, "a loser at version {version} is answered {result:?}");
        }
        winners.extend(won.iter().flat_map(|(proposal, _)| ids(proposal)));
    }
    let stored = whole_stream(&*fixture, &stream_id("order-1")).await?;
    check_eq!(recorded_ids(&stored), winners, "the events of the stream");
    check_eq!(versions(&stored), (1..=25).collect::<Vec<u64>>(), "their versions");
    Ok(())
}

/// Writers without expectations all succeed; their batches stay together and no version is given twice.
pub async fn concurrent_appends_to_one_stream_lose_nothing<F: EventStoreFixture>() -> Outcome {
    let fixture = Arc::new(F::start().await);
    let mut acknowledged: BTreeMap<u64, Vec<EventId>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let batch = |writer| proposal("order-1", ExpectedVersion::Any, 1 + writer % 3);
        for (proposal, result) in together(&fixture, batch).await? {
            let first = result?.streams.first().map_or(0, |part| part.first_version.get());
            let twice = acknowledged.insert(first, ids(&proposal));
            check!(twice.is_none(), "two appends were told to start at version {first}");
        }
    }
    let stored = whole_stream(&*fixture, &stream_id("order-1")).await?;
    check!(versions(&stored) == (1..=stored.len() as u64).collect::<Vec<_>>(), "versions are not dense");
    let acknowledged = acknowledged.into_values().flatten().collect::<Vec<_>>();
    check!(recorded_ids(&stored) == acknowledged, "the stream is not what was acknowledged");
    Ok(())
}

/// The same append from several connections at once: one is stored, all get the same answer.
pub async fn the_same_append_sent_concurrently_is_stored_once<F: EventStoreFixture>() -> Outcome {
    let fixture = Arc::new(F::start().await);
    for round in 0..25 {
        let before = fixture.head().await?;
        let same = proposal_of([
            part(&format!("order-{round}"), ExpectedVersion::NoStream, 2),
            part("orders", ExpectedVersion::Any, 1),
        ]);
        let mut first = 0;
        for (_, result) in together(&fixture, |_| same.clone()).await? {
            let appended = result?;
            check_eq!(appended.first_position, before.next(), "the first position");
            check_eq!(appended.position, before.plus(3), "the last position");
            first += usize::from(!appended.replayed);
        }
        check_eq!(first, 1, "answers that are not a replay");
        check_eq!(fixture.head().await?, before.plus(3), "the head");
    }
    Ok(())
}

type Answer = (Proposal, Result<Appended, AppendError>);

/// Lets `WRITERS` tasks append at the same time; answers what each sent and got.
async fn together<F: EventStoreFixture>(
    fixture: &Arc<F>,
    propose: impl Fn(usize) -> Proposal,
) -> Result<Vec<Answer>, Breach> {
    let barrier = Arc::new(Barrier::new(WRITERS));
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let (fixture, barrier, proposal) = (Arc::clone(fixture), Arc::clone(&barrier), propose(writer));
        tasks.spawn(async move {
            barrier.wait().await;
            let result = fixture.append(proposal.clone()).await;
            (proposal, result)
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer?);
    }
    Ok(answers)
}

/// Readers that follow the log while many write see every position once, in order.
pub async fn a_tailing_reader_skips_nothing<F: EventStoreFixture>() -> Outcome {
    follow_while_writing::<F>(EventFilter::default()).await
}

/// The same through a filter: every wanted event once, in order.
pub async fn a_filtered_tail_skips_nothing<F: EventStoreFixture>() -> Outcome {
    let event_types = [event_type("OrderShipped")].into();
    follow_while_writing::<F>(EventFilter { event_types, ..EventFilter::default() }).await
}

async fn follow_while_writing<F: EventStoreFixture>(filter: EventFilter) -> Outcome {
    let fixture = Arc::new(F::start().await);
    let start = fixture.head().await?;
    let end = start.plus((WRITERS * ROUNDS * 2) as u64);
    let mut tasks = JoinSet::new();
    for limit in [1, 3, PAGE] {
        tasks.spawn(tail(Arc::clone(&fixture), (start, end), limit, filter.clone()));
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(Arc::clone(&fixture), writer));
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    let wanted = log_after(&*fixture, start, PAGE, &filter).await?;
    check!(!wanted.is_empty(), "nothing was written that the readers want");
    while let Some(seen) = tasks.join_next().await {
        let seen = seen??;
        check!(seen == wanted, "{}", difference(&seen, &wanted));
    }
    Ok(())
}

/// Follows the log from `start` to `end` as a subscription does: read, wait, read.
async fn tail<F: EventStoreFixture>(
    fixture: Arc<F>,
    (start, end): (Position, Position),
    limit: usize,
    filter: EventFilter,
) -> Result<Vec<RecordedEvent>, Breach> {
    let whole = filter == EventFilter::default();
    let mut seen: Vec<RecordedEvent> = Vec::new();
    let mut from = start;
    while from < end {
        let page = log_page(&*fixture, from, limit, filter.clone()).await?;
        for event in page.events {
            let before = seen.last().map_or(start, |event| event.position);
            let follows = if whole { event.position == before.next() } else { event.position > before };
            check!(follows, "a reader at {before} was given {} next", event.position);
            check!(event.position <= page.head, "an event at {} past the head {}", event.position, page.head);
            seen.push(event);
        }
        check!(page.next >= from, "`next` goes back from {from} to {}", page.next);
        if page.next >= page.head && page.next < end {
            fixture.store().wait_past(page.next).await?;
        }
        from = page.next;
    }
    Ok(seen)
}

async fn write<F: EventStoreFixture>(fixture: Arc<F>, writer: usize) -> Outcome {
    for _ in 0..ROUNDS {
        let events = ["OrderPlaced", "OrderShipped"].map(|kind| new_event(kind, &serde_json::json!({})));
        let part = part_of(&format!("order-{writer}"), ExpectedVersion::Any, events);
        fixture.append(Proposal::single(part)).await?;
    }
    Ok(())
}

fn difference(seen: &[RecordedEvent], wanted: &[RecordedEvent]) -> String {
    let of = |events: &[RecordedEvent]| events.iter().map(|event| event.position).collect::<HashSet<_>>();
    let mut missing: Vec<Position> = of(wanted).difference(&of(seen)).copied().collect();
    missing.sort_unstable();
    let (seen, wanted) = (seen.len(), wanted.len());
    format!("a reader saw {seen} of {wanted} events; missing positions {missing:?} (or an event differs)")
}

/// What a reader is shown while others write and fail is exactly what was acknowledged, for ever.
pub async fn readers_see_only_what_was_acknowledged<F: EventStoreFixture>() -> Outcome {
    let fixture = Arc::new(F::start().await);
    let start = fixture.head().await?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let watcher = tokio::spawn(watch(Arc::clone(&fixture), start, stopped));
    let mut acknowledged: HashSet<EventId> = HashSet::new();
    for round in 0..ROUNDS {
        let batch = |_| proposal(&format!("order-{}", round % 4), exactly((round / 4) as u64 * 2), 2);
        for (proposal, result) in together(&fixture, batch).await? {
            if result.is_ok() {
                acknowledged.extend(ids(&proposal));
            }
        }
    }
    stop.send_replace(true);
    let seen = watcher.await??;
    let stored = log_after(&*fixture, start, PAGE, &EventFilter::default()).await?;
    let stored_ids: HashSet<EventId> = recorded_ids(&stored).into_iter().collect();
    check_eq!(stored_ids, acknowledged, "the stored events against the acknowledged ones");
    for event in seen {
        let kept = stored.iter().find(|stored| stored.position == event.position);
        check!(
            kept == Some(&event),
            "a reader was shown event {} at position {}, which is not what was stored there",
            event.event_id,
            event.position
        );
    }
    Ok(())
}

/// Everything that reads of the whole log ever showed, until told to stop.
async fn watch<F: EventStoreFixture>(
    fixture: Arc<F>,
    start: Position,
    stopped: tokio::sync::watch::Receiver<bool>,
) -> Result<Vec<RecordedEvent>, Breach> {
    let mut seen: BTreeMap<(Position, EventId), RecordedEvent> = BTreeMap::new();
    let mut from = start;
    while !*stopped.borrow() {
        let page = log_page(&*fixture, from, PAGE, EventFilter::default()).await?;
        if page.next == from {
            tokio::task::yield_now().await;
        }
        from = page.next;
        seen.extend(page.events.into_iter().map(|event| ((event.position, event.event_id), event)));
    }
    Ok(seen.into_values().collect())
}
