use std::collections::HashSet;

use nexus_core::{
    ExpectedVersion, Metadata, NewEvent, Position, Proposal, RecordedEvent,
    ports::{Direction, EventFilter},
};
use serde_json::json;

use super::support::{PAGE, ids, log_after, stream_page, whole_stream};
use crate::{
    contract::{Breach, EventStoreFixture, Outcome, check, check_eq},
    fixture::{ACTOR, admitted, full_metadata, json_text, new_event, part_of, proposal, proposal_of, stream_id},
};

/// White space, escapes, the order of members and the way numbers are written are all kept.
pub async fn payloads_survive_byte_for_byte<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let long = format!("{{\"text\":\"{}\"}}", "Ж🦀".repeat(20_000));
    let texts = [
        "{}",
        "{ \"b\" : 1.50,\n\t\"a\" : [ 1e3, -0, 123456789012345678901234567890 ] }",
        "{\"escaped\":\"\\u00e9\\/\\ud83e\\udd80\\u0000\",\"plain\":\"é/🦀\"}",
        "{\"\":null,\"a\\\"b\":{\"deep\":[[[[{\"x\":[]}]]]]}}",
        &long,
    ];
    let events = texts.map(|text| NewEvent { payload: json_text(text), ..new_event("OrderPlaced", &json!({})) });
    fixture.append(proposal_of([part_of("order-1", ExpectedVersion::NoStream, events)])).await?;
    let stored = whole_stream(&fixture, &stream_id("order-1")).await?;
    check_eq!(stored.len(), texts.len(), "events of the stream");
    for (event, text) in stored.iter().zip(texts) {
        check!(event.payload.as_str() == text, "`{text:.60}` became `{:.60}`", event.payload.as_str());
    }
    Ok(())
}

/// Every member of metadata is kept, and no member appears where there was none.
pub async fn metadata_survives<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let all = full_metadata();
    let without = |change: fn(&mut Metadata)| {
        let mut metadata = full_metadata();
        change(&mut metadata);
        metadata
    };
    let given = [
        all,
        without(|metadata| metadata.correlation_id = None),
        without(|metadata| metadata.causation_id = None),
        without(|metadata| metadata.user_id = None),
        without(|metadata| metadata.traceparent = None),
        without(|metadata| metadata.idempotency = None),
        without(|metadata| metadata.extra = None),
        Metadata { schema_version: 1, ..Metadata::default() },
    ];
    let events = given.clone().map(|metadata| NewEvent { metadata, ..new_event("OrderPlaced", &json!({})) });
    fixture.append(proposal_of([part_of("order-1", ExpectedVersion::NoStream, events)])).await?;
    let stored = whole_stream(&fixture, &stream_id("order-1")).await?;
    let kept: Vec<Metadata> = stored.into_iter().map(|event| event.metadata).collect();
    check_eq!(kept, given.map(F::kept), "the metadata");
    Ok(())
}

/// Stream ids are any printable Unicode up to 255 bytes, and two that look alike are two streams.
pub async fn unicode_names_survive<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let longest = "x".repeat(255);
    let names =
        ["заказ-1", "注文 ☎ 1", "e\u{301}", "\u{e9}", "a/b?c=d&e%20f#g", "\"quoted\" 'id' \\ back", "..a", &longest];
    let mut appended = Vec::new();
    for name in names {
        let proposal = proposal(name, ExpectedVersion::NoStream, 2);
        fixture.append(proposal.clone()).await?;
        appended.push(proposal);
    }
    for (name, proposal) in names.iter().zip(appended) {
        let stored = whole_stream(&fixture, &stream_id(name)).await?;
        check_eq!(super::support::recorded_ids(&stored), ids(&proposal), "the events of `{name}`");
        let named = stored.iter().all(|event| event.aggregate_id.as_str() == *name);
        check!(named, "events of `{name}` name another stream");
    }
    Ok(())
}

/// The receipt under which an event was admitted stays with it.
pub async fn receipts_survive<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let first = proposal("order-1", ExpectedVersion::NoStream, 2);
    fixture.append(first.clone()).await?;
    let kinds = ["OrderShipped", "OrderCancelled"].map(|kind| new_event(kind, &json!({})));
    let second = proposal_of([part_of("order-1", ExpectedVersion::Exists, kinds)]);
    fixture.append(second.clone()).await?;
    let stored = whole_stream(&fixture, &stream_id("order-1")).await?;
    check_eq!(stored.len(), 4, "events of the stream");
    let (of_first, of_second) = stored.split_at(2);
    check_receipts::<F>(first, of_first)?;
    check_receipts::<F>(second, of_second)
}

fn check_receipts<F: EventStoreFixture>(proposal: Proposal, stored: &[RecordedEvent]) -> Outcome {
    let batch = admitted(proposal);
    let expected = batch.streams().iter().flat_map(|part| part.events());
    for (event, expected) in stored.iter().zip(expected) {
        let receipt = &event.receipt;
        let first = stored.first().map(|event| event.receipt.decision_id);
        check_eq!(Some(receipt.decision_id), first, "the decision of one append");
        check!(receipt.schema_id > 0, "a receipt without a schema");
        check!(!receipt.actor.is_empty(), "a receipt without an actor");
        if F::ADMITS_HERE {
            check_eq!(receipt.actor, ACTOR, "the actor");
            check_eq!(receipt.policy_digest, expected.receipt().policy_digest, "the policy digest");
            check_eq!(receipt.schema_digest, expected.receipt().schema_digest, "the schema digest");
        }
    }
    Ok(())
}

/// The stream, the log in both directions and the look-up by id show one and the same event.
pub async fn every_read_shows_the_same_event<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let before = fixture.head().await?;
    let event = NewEvent { metadata: full_metadata(), ..new_event("OrderShipped", &json!({ "by": "sea" })) };
    fixture.append(proposal("order-0", ExpectedVersion::NoStream, 1)).await?;
    let proposal = proposal_of([part_of("order-1", ExpectedVersion::NoStream, [event.clone()])]);
    fixture.append(proposal).await?;
    let by_id = fixture.store().event(event.event_id).await?;
    let Some(by_id) = by_id else {
        return Err(Breach::new("the event is not found by its id"));
    };
    check_eq!(by_id.position, before.plus(2), "its position");
    check_eq!(by_id.event_type, event.event_type, "its type");
    check_eq!(by_id.payload, event.payload, "its payload");
    check_eq!(by_id.aggregate_type.as_str(), "Order", "its aggregate type");
    for direction in [Direction::Forward, Direction::Backward] {
        let page = stream_page(&fixture, &stream_id("order-1"), (1, 1), direction, 1).await?;
        check_eq!(page.events.first(), Some(&by_id), "the event in the stream, read {direction:?}");
        check_eq!(page.aggregate_type, Some(by_id.aggregate_type.clone()), "the stream's type");
    }
    let log = log_after(&fixture, before.next(), PAGE, &EventFilter::default()).await?;
    check_eq!(log.as_slice(), std::slice::from_ref(&by_id), "the event in the log");
    check_eq!(last(&fixture).await?, Some(by_id), "the event in the log, read backward");
    let unknown = fixture.store().event(crate::fixture::event_id()).await?;
    check_eq!(unknown, None, "an event id nobody stored");
    Ok(())
}

async fn last<F: EventStoreFixture>(fixture: &F) -> Result<Option<RecordedEvent>, Breach> {
    let read = nexus_core::ports::LogRead {
        from: Position::START,
        direction: Direction::Backward,
        limit: 1,
        filter: EventFilter::default(),
    };
    Ok(fixture.store().read_log(read).await?.events.pop())
}

/// Hashes differ between events, also equal ones, and stay what they are.
pub async fn hashes_tell_events_apart<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let before = fixture.head().await?;
    for _ in 0..10 {
        let same = [(); 3].map(|()| new_event("OrderPlaced", &json!({ "n": 1 })));
        let proposal = proposal_of([part_of("order-1", ExpectedVersion::Any, same)]);
        fixture.append(proposal).await?;
    }
    let first = log_after(&fixture, before, PAGE, &EventFilter::default()).await?;
    let hashes: HashSet<_> = first.iter().map(|event| event.hash).collect();
    check_eq!(hashes.len(), 30, "different hashes of 30 events");
    let second = log_after(&fixture, before, 4, &EventFilter::default()).await?;
    check!(first == second, "two reads of the log differ");
    Ok(())
}
