//! The contract of [`IdempotencyIndex`].

use std::sync::Arc;

use nexus_core::{
    DecisionId, Digest, EventId, Position, Timestamp, Version,
    ports::{IdempotencyIndex, IdempotencyRecord},
};
use uuid::Uuid;

use crate::{
    contract::{Outcome, blocking_suite, check, check_eq},
    fixture::stream_id,
};

/// An idempotency index under test.
pub trait IdempotencyIndexFixture: Sized + Send + 'static {
    /// A fresh, empty index.
    fn start() -> Self;

    /// The index.
    fn index(&self) -> Arc<dyn IdempotencyIndex>;

    /// Closes the index and opens it again, as after a restart.
    #[must_use]
    fn reopen(self) -> Self;
}

blocking_suite! {
    /// One `#[test]` for every case of [`contract::idempotency_index`](crate::contract::idempotency_index), run
    /// against a type that implements
    /// [`IdempotencyIndexFixture`](crate::contract::IdempotencyIndexFixture). Invoke it in a module of its own.
    export $ idempotency_index_contract, idempotency_index: [
        an_unknown_key_has_no_record,
        a_record_is_found_by_its_key,
        records_and_checkpoint_move_together,
        committing_twice_is_committing_once,
        a_later_record_of_a_key_replaces_the_earlier,
        old_records_are_forgotten,
        reopening_keeps_records_and_checkpoint,
        concurrent_readers_see_whole_commits,
    ]
}

/// Nothing is known at first, and the checkpoint is at the start.
pub fn an_unknown_key_has_no_record<F: IdempotencyIndexFixture>() -> Outcome {
    let index = F::start();
    let index = index.index();
    check_eq!(index.checkpoint()?, Position::START, "the checkpoint of a new index");
    check_eq!(index.find("key-1")?, None, "a key nobody used");
    check_eq!(index.find("")?, None, "the empty key");
    Ok(())
}

/// Every member of a record survives; keys are compared byte by byte.
pub fn a_record_is_found_by_its_key<F: IdempotencyIndexFixture>() -> Outcome {
    let fixture = F::start();
    let index = fixture.index();
    let long = "k".repeat(1000);
    let keys = ["key-1", "KEY-1", "ann/ключ ☎", "e\u{301}", "\u{e9}", "'; --", "key%", &long];
    let records: Vec<IdempotencyRecord> = keys.iter().zip(1..).map(|(key, n)| record(key, n)).collect();
    index.commit(&records, Position::new(9))?;
    for record in records {
        check_eq!(index.find(&record.key)?, Some(record.clone()), "the record of `{}`", record.key);
    }
    check_eq!(index.find("key-")?, None, "the beginning of a key");
    Ok(())
}

/// The checkpoint moves with every commit, also with one without records.
pub fn records_and_checkpoint_move_together<F: IdempotencyIndexFixture>() -> Outcome {
    let fixture = F::start();
    let index = fixture.index();
    for round in 1..=5 {
        let key = format!("key-{round}");
        index.commit(&[record(&key, round)], Position::new(round * 10))?;
        check_eq!(index.checkpoint()?, Position::new(round * 10), "the checkpoint");
        check!(index.find(&key)?.is_some(), "the checkpoint moved without the record");
    }
    index.commit(&[], Position::new(99))?;
    check_eq!(index.checkpoint()?, Position::new(99), "the checkpoint after no records");
    Ok(())
}

/// A commit repeated after a crash changes nothing.
pub fn committing_twice_is_committing_once<F: IdempotencyIndexFixture>() -> Outcome {
    let fixture = F::start();
    let index = fixture.index();
    let records = [record("key-1", 1), record("key-2", 2)];
    for _ in 0..2 {
        index.commit(&records, Position::new(2))?;
    }
    for record in records {
        check_eq!(index.find(&record.key)?, Some(record.clone()), "the record of `{}`", record.key);
    }
    check_eq!(index.forget_before(moment(100))?, 2, "records in all");
    Ok(())
}

/// A key may be used again once it was free; the newest record counts, also within one commit.
pub fn a_later_record_of_a_key_replaces_the_earlier<F: IdempotencyIndexFixture>() -> Outcome {
    let fixture = F::start();
    let index = fixture.index();
    index.commit(&[record("key-1", 1)], Position::new(1))?;
    index.commit(&[record("key-1", 2), record("key-1", 3)], Position::new(3))?;
    check_eq!(index.find("key-1")?, Some(record("key-1", 3)), "the record");
    Ok(())
}

/// Forgetting removes what is strictly older and tells how many; the checkpoint stays.
pub fn old_records_are_forgotten<F: IdempotencyIndexFixture>() -> Outcome {
    let fixture = F::start();
    let index = fixture.index();
    let records: Vec<IdempotencyRecord> = (1..=10).map(|n| record(&format!("key-{n}"), n)).collect();
    index.commit(&records, Position::new(10))?;
    check_eq!(index.forget_before(moment(4))?, 3, "records forgotten");
    check_eq!(index.forget_before(moment(4))?, 0, "records forgotten the second time");
    for (record, n) in records.iter().zip(1..) {
        check_eq!(index.find(&record.key)?.is_some(), n >= 4, "whether record {n} is left");
    }
    check_eq!(index.checkpoint()?, Position::new(10), "the checkpoint");
    Ok(())
}

/// Records and checkpoint are there after a restart.
pub fn reopening_keeps_records_and_checkpoint<F: IdempotencyIndexFixture>() -> Outcome {
    let fixture = F::start();
    fixture.index().commit(&[record("key-1", 1)], Position::new(7))?;
    let fixture = fixture.reopen();
    let index = fixture.index();
    check_eq!(index.find("key-1")?, Some(record("key-1", 1)), "the record");
    check_eq!(index.checkpoint()?, Position::new(7), "the checkpoint");
    Ok(())
}

/// While a writer commits, a reader that saw a checkpoint finds every record up to it.
pub fn concurrent_readers_see_whole_commits<F: IdempotencyIndexFixture>() -> Outcome {
    let fixture = F::start();
    let index = fixture.index();
    let writer = {
        let index = fixture.index();
        std::thread::spawn(move || {
            (1..=200).try_for_each(|n| index.commit(&[record(&format!("key-{n}"), n)], Position::new(n)))
        })
    };
    loop {
        let seen = index.checkpoint()?.get();
        let found = seen == 0 || index.find(&format!("key-{seen}"))?.is_some();
        check!(found, "the checkpoint is {seen}, but its record is not there");
        if seen == 200 || writer.is_finished() {
            break;
        }
    }
    match writer.join() {
        Ok(written) => Ok(written?),
        Err(_) => Err(crate::contract::Breach::new("the writer panicked")),
    }
}

fn moment(number: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH.saturating_add_micros(i64::try_from(number).unwrap_or(0) * 1_000_000 + 123_456)
}

fn record(key: &str, number: u64) -> IdempotencyRecord {
    let uuid = |part: u128| Uuid::from_u128((u128::from(number) << 64) | part);
    IdempotencyRecord {
        key: key.into(),
        request: Digest::from_bytes([u8::try_from(number % 256).unwrap_or(0); 32]),
        stream: stream_id("заказ-1"),
        version: Version::new(number * 2),
        event_ids: (0..number % 4).map(|part| EventId::from_uuid(uuid(part.into()))).collect(),
        position: Position::new(number),
        decision_id: DecisionId::from_uuid(uuid(99)),
        recorded_at: moment(number),
    }
}
