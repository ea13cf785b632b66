//! `verify`: sound logs pass, every damage is found with its place.

use std::fs;

use nexus_core::Position;
use nexus_log::{OpenError, verify};

use crate::support::{add, open, read_all, scratch, segment_files, used, with_segment};

#[tokio::test]
async fn a_sound_log_passes_and_tells_its_head() {
    let dir = scratch();
    let store = open(dir.path());
    for round in 0..200 {
        add(&store, &format!("order-{}", round % 9), 1 + round % 5).await;
    }
    let events = read_all(&store).await;
    let refused = verify(dir.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
    drop(store);
    let found = verify(dir.path()).unwrap();
    assert!(found.is_intact(), "{:?}", found.damage);
    assert_eq!(found.events, events.len() as u64);
    assert_eq!(found.head, Position::new(events.len() as u64));
    assert_eq!(found.hash, events.last().unwrap().hash);
    assert_eq!(found.segments, segment_files(dir.path()).len());
    assert_eq!(found.torn_bytes, 0);
}

#[tokio::test]
async fn every_flipped_byte_of_an_acknowledged_event_is_found_with_its_place() {
    let dir = scratch();
    let store = open(dir.path());
    add(&store, "order-1", 2).await;
    add(&store, "order-2", 1).await;
    add(&store, "order-1", 1).await;
    drop(store);
    let good = fs::read(&segment_files(dir.path())[0]).unwrap();
    let mut in_marks = 0;
    for index in 4096..used(&good) - 32 {
        let mut bytes = good.clone();
        bytes[index] ^= 4;
        let image = with_segment(&bytes);
        let found = verify(image.path()).unwrap();
        assert!(found.damage.len() == 1, "byte {index}: {:?}", found.damage);
        let damage = &found.damage[0];
        assert!(damage.offset <= index as u64, "byte {index}: {damage}");
        // A mark between two appends is checked like everything else, but holds no event.
        in_marks += usize::from(found.events == 4);
    }
    assert_eq!(in_marks % 32, 0, "every byte of an event takes the event with it");
    assert!(in_marks <= 3 * 32, "{in_marks}");
}

#[tokio::test]
async fn an_event_changed_together_with_its_checksums_breaks_the_chain() {
    let dir = scratch();
    let store = open(dir.path());
    for _ in 0..3 {
        add(&store, "order-1", 1).await;
    }
    drop(store);
    let file = segment_files(dir.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    // The second event: change the last byte of its payload and forge both checksums.
    let salt = u32::from_le_bytes(bytes[4092..4096].try_into().unwrap());
    let len_at = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let mut at = 4096;
    while len_at(&bytes, at) == 0 || bytes[at + 8] != 2 || bytes[at + 24] & 2 != 0 {
        at += 32 + len_at(&bytes, at).next_multiple_of(8);
    }
    let body = at + 32..at + 32 + len_at(&bytes, at).next_multiple_of(8);
    let last = at + 32 + len_at(&bytes, at) - 2;
    bytes[last] ^= 1;
    let crc = crc32c::crc32c(&bytes[body]);
    bytes[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
    let header = crc32c::crc32c_append(salt, &bytes[at..at + 28]);
    bytes[at + 28..at + 32].copy_from_slice(&header.to_le_bytes());
    fs::write(&file, &bytes).unwrap();
    let found = verify(dir.path()).unwrap();
    assert_eq!(found.damage.len(), 1, "{:?}", found.damage);
    assert_eq!((found.damage[0].position, found.damage[0].offset), (2, at as u64));
    assert!(found.damage[0].reason.contains("hash chain"), "{}", found.damage[0]);
}

#[tokio::test]
async fn a_torn_tail_is_told_and_is_not_damage() {
    let dir = scratch();
    let store = open(dir.path());
    add(&store, "order-1", 2).await;
    add(&store, "order-1", 5).await;
    drop(store);
    let file = segment_files(dir.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let end = used(&bytes) - 32;
    bytes[end - 300..].fill(0);
    fs::write(&file, &bytes).unwrap();
    let found = verify(dir.path()).unwrap();
    assert!(found.is_intact(), "{:?}", found.damage);
    assert_eq!(found.head, Position::new(2));
    assert!(found.torn_bytes > 0);
}

#[test]
fn a_directory_without_a_log_is_not_a_sound_log() {
    let dir = scratch();
    assert!(matches!(verify(dir.path()), Err(OpenError::Io { .. })));
}
