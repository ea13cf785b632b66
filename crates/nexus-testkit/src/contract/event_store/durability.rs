use nexus_core::{
    Appended, ExpectedVersion, Version,
    ports::{AppendError, EventFilter},
};

use super::support::{PAGE, ids, log_after, recorded_ids, versions, whole_stream};
use crate::{
    contract::{EventStoreFixture, Outcome, check, check_eq},
    fixture::{exactly, part, proposal, proposal_of, stream_id},
};

/// Every acknowledged event is there after a restart, equal in every member, also by id and by stream.
pub async fn acknowledged_events_survive_a_restart<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let start = fixture.head().await?;
    for round in 0..10 {
        let streams = [format!("order-{round}"), "orders".to_owned()];
        let parts = streams.map(|stream| part(&stream, ExpectedVersion::Any, 3));
        fixture.append(proposal_of(parts)).await?;
    }
    let last = proposal("order-last", ExpectedVersion::NoStream, 1);
    fixture.append(last.clone()).await?;
    let before = log_after(&fixture, start, PAGE, &EventFilter::default()).await?;
    check_eq!(before.len(), 61, "events before the restart");
    let fixture = fixture.restart().await;
    let after = log_after(&fixture, start, PAGE, &EventFilter::default()).await?;
    if !F::SURVIVES_RESTART {
        check!(after.is_empty(), "the fixture says that nothing survives, {} events did", after.len());
        return Ok(());
    }
    check_eq!(recorded_ids(&after), recorded_ids(&before), "events after the restart");
    check!(after == before, "events changed by the restart");
    for event in &before {
        let found = fixture.store().event(event.event_id).await?;
        check_eq!(found.as_ref(), Some(event), "an event by its id after the restart");
    }
    let stream = whole_stream(&fixture, &stream_id("orders")).await?;
    check_eq!(versions(&stream), (1..=30).collect::<Vec<u64>>(), "a stream after the restart");
    Ok(())
}

/// A client that did not hear the answer before the restart may send the same append after it.
pub async fn a_replay_is_recognised_after_a_restart<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let proposal = proposal("order-1", ExpectedVersion::NoStream, 3);
    let first = fixture.append(proposal.clone()).await?;
    let fixture = fixture.restart().await;
    let again = fixture.append(proposal).await?;
    if !F::SURVIVES_RESTART {
        check!(!again.replayed, "the fixture says that nothing survives, but this is a replay");
        return Ok(());
    }
    let expected = Appended { replayed: true, ..first };
    check_eq!(again, expected, "the same append after a restart");
    Ok(())
}

/// Versions, positions and time go on from where they were.
pub async fn a_restarted_store_goes_on_where_it_was<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-1", ExpectedVersion::NoStream, 2)).await?;
    let head = fixture.head().await?;
    if let Some(clock) = fixture.clock() {
        clock.advance_micros(-3_600_000_000);
    }
    let fixture = fixture.restart().await;
    if !F::SURVIVES_RESTART {
        fixture.append(proposal("order-1", ExpectedVersion::NoStream, 1)).await?;
        return Ok(());
    }
    check_eq!(fixture.head().await?, head, "the head after a restart");
    let conflict = fixture.append(proposal("order-1", ExpectedVersion::NoStream, 1)).await;
    let told = matches!(&conflict, Err(AppendError::Conflict { actual, .. }) if *actual == Version::new(2));
    check!(told, "an append that must conflict after a restart: {conflict:?}");
    let next = proposal("order-1", exactly(2), 1);
    let appended = fixture.append(next.clone()).await?;
    check_eq!(appended.first_position, head.next(), "the first position after a restart");
    let stream = whole_stream(&fixture, &stream_id("order-1")).await?;
    check_eq!(recorded_ids(&stream).last(), ids(&next).last(), "the last event");
    check_eq!(versions(&stream), [1, 2, 3], "versions of the stream");
    check!(stream.is_sorted_by_key(|event| event.timestamp), "time went back over a restart");
    Ok(())
}
