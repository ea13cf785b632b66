//! Damage to what was acknowledged: always noticed, never served.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
};

use nexus_core::ports::{EventStore, LogRead, ReadError, StreamRead};
use nexus_log::OpenError;
use nexus_testkit::fixture::stream_id;

use crate::support::{add, open, read_all, segment_files, try_open, used, with_segment};

#[tokio::test]
async fn a_flipped_bit_in_any_acknowledged_byte_is_noticed_at_opening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    add(&store, "order-1", 2).await;
    add(&store, "order-2", 1).await;
    let events = read_all(&store).await;
    drop(store);
    let good = fs::read(&segment_files(dir.path())[0]).unwrap();
    let end = used(&good);
    let (mut noticed, mut harmless) = (0, 0);
    // Every byte of the frames, and of the header those that are used.
    for index in (0..76).chain(4090..end) {
        let mut bytes = good.clone();
        bytes[index] ^= 1 << (index % 8);
        let image = with_segment(&bytes);
        match try_open(image.path()) {
            Err(OpenError::Corrupt(damage)) => {
                noticed += 1;
                assert!(damage.offset <= index as u64, "byte {index}: {damage}");
                assert!((1..=3).contains(&damage.position), "byte {index}: {damage}");
            }
            Err(other) => panic!("byte {index}: {other}"),
            Ok(store) => {
                harmless += 1;
                assert_eq!(read_all(&store).await, events, "byte {index}");
            }
        }
    }
    assert!(noticed > 800, "{noticed}");
    // The two marks hold nothing that was acknowledged.
    assert!(harmless <= 64, "{harmless}");
}

#[tokio::test]
async fn damage_while_the_log_is_open_is_reported_and_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    add(&store, "order-1", 3).await;
    let id = read_all(&store).await[1].event_id;
    let file = OpenOptions::new().read(true).write(true).open(&segment_files(dir.path())[0]).unwrap();
    let bytes = fs::read(&segment_files(dir.path())[0]).unwrap();
    let second = 4096 + (used(&bytes) - 4096 - 32) / 2;
    file.write_all_at(&[bytes[second] ^ 64], second as u64).unwrap();
    let in_log = store.read_log(LogRead { limit: 10, ..LogRead::default() }).await;
    let in_stream = store.read_stream(StreamRead::all(stream_id("order-1"), 10)).await;
    for error in [in_log.unwrap_err(), in_stream.unwrap_err(), store.event(id).await.unwrap_err()] {
        let ReadError::Corrupt { reason } = error else {
            panic!("{error}");
        };
        assert_eq!(reason, "the event at position 2 cannot be read: it fails its checksum");
    }
    // What is not damaged is still served.
    let first = store.read_log(LogRead { limit: 1, ..LogRead::default() }).await.unwrap();
    assert_eq!(first.events.len(), 1);
}

#[tokio::test]
async fn a_missing_or_shortened_segment_is_corruption() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for round in 0..60 {
        add(&store, &format!("order-{round}"), 20).await;
    }
    drop(store);
    let files = segment_files(dir.path());
    assert!(files.len() >= 4, "{} segments", files.len());
    let hidden = dir.path().join("hidden");
    for file in &files[..files.len() - 1] {
        fs::rename(file, &hidden).unwrap();
        let refused = try_open(dir.path()).unwrap_err();
        assert!(matches!(refused, OpenError::Corrupt(_)), "{refused}");
        let bytes = fs::read(&hidden).unwrap();
        fs::write(file, &bytes[..used(&bytes) - 100]).unwrap();
        let refused = try_open(dir.path()).unwrap_err();
        assert!(matches!(refused, OpenError::Corrupt(_)), "{refused}");
        fs::rename(&hidden, file).unwrap();
    }
    drop(open(dir.path()));
}
