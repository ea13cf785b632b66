use nexus_core::{
    AppendedStream, ExpectedVersion, Position, Proposal, Version,
    ports::{AppendError, EventFilter},
};

use super::support::{PAGE, ids, log_after, recorded_ids, versions, whole_stream};
use crate::{
    contract::{EventStoreFixture, Outcome, check, check_eq},
    fixture::{aggregate_type, exactly, part, proposal, proposal_of, stream_id},
};

/// The first event of a stream has version 1 and the next position, and the answer says so.
pub async fn a_new_stream_starts_at_version_1<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let before = fixture.head().await?;
    let proposal = proposal("order-1", ExpectedVersion::NoStream, 2);
    let appended = fixture.append(proposal.clone()).await?;
    let expected = AppendedStream {
        stream: stream_id("order-1"),
        first_version: Version::new(1),
        version: Version::new(2),
        event_ids: ids(&proposal),
    };
    check_eq!(appended.streams, [expected], "the answer's streams");
    check_eq!(appended.first_position, before.next(), "the first position");
    check_eq!(appended.position, before.plus(2), "the last position");
    check!(!appended.replayed, "a first append is called a replay");
    check_eq!(fixture.head().await?, appended.position, "the head");
    Ok(())
}

/// An exact expectation holds once; the second time it is a conflict that names both versions.
pub async fn an_exact_version_is_accepted_once<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-1", ExpectedVersion::NoStream, 3)).await?;
    fixture.append(proposal("order-1", exactly(3), 1)).await?;
    refuse(&fixture, exactly(3), 4).await?;
    refuse(&fixture, exactly(5), 4).await
}

/// `Exact(0)` asks the same as `NoStream`.
pub async fn version_0_means_no_stream<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-1", exactly(0), 1)).await?;
    let second = fixture.append(proposal("order-1", exactly(0), 1)).await;
    let conflict = matches!(&second, Err(AppendError::Conflict { actual, .. }) if *actual == Version::new(1));
    check!(conflict, "version 0 of an existing stream: {second:?}");
    Ok(())
}

/// `NoStream` refuses a stream that exists.
pub async fn no_stream_refuses_an_existing_stream<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-1", ExpectedVersion::NoStream, 2)).await?;
    refuse(&fixture, ExpectedVersion::NoStream, 2).await
}

/// `Exists` refuses a stream that does not exist, and accepts it once it does.
pub async fn exists_refuses_a_missing_stream<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    refuse(&fixture, ExpectedVersion::Exists, 0).await?;
    fixture.append(proposal("order-1", ExpectedVersion::NoStream, 1)).await?;
    fixture.append(proposal("order-1", ExpectedVersion::Exists, 1)).await?;
    check_eq!(versions(&whole_stream(&fixture, &stream_id("order-1")).await?), [1, 2], "the stream");
    Ok(())
}

/// `Any` accepts a stream that does not exist and one that does.
pub async fn any_version_is_accepted_by_any<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-1", ExpectedVersion::Any, 1)).await?;
    fixture.append(proposal("order-1", ExpectedVersion::Any, 2)).await?;
    check_eq!(versions(&whole_stream(&fixture, &stream_id("order-1")).await?), [1, 2, 3], "the stream");
    Ok(())
}

/// An append to `order-1` is a conflict with these facts, and stores nothing.
async fn refuse<F: EventStoreFixture>(fixture: &F, expected: ExpectedVersion, actual: u64) -> Outcome {
    let head = fixture.head().await?;
    let conflict = AppendError::Conflict { stream: stream_id("order-1"), expected, actual: Version::new(actual) };
    let refused = fixture.append(proposal("order-1", expected, 1)).await;
    check_eq!(refused, Err(conflict), "an append that expects {expected} at version {actual}");
    check_eq!(fixture.head().await?, head, "the head after a conflict");
    let stored = whole_stream(fixture, &stream_id("order-1")).await?;
    check_eq!(stored.len(), usize::try_from(actual)?, "events of the stream after a conflict");
    Ok(())
}

/// Several streams in one append: adjacent positions in the proposed order, one answer per stream.
pub async fn a_batch_over_several_streams_is_stored_together<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-b", ExpectedVersion::NoStream, 1)).await?;
    let before = fixture.head().await?;
    let batch = proposal_of([
        part("order-c", ExpectedVersion::NoStream, 2),
        part("order-b", exactly(1), 1),
        part("order-a", ExpectedVersion::Any, 3),
    ]);
    let appended = fixture.append(batch.clone()).await?;
    check_eq!(appended.first_position, before.next(), "the first position");
    check_eq!(appended.position, before.plus(6), "the last position");
    let versions = appended.streams.iter().map(|part| (part.first_version.get(), part.version.get()));
    check_eq!(versions.collect::<Vec<_>>(), [(1, 2), (2, 2), (1, 3)], "versions per stream");
    let stored = log_after(&fixture, before, PAGE, &EventFilter::default()).await?;
    check_eq!(recorded_ids(&stored), ids(&batch), "the order in the log");
    Ok(())
}

/// When one of several streams conflicts, first or last, nothing of the batch is stored.
pub async fn a_batch_is_all_or_nothing<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-1", ExpectedVersion::NoStream, 1)).await?;
    let good = || part("order-2", ExpectedVersion::NoStream, 2);
    let bad = || part("order-1", exactly(7), 2);
    for batch in [proposal_of([good(), bad()]), proposal_of([bad(), good()])] {
        let before = fixture.head().await?;
        let refused = fixture.append(batch.clone()).await;
        check!(matches!(refused, Err(AppendError::Conflict { .. })), "one part conflicts: {refused:?}");
        nothing_is_stored(&fixture, &batch, before).await?;
    }
    let whole = fixture.append(proposal_of([good(), part("order-1", exactly(1), 1)])).await?;
    let first = whole.streams.first().map(|part| part.first_version);
    check_eq!(first, Some(Version::new(1)), "the first version after two refused batches");
    Ok(())
}

async fn nothing_is_stored<F: EventStoreFixture>(fixture: &F, batch: &Proposal, before: Position) -> Outcome {
    check_eq!(fixture.head().await?, before, "the head after a refused batch");
    for id in ids(batch) {
        check_eq!(fixture.store().event(id).await?, None, "an event of a refused batch");
    }
    let unborn = whole_stream(fixture, &stream_id("order-2")).await?;
    check!(unborn.is_empty(), "a refused batch left {} events in a stream", unborn.len());
    Ok(())
}

/// The first event fixes the aggregate type of a stream.
pub async fn another_aggregate_type_is_refused<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-1", ExpectedVersion::NoStream, 1)).await?;
    let head = fixture.head().await?;
    let mut other = part("order-1", ExpectedVersion::Any, 1);
    other.aggregate_type = aggregate_type("Invoice");
    match fixture.append(Proposal::single(other)).await {
        Err(AppendError::WrongAggregateType { stream, actual, given }) => {
            check_eq!(stream, stream_id("order-1"), "the stream");
            if F::NAMES_WHAT_IS_STORED {
                check_eq!((actual.as_str(), given.as_str()), ("Order", "Invoice"), "the types");
            }
        }
        other => check!(false, "another aggregate type: {other:?}"),
    }
    check_eq!(fixture.head().await?, head, "the head after a refusal");
    Ok(())
}

/// Positions count every event, versions every event of a stream, without gaps, also across refused appends.
pub async fn positions_and_versions_are_dense<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let before = fixture.head().await?;
    for round in 0..20 {
        for stream in ["order-1", "order-2", "order-3"] {
            fixture.append(proposal(stream, ExpectedVersion::Any, 1 + round % 3)).await?;
            let refused = fixture.append(proposal(stream, ExpectedVersion::NoStream, 2)).await;
            check!(refused.is_err(), "an append that must be refused was not");
        }
    }
    let stored = log_after(&fixture, before, 7, &EventFilter::default()).await?;
    for (event, offset) in stored.iter().zip(1..) {
        check_eq!(event.position, before.plus(offset), "the position of event {offset}");
    }
    check_eq!(fixture.head().await?.since(before), u64::try_from(stored.len())?, "events in the log");
    for stream in ["order-1", "order-2", "order-3"] {
        let of_stream = stored.iter().filter(|event| event.aggregate_id.as_str() == stream);
        for (event, version) in of_stream.zip(1..) {
            check_eq!(event.version, Version::new(version), "a version of `{stream}`");
        }
    }
    Ok(())
}

/// Large batches, to one stream and over several, keep their order.
pub async fn batches_of_1000_are_stored_in_order<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let before = fixture.head().await?;
    let one = proposal("order-1", ExpectedVersion::NoStream, 1000);
    let parts = ["order-2", "order-3", "order-1", "order-4"];
    let several = proposal_of(parts.map(|stream| part(stream, ExpectedVersion::Any, 250)));
    fixture.append(one.clone()).await?;
    let appended = fixture.append(several.clone()).await?;
    check_eq!(appended.position, before.plus(2000), "the last position");
    let stored = log_after(&fixture, before, PAGE, &EventFilter::default()).await?;
    check!(recorded_ids(&stored) == [ids(&one), ids(&several)].concat(), "the log is not in the order proposed");
    let stream = whole_stream(&fixture, &stream_id("order-1")).await?;
    let dense: Vec<u64> = (1..=1250).collect();
    check!(versions(&stream) == dense, "the versions of the stream are not 1 to 1250");
    Ok(())
}

/// Along the log time never goes back, also when the clock does.
pub async fn timestamps_never_go_back<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    let before = fixture.head().await?;
    let hour = 3_600_000_000;
    for jump in [0, hour, -3 * hour, 1, -1] {
        if let Some(clock) = fixture.clock() {
            clock.advance_micros(jump);
        }
        for stream in ["order-1", "order-2"] {
            fixture.append(proposal(stream, ExpectedVersion::Any, 2)).await?;
        }
    }
    let stored = log_after(&fixture, before, PAGE, &EventFilter::default()).await?;
    check_eq!(stored.len(), 20, "events in the log");
    check!(stored.is_sorted_by_key(|event| event.timestamp), "a timestamp is earlier than the one before it");
    Ok(())
}
