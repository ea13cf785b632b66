use nexus_core::{
    ExpectedVersion, NewEvent, Position, Proposal, RecordedEvent, StreamId,
    ports::{Direction, EventFilter, LogRead},
};
use serde_json::json;

use super::support::{PAGE, log_after, log_page, recorded_ids};
use crate::{
    contract::{Breach, EventStoreFixture, Outcome, check, check_eq},
    fixture::{aggregate_type, event_type, new_event, part_of, proposal},
};

/// Forward from any position: exactly what comes after it, in order, whatever the page size.
pub async fn the_log_reads_after_a_position<F: EventStoreFixture>() -> Outcome {
    let (fixture, start) = with_mixed_events::<F>().await?;
    let all = log_after(&fixture, start, PAGE, &EventFilter::default()).await?;
    check_eq!(all.len(), 24, "events in the log");
    for limit in [1, 2, 7, 24, 25] {
        let paged = log_after(&fixture, start, limit, &EventFilter::default()).await?;
        check!(paged == all, "pages of {limit} do not add up to the log");
    }
    for (skipped, event) in all.iter().enumerate() {
        let rest = log_after(&fixture, event.position, 5, &EventFilter::default()).await?;
        let expected = all.get(skipped + 1..).unwrap_or_default();
        check!(rest == expected, "the log after {} is not what follows it", event.position);
    }
    let page = log_page(&fixture, start, 5, EventFilter::default()).await?;
    check_eq!(page.head, start.plus(24), "the head a page tells");
    check!(page.next <= start.plus(5), "`next` {} lies past the events answered", page.next);
    Ok(())
}

/// Backward: from the head or from before a position to the beginning, where `next` stays at 1.
pub async fn the_log_reads_backward<F: EventStoreFixture>() -> Outcome {
    let (fixture, start) = with_mixed_events::<F>().await?;
    let mut newest_first = log_after(&fixture, Position::START, PAGE, &EventFilter::default()).await?;
    newest_first.reverse();
    for limit in [1, 5, 24, PAGE] {
        let paged = backward(&fixture, Position::START, limit, &EventFilter::default()).await?;
        check!(paged == newest_first, "pages of {limit} read backward do not add up to the log");
    }
    let middle = start.plus(12);
    let rest = backward(&fixture, middle, 4, &EventFilter::default()).await?;
    let earlier = newest_first.iter().filter(|event| event.position < middle);
    check_eq!(recorded_ids(&rest), earlier.map(|event| event.event_id).collect::<Vec<_>>(), "before {middle}");
    let shipped = filter(|filter| filter.event_types = [event_type("OrderShipped")].into());
    let found = backward(&fixture, Position::START, 2, &shipped).await?;
    newest_first.retain(|event| event.event_type.as_str() == "OrderShipped");
    check!(found == newest_first, "a filter read backward finds {:?}", recorded_ids(&found));
    Ok(())
}

/// All wanted events before `from`, newest first.
async fn backward<F: EventStoreFixture>(
    fixture: &F,
    from: Position,
    limit: usize,
    filter: &EventFilter,
) -> Result<Vec<RecordedEvent>, Breach> {
    let mut events = Vec::new();
    let mut from = from;
    loop {
        let read = LogRead { from, direction: Direction::Backward, limit, filter: filter.clone() };
        let page = fixture.store().read_log(read).await?;
        check!(page.events.len() <= limit, "{} events for a limit of {limit}", page.events.len());
        let moved = page.next > Position::START && (from == Position::START || page.next < from);
        events.extend(page.events);
        if page.next == Position::new(1) {
            return Ok(events);
        }
        check!(moved, "reading backward from {from} goes on at {}", page.next);
        from = page.next;
    }
}

/// At and beyond the head there is nothing, and `next` does not fall back behind the reader.
pub async fn the_log_beyond_the_head_is_empty<F: EventStoreFixture>() -> Outcome {
    let (fixture, _) = with_mixed_events::<F>().await?;
    let head = fixture.head().await?;
    for from in [head, head.plus(1), head.plus(1000), Position::new(u64::MAX)] {
        let page = log_page(&fixture, from, 10, EventFilter::default()).await?;
        check!(page.events.is_empty(), "{} events after {from}, the head is {head}", page.events.len());
        check!(page.next >= from, "`next` after {from} is {}", page.next);
        check_eq!(page.head, head, "the head a page tells");
    }
    Ok(())
}

/// One or several event types.
pub async fn the_log_is_filtered_by_event_type<F: EventStoreFixture>() -> Outcome {
    let (fixture, start) = with_mixed_events::<F>().await?;
    let one = filter(|filter| filter.event_types = [event_type("OrderShipped")].into());
    selects(&fixture, start, one, |event| event.event_type.as_str() == "OrderShipped").await?;
    let two = filter(|filter| {
        filter.event_types = [event_type("OrderShipped"), event_type("OrderCancelled")].into();
    });
    selects(&fixture, start, two, |event| event.event_type.as_str() != "OrderPlaced").await
}

/// One aggregate type.
pub async fn the_log_is_filtered_by_aggregate_type<F: EventStoreFixture>() -> Outcome {
    let (fixture, start) = with_mixed_events::<F>().await?;
    let invoices = filter(|filter| filter.aggregate_type = Some(aggregate_type("Invoice")));
    selects(&fixture, start, invoices, |event| event.aggregate_type.as_str() == "Invoice").await
}

/// One conversation; events without a correlation id belong to none.
pub async fn the_log_is_filtered_by_correlation_id<F: EventStoreFixture>() -> Outcome {
    let (fixture, start) = with_mixed_events::<F>().await?;
    let talk = filter(|filter| filter.correlation_id = Some("talk-1".into()));
    selects(&fixture, start, talk, |event| event.metadata.correlation_id.as_deref() == Some("talk-1")).await
}

/// Both ends of a time range belong to it.
pub async fn the_log_is_filtered_by_time<F: EventStoreFixture>() -> Outcome {
    let (fixture, start) = with_mixed_events::<F>().await?;
    let all = log_after(&fixture, start, PAGE, &EventFilter::default()).await?;
    let times = all.iter().map(|event| event.timestamp).collect::<Vec<_>>();
    let (Some(&early), Some(&late)) = (times.get(5), times.get(14)) else {
        return Err(Breach::new("the log is too short"));
    };
    let since = filter(|filter| filter.since = Some(early));
    selects(&fixture, start, since, |event| event.timestamp >= early).await?;
    let until = filter(|filter| filter.until = Some(late));
    selects(&fixture, start, until, |event| event.timestamp <= late).await?;
    let both = filter(|filter| (filter.since, filter.until) = (Some(early), Some(late)));
    selects(&fixture, start, both, |event| (early..=late).contains(&event.timestamp)).await
}

/// Several conditions must all hold.
pub async fn filters_of_the_log_combine<F: EventStoreFixture>() -> Outcome {
    let (fixture, start) = with_mixed_events::<F>().await?;
    let all = filter(|filter| {
        filter.event_types = [event_type("OrderPlaced")].into();
        filter.aggregate_type = Some(aggregate_type("Order"));
        filter.correlation_id = Some("talk-1".into());
    });
    selects(&fixture, start, all, |event| {
        event.event_type.as_str() == "OrderPlaced"
            && event.aggregate_type.as_str() == "Order"
            && event.metadata.correlation_id.as_deref() == Some("talk-1")
    })
    .await
}

/// A filter that nothing passes still leads to the head, in a bounded number of pages.
pub async fn a_filtered_read_moves_past_what_it_skips<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let start = fixture.head().await?;
    fixture.append(proposal("order-1", ExpectedVersion::NoStream, 1000)).await?;
    let none = filter(|filter| filter.event_types = [event_type("OrderCancelled")].into());
    let found = log_after(&fixture, start, 10, &none).await?;
    check!(found.is_empty(), "{} events pass a filter that none should", found.len());
    let page = log_page(&fixture, start.plus(1000), 10, none).await?;
    check_eq!(page.next, start.plus(1000), "`next` at the head");
    Ok(())
}

/// Without the platform's own streams every other event is there, in both directions and together with other
/// conditions, and reading goes on to the end behind any number of those that are left out.
pub async fn the_log_is_read_without_system_streams<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let start = fixture.head().await?;
    for (stream, count) in [("$own", 1), ("order-1", 3), ("$own", 150), ("a$b", 2), ("$other", 2), ("order-1", 1)] {
        let stored = fixture.append(proposal(stream, ExpectedVersion::Any, count)).await;
        if stream.starts_with(StreamId::SYSTEM) && !F::STORES_SYSTEM_STREAMS {
            check!(stored.is_err(), "an event of `{stream}` is stored");
        } else {
            stored?;
        }
    }
    if !F::STORES_SYSTEM_STREAMS {
        return Ok(());
    }
    let open = filter(|filter| filter.without_system_streams = true);
    selects(&fixture, start, open.clone(), |event| !event.aggregate_id.is_system()).await?;
    let placed = filter(|filter| {
        filter.without_system_streams = true;
        filter.aggregate_type = Some(aggregate_type("Order"));
    });
    selects(&fixture, start, placed, |event| !event.aggregate_id.is_system()).await?;
    let mut expected = log_after(&fixture, Position::START, PAGE, &EventFilter::default()).await?;
    expected.retain(|event| !event.aggregate_id.is_system());
    expected.reverse();
    for limit in [1, 4, PAGE] {
        let found = backward(&fixture, Position::START, limit, &open).await?;
        check!(found == expected, "read backward in pages of {limit}, the log holds {:?}", recorded_ids(&found));
    }
    Ok(())
}

fn filter(set: impl FnOnce(&mut EventFilter)) -> EventFilter {
    let mut filter = EventFilter::default();
    set(&mut filter);
    filter
}

/// The filter answers exactly the events that are wanted, and that is some but not all, whatever the page size.
async fn selects<F: EventStoreFixture>(
    fixture: &F,
    start: Position,
    filter: EventFilter,
    wanted: impl Fn(&RecordedEvent) -> bool,
) -> Outcome {
    let all = log_after(fixture, start, PAGE, &EventFilter::default()).await?;
    let expected: Vec<RecordedEvent> = all.iter().filter(|event| wanted(event)).cloned().collect();
    check!(!expected.is_empty(), "the store holds nothing that {filter:?} should find");
    // Where the fixture cannot set the clock, a time range may happen to hold everything.
    let timed = filter.since.or(filter.until).is_some() && fixture.clock().is_none();
    check!(timed || expected.len() < all.len(), "{filter:?} selects everything");
    for limit in [1, 3, PAGE] {
        let found = log_after(fixture, start, limit, &filter).await?;
        check_eq!(recorded_ids(&found), recorded_ids(&expected), "{filter:?} in pages of {limit}");
        check!(found == expected, "events found by {filter:?} differ from those in the log");
    }
    Ok(())
}

/// 24 events: two aggregate types, three event types, two conversations and none, twelve moments.
async fn with_mixed_events<F: EventStoreFixture>() -> Result<(F, Position), Breach> {
    let fixture = F::start().await;
    let start = fixture.head().await?;
    for round in 0..12 {
        if let Some(clock) = fixture.clock() {
            clock.advance_micros(1_000_000);
        }
        let kinds = match round % 3 {
            0 => ["OrderPlaced", "OrderPlaced"],
            1 => ["OrderPlaced", "OrderShipped"],
            _ => ["OrderCancelled", "OrderPlaced"],
        };
        let talk = [Some("talk-1"), None, Some("talk-2"), Some("talk-10")];
        let events = kinds.map(|kind| event_in(kind, talk.get(round % 4).copied().flatten()));
        let (stream, kind) = if round % 2 == 0 { ("order-1", "Order") } else { ("invoice-1", "Invoice") };
        let mut part = part_of(stream, ExpectedVersion::Any, events);
        part.aggregate_type = aggregate_type(kind);
        fixture.append(Proposal::single(part)).await?;
    }
    Ok((fixture, start))
}

fn event_in(kind: &str, conversation: Option<&str>) -> NewEvent {
    let mut event = new_event(kind, &json!({ "text": kind }));
    event.metadata.correlation_id = conversation.map(Into::into);
    event
}
