//! Images that a crash can leave: any part of the last, unacknowledged write.

use std::fs;

use nexus_core::RecordedEvent;
use nexus_log::OpenError;

use crate::support::{add, open, read_all, segment_files, try_open, used, with_segment};

/// A log before and after its last append of five events, as bytes, and all its events.
struct Images {
    before: Vec<u8>,
    after: Vec<u8>,
    /// Where the last append lies.
    last: std::ops::Range<usize>,
    events: Vec<RecordedEvent>,
}

const LAST: usize = 5;

async fn images() -> Images {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    add(&store, "order-1", 2).await;
    add(&store, "order-2", 1).await;
    drop(store);
    let file = segment_files(dir.path()).remove(0);
    let before = fs::read(&file).unwrap();
    let store = open(dir.path());
    add(&store, "order-1", LAST).await;
    let events = read_all(&store).await;
    drop(store);
    let mut after = fs::read(&file).unwrap();
    // Without the mark that says the last append was durable: the crash came before it.
    let end = used(&after) - 32;
    after[end..].fill(0);
    let last = used(&before)..end;
    Images { before, after, last, events }
}

/// Opens an image and checks that the last append is there whole or not at all, also after a second opening.
async fn check(bytes: &[u8], images: &Images, place: &str) -> usize {
    let dir = with_segment(bytes);
    let store = try_open(dir.path()).unwrap_or_else(|error| panic!("{place}: {error}"));
    let events = read_all(&store).await;
    let whole = images.events.len();
    assert!(events.len() == whole || events.len() == whole - LAST, "{place}: {} events", events.len());
    assert_eq!(events, images.events[..events.len()], "{place}");
    drop(store);
    let store = try_open(dir.path()).unwrap_or_else(|error| panic!("{place}, again: {error}"));
    assert_eq!(read_all(&store).await, events, "{place}, again");
    add(&store, "order-1", 1).await;
    drop(store);
    let store = open(dir.path());
    assert_eq!(read_all(&store).await.len(), events.len() + 1, "{place}, after a new append");
    events.len()
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_leaves_the_append_whole_or_absent() {
    let images = images().await;
    for cut in images.last.clone() {
        let mut bytes = images.after.clone();
        bytes[cut..].fill(0);
        // The last bytes of a frame may be zeros anyway, so the cut image can equal the whole one.
        let whole = bytes == images.after;
        let found = check(&bytes, &images, &format!("cut at {cut}")).await;
        assert_eq!(found == images.events.len(), whole, "cut at {cut}");
    }
    assert_eq!(check(&images.after, &images, "whole").await, images.events.len());
    assert_eq!(check(&images.before, &images, "absent").await, images.events.len() - LAST);
}

#[tokio::test]
async fn a_file_that_ends_inside_the_last_append_opens_without_it() {
    let images = images().await;
    for cut in images.last.clone().step_by(13) {
        check(&images.after[..cut], &images, &format!("file of {cut} bytes")).await;
    }
}

#[tokio::test]
async fn any_sectors_of_the_last_append_may_be_missing() {
    let images = images().await;
    let sectors: Vec<usize> = (images.last.start / 512..=images.last.end / 512).collect();
    assert!(sectors.len() >= 4, "the append spans sectors");
    let mut torn = 0;
    for lost in 1_u32..1 << sectors.len() {
        let mut bytes = images.after.clone();
        for (bit, sector) in sectors.iter().enumerate() {
            let range = (sector * 512).max(images.last.start)..((sector + 1) * 512).min(images.last.end);
            if lost & (1 << bit) != 0 && !range.is_empty() {
                bytes[range].fill(0);
            }
        }
        let found = check(&bytes, &images, &format!("sectors {lost:b} lost")).await;
        torn += usize::from(found < images.events.len());
    }
    assert!(torn > 0, "no image was torn");
}

#[tokio::test]
async fn garbage_behind_the_end_is_dropped() {
    let images = images().await;
    let mut bytes = images.before.clone();
    let start = images.last.start;
    for (index, byte) in bytes[start..start + 700].iter_mut().enumerate() {
        *byte = u8::try_from(index * 31 % 251).unwrap() | 1;
    }
    let found = check(&bytes, &images, "garbage").await;
    assert_eq!(found, images.events.len() - LAST);
}

#[tokio::test]
async fn lost_acknowledged_sectors_before_a_later_append_are_corruption() {
    let images = images().await;
    // The second append was durable before the last one was written.
    for sector in 4096 / 512..=(images.last.start - 1) / 512 {
        let mut bytes = images.after.clone();
        bytes[sector * 512..((sector + 1) * 512).min(images.last.start)].fill(0);
        let dir = with_segment(&bytes);
        match try_open(dir.path()) {
            Err(OpenError::Corrupt(damage)) => {
                assert!(damage.position <= 3, "{damage}");
                assert!(damage.offset <= ((sector + 1) * 512) as u64, "{damage}");
            }
            other => panic!("sector {sector}: {other:?}"),
        }
        assert_eq!(fs::read(&segment_files(dir.path())[0]).unwrap(), bytes, "left alone");
    }
}
