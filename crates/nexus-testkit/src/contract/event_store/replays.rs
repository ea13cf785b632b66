use nexus_core::{Appended, ExpectedVersion, Proposal, Version, ports::AppendError};

use super::support::{ids, whole_stream};
use crate::{
    contract::{EventStoreFixture, Outcome, check, check_eq},
    fixture::{exactly, new_event, part, part_of, proposal, proposal_of, stream_id},
};

/// The very same append again stores nothing and is answered as the first time, marked as a replay.
pub async fn the_same_append_again_is_a_replay<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    for expected in [ExpectedVersion::NoStream, exactly(3), ExpectedVersion::Any] {
        let proposal = proposal("order-1", expected, 3);
        let first = fixture.append(proposal.clone()).await?;
        check!(!first.replayed, "a first append is called a replay");
        again(&fixture, &proposal, first).await?;
    }
    let stored = whole_stream(&fixture, &stream_id("order-1")).await?;
    check_eq!(stored.len(), 9, "events of the stream");
    Ok(())
}

/// The same holds for an append to several streams.
pub async fn a_replay_of_several_streams_is_answered_with_the_first_result<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-2", ExpectedVersion::NoStream, 4)).await?;
    let batch = proposal_of([part("order-1", ExpectedVersion::NoStream, 2), part("order-2", exactly(4), 1)]);
    let first = fixture.append(batch.clone()).await?;
    again(&fixture, &batch, first).await
}

/// A late retry is a replay although its expected version is long past.
pub async fn a_replay_is_recognised_after_the_stream_moved_on<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let proposal = proposal("order-1", ExpectedVersion::NoStream, 2);
    let first = fixture.append(proposal.clone()).await?;
    for _ in 0..3 {
        fixture.append(proposal_of([part("order-1", ExpectedVersion::Any, 5)])).await?;
    }
    again(&fixture, &proposal, first).await
}

/// Sends `proposal` again: the same answer, and nothing is stored.
async fn again<F: EventStoreFixture>(fixture: &F, proposal: &Proposal, first: Appended) -> Outcome {
    let head = fixture.head().await?;
    let replay = fixture.append(proposal.clone()).await;
    let expected = Appended { replayed: true, ..first };
    check_eq!(replay, Ok(expected), "the same append again");
    check_eq!(fixture.head().await?, head, "the head after a replay");
    Ok(())
}

/// An event id names one event in the whole log.
pub async fn an_event_id_stored_in_another_stream_is_refused<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let first = proposal("order-1", ExpectedVersion::NoStream, 2);
    fixture.append(first.clone()).await?;
    let mut moved = first.streams;
    for part in &mut moved {
        part.stream = stream_id("order-2");
    }
    let head = fixture.head().await?;
    let refused = fixture.append(proposal_of(moved)).await;
    check!(matches!(refused, Err(AppendError::DuplicateEvent { .. })), "stored ids elsewhere: {refused:?}");
    check_eq!(fixture.head().await?, head, "the head after a refusal");
    Ok(())
}

/// New events beside a stored one are refused as a whole, naming the stored one and its place.
pub async fn a_stored_event_id_among_new_ones_is_refused<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let first = proposal("order-1", ExpectedVersion::NoStream, 2);
    fixture.append(first.clone()).await?;
    let head = fixture.head().await?;
    let stored = first.streams.iter().flat_map(|part| part.events.clone()).nth(1);
    let new = || new_event("OrderShipped", &serde_json::json!({}));
    for stream in ["order-1", "order-2"] {
        let events = [Some(new()), stored.clone(), Some(new())].into_iter().flatten();
        let mixed = Proposal::single(part_of(stream, ExpectedVersion::Any, events));
        match fixture.append(mixed.clone()).await {
            Err(AppendError::DuplicateEvent { event_id, stream, version }) => {
                check_eq!(Some(&event_id), ids(&first).get(1), "the id");
                if F::NAMES_WHAT_IS_STORED {
                    check_eq!((stream, version), (stream_id("order-1"), Version::new(2)), "its place");
                }
            }
            other => check!(false, "a stored id among new ones: {other:?}"),
        }
        check_eq!(fixture.head().await?, head, "the head after a refusal");
    }
    Ok(())
}
