//! The index of idempotency keys.

use nexus_core::{
    DecisionId, Digest, EventId, Position, StreamId, Text, Timestamp, Version,
    ports::{IdempotencyIndex as _, IdempotencyRecord, ReadStoreError},
};
use nexus_read::SqliteIdempotencyIndex;
use uuid::Uuid;

fn record(key: &str, position: u64, micros: i64) -> IdempotencyRecord {
    IdempotencyRecord {
        key: Text::from(key),
        request: Digest::from_bytes([u8::try_from(position % 251).unwrap(); 32]),
        stream: StreamId::new(format!("order-{position}")).unwrap(),
        version: Version::new(position + 1),
        event_ids: (0..position % 4).map(|n| EventId::from_uuid(Uuid::from_u128(u128::from(n) << 64 | 5))).collect(),
        position: Position::new(position),
        decision_id: DecisionId::from_uuid(Uuid::from_u128(u128::from(position))),
        recorded_at: Timestamp::from_micros(micros).unwrap(),
    }
}

#[test]
fn records_and_checkpoint_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let index = SqliteIdempotencyIndex::open(dir.path()).unwrap();
    assert_eq!(index.checkpoint().unwrap(), Position::START);
    let records: Vec<_> = (1..6).map(|n| record(&format!("user:клю\u{0}ч-{n}"), n, -5)).collect();
    index.commit(&records, Position::new(9)).unwrap();
    drop(index);
    let index = SqliteIdempotencyIndex::open(dir.path()).unwrap();
    assert_eq!(index.checkpoint().unwrap(), Position::new(9));
    for expected in &records {
        assert_eq!(index.find(&expected.key).unwrap().as_ref(), Some(expected));
    }
    assert_eq!(index.find("user:клю").unwrap(), None);
}

#[test]
fn the_later_use_of_a_key_wins_and_repeating_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let index = SqliteIdempotencyIndex::open(dir.path()).unwrap();
    let (first, second) = (record("k", 1, 10), record("k", 2, 20));
    for records in [vec![first.clone(), second.clone()], vec![first], vec![second.clone()]] {
        index.commit(&records, Position::new(2)).unwrap();
        assert_eq!(index.find("k").unwrap(), Some(second.clone()));
    }
}

#[test]
fn forgetting_goes_by_time_and_counts() {
    let dir = tempfile::tempdir().unwrap();
    let index = SqliteIdempotencyIndex::open(dir.path()).unwrap();
    let records: Vec<_> = (0..12_000_u64).map(|n| record(&format!("k{n}"), n, i64::try_from(n).unwrap())).collect();
    index.commit(&records, Position::new(12_000)).unwrap();
    let moment = Timestamp::from_micros(11_000).unwrap();
    assert_eq!(index.forget_before(moment).unwrap(), 11_000);
    assert_eq!(index.forget_before(moment).unwrap(), 0);
    assert_eq!(index.find("k10999").unwrap(), None);
    assert_eq!(index.find("k11000").unwrap(), Some(records[11_000].clone()));
    assert_eq!(index.checkpoint().unwrap(), Position::new(12_000));
}

#[test]
fn a_commit_with_one_bad_record_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let index = SqliteIdempotencyIndex::open(dir.path()).unwrap();
    let mut bad = record("bad", 2, 0);
    bad.version = Version::new(u64::MAX);
    let error = index.commit(&[record("good", 1, 0), bad], Position::new(2)).unwrap_err();
    assert!(matches!(error, ReadStoreError::Invalid { .. }), "{error}");
    assert_eq!(index.find("good").unwrap(), None);
    assert_eq!(index.checkpoint().unwrap(), Position::START);
}
