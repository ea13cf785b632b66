//! The history tree of an open log: heads, proofs, and what they show.

use std::{fs, os::unix::fs::PermissionsExt as _};

use nexus_core::{
    Digest, Position,
    ports::{HistoryTree as _, ProofError, ReadError, SignedTreeHead},
};
use nexus_log::{
    LogEventStore, OpenError, Unproven, check_consistency, check_head, check_inclusion, checkpoint, key_id,
    public_key_pem, signed_text,
};
use tempfile::TempDir;

use crate::support::{add, open, read_all, scratch, segment_files, try_open};

/// A closed log of several segments whose heads are signed.
async fn signed_log() -> TempDir {
    let dir = scratch();
    let store = open(dir.path());
    let _tree = store.history_tree().unwrap();
    for round in 0..300 {
        add(&store, &format!("order-{}", round % 7), 1 + round % 8).await;
    }
    store.close();
    dir
}

/// Where the event at a position is in a list of all.
fn index(position: u64) -> usize {
    usize::try_from(position - 1).unwrap()
}

async fn saved(store: &LogEventStore) -> Vec<SignedTreeHead> {
    store.history_tree().unwrap().heads(0, 1000).await.unwrap()
}

#[tokio::test]
async fn every_event_is_proved_to_be_under_every_head() {
    let dir = signed_log().await;
    let store = open(dir.path());
    let tree = store.history_tree().unwrap();
    let events = read_all(&store).await;
    let (key, count) = (tree.key(), events.len() as u64);
    assert!(count > 1000, "{count} events do not reach over several blocks");
    for size in [1, 2, 255, 256, 257, 512, 700, count] {
        let signed = tree.head(Some(Position::new(size))).await.unwrap();
        check_head(&signed, &key.public_key).unwrap();
        assert_eq!(signed.head.hash, events[index(size)].hash);
        for position in (1..=size).step_by(37).chain([size]) {
            let proof = tree.inclusion(Position::new(position), size).await.unwrap();
            assert_eq!(proof.hash, events[index(position)].hash);
            check_inclusion(&proof, &signed.head).unwrap();
            let mut moved = proof.clone();
            moved.position = Position::new(position % size + 1);
            assert!(size == 1 || check_inclusion(&moved, &signed.head).is_err(), "{position} passes for another place");
        }
    }
}

#[tokio::test]
async fn a_head_is_proved_to_continue_every_earlier_one_while_the_log_grows() {
    let dir = scratch();
    let store = open(dir.path());
    let tree = store.history_tree().unwrap();
    let mut heads: Vec<SignedTreeHead> = Vec::new();
    for round in 0..40 {
        add(&store, "order-1", 1 + round * 7 % 90).await;
        let now = tree.head(None).await.unwrap();
        for earlier in &heads {
            let proof = tree.consistency(earlier.head.tree_size, now.head.tree_size).await.unwrap();
            check_consistency(&proof, &earlier.head, &now.head).unwrap();
            let mut forged = now.head;
            forged.root = earlier.head.root;
            let refused = check_consistency(&proof, &earlier.head, &forged).unwrap_err();
            assert!(matches!(refused, Unproven::Path { .. }), "{refused}");
        }
        heads.push(now);
    }
}

#[tokio::test]
async fn every_full_segment_has_a_saved_head_and_a_tree_file_that_any_opening_reproduces() {
    let dir = signed_log().await;
    let store = open(dir.path());
    let tree = store.history_tree().unwrap();
    let (heads, events) = (saved(&store).await, read_all(&store).await);
    let segments = segment_files(dir.path());
    let trees: Vec<_> = segments[..segments.len() - 1].iter().map(|file| file.with_extension("nxtree")).collect();
    assert!(trees.len() >= 4);
    assert_eq!(heads.len(), trees.len());
    for signed in &heads {
        check_head(signed, &tree.key().public_key).unwrap();
        assert_eq!(signed.head.hash, events[index(signed.head.tree_size)].hash);
        assert_eq!(tree.head(Some(Position::new(signed.head.tree_size))).await.unwrap().head.root, signed.head.root);
    }
    drop(store);
    let good: Vec<_> = trees.iter().map(|file| fs::read(file).unwrap()).collect();
    fs::remove_file(&trees[0]).unwrap();
    fs::write(&trees[2], &good[2][..20]).unwrap();
    let store = open(dir.path());
    assert_eq!(saved(&store).await, heads);
    store.close();
    for (file, good) in trees.iter().zip(good) {
        assert_eq!(fs::read(file).unwrap(), good, "{}", file.display());
    }
}

#[tokio::test]
async fn what_the_log_does_not_have_is_not_proved() {
    let dir = scratch();
    let store = open(dir.path());
    let tree = store.history_tree().unwrap();
    add(&store, "order-1", 5).await;
    let out = |name, given, low, high| Err(ProofError::OutOfRange { name, given, low, high });
    assert_eq!(tree.inclusion(Position::new(0), 5).await.map(drop), out("position", 0, 1, 5));
    assert_eq!(tree.inclusion(Position::new(4), 3).await.map(drop), out("position", 4, 1, 3));
    assert_eq!(tree.inclusion(Position::new(1), 6).await.map(drop), out("treeSize", 6, 1, 5));
    assert_eq!(tree.consistency(4, 3).await.map(drop), out("from", 4, 0, 3));
    assert_eq!(tree.consistency(1, 6).await.map(drop), out("to", 6, 0, 5));
    assert_eq!(tree.head(Some(Position::new(6))).await.map(drop), out("at", 6, 0, 5));
    assert!(tree.head(Some(Position::START)).await.is_ok(), "a tree without events has a root as well");
}

#[tokio::test]
async fn the_key_is_made_once_kept_private_and_told_in_a_form_that_tools_read() {
    let dir = scratch();
    let store = open(dir.path());
    let key = store.history_tree().unwrap().key();
    drop(store);
    let mode = fs::metadata(dir.path().join("log.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_to_string(dir.path().join("log.pub")).unwrap(), public_key_pem(&key.public_key));
    assert_eq!(key.key_id, key_id(&key.public_key));
    let store = open(dir.path());
    assert_eq!(store.history_tree().unwrap().key(), key);
    drop(store);
    fs::write(dir.path().join("log.key"), b"short").unwrap();
    let refused = open(dir.path()).history_tree().unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt(_)), "{refused}");
}

#[tokio::test]
async fn a_head_of_another_key_or_with_one_bit_changed_is_refused() {
    let (dir, other) = (scratch(), scratch());
    let (store, foreign) = (open(dir.path()), open(other.path()));
    add(&store, "order-1", 3).await;
    let tree = store.history_tree().unwrap();
    let (signed, key) = (tree.head(None).await.unwrap(), tree.key());
    let wrong = foreign.history_tree().unwrap().key();
    assert!(matches!(check_head(&signed, &wrong.public_key), Err(Unproven::OtherKey { .. })));
    let renamed = SignedTreeHead { key_id: wrong.key_id, ..signed };
    assert_eq!(check_head(&renamed, &wrong.public_key), Err(Unproven::Signature));
    let mut changed = signed;
    changed.signature[9] ^= 1;
    assert_eq!(check_head(&changed, &key.public_key), Err(Unproven::Signature));
    let mut changed = signed;
    let mut root = *signed.head.root.as_bytes();
    root[31] ^= 1;
    changed.head.root = Digest::from_bytes(root);
    assert_eq!(check_head(&changed, &key.public_key), Err(Unproven::Signature));
    changed = signed;
    changed.head.tree_size -= 1;
    assert_eq!(check_head(&changed, &key.public_key), Err(Unproven::Signature));
    let proof = tree.consistency(3, 3).await.unwrap();
    let stranger = foreign.history_tree().unwrap().head(None).await.unwrap();
    let refused = check_consistency(&proof, &stranger.head, &signed.head);
    assert!(matches!(refused, Err(Unproven::OtherLog { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_signed_text_is_a_checkpoint_of_five_lines_and_the_note_carries_its_signature() {
    let dir = scratch();
    let store = open(dir.path());
    add(&store, "order-1", 3).await;
    let tree = store.history_tree().unwrap();
    let signed = tree.head(None).await.unwrap();
    let text = signed_text(&signed.head);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("nexus/{}", signed.head.log_id));
    assert_eq!(lines[1], "3");
    assert_eq!(lines[3], format!("chain {}", signed.head.hash));
    assert_eq!(lines[4], format!("time {}", signed.head.timestamp));
    assert_eq!((lines.len(), text.ends_with('\n')), (5, true));
    let note = checkpoint(&signed, &tree.key().public_key);
    assert!(note.starts_with(&format!("{text}\n\u{2014} nexus/{} ", signed.head.log_id)), "{note}");
}

#[tokio::test]
async fn a_torn_head_is_dropped_and_signed_again() {
    let dir = signed_log().await;
    let file = dir.path().join("log/heads.nxheads");
    let good = fs::read(&file).unwrap();
    let count = saved(&open(dir.path())).await.len();
    for cut in [1, 4, 100, 191] {
        fs::write(&file, &good[..good.len() - cut]).unwrap();
        assert!(nexus_log::verify(dir.path()).unwrap().is_intact(), "{cut} bytes torn off are no damage");
        let store = open(dir.path());
        let tree = store.history_tree().unwrap();
        store.close();
        let heads = tree.heads(0, 1000).await.unwrap();
        assert_eq!(heads.len(), count, "{cut} bytes torn off");
        assert_eq!(fs::read(&file).unwrap().len(), good.len());
        check_head(heads.last().unwrap(), &tree.key().public_key).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_is_shorter_than_what_was_signed_is_refused() {
    let dir = signed_log().await;
    let segments = segment_files(dir.path());
    // As if the last two segments had never been: what is left is sound in itself.
    for file in &segments[segments.len() - 2..] {
        fs::remove_file(file).unwrap();
        let _ = fs::remove_file(file.with_extension("nxidx"));
    }
    let store = try_open(dir.path()).unwrap();
    let refused = store.history_tree().unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt(_)), "{refused}");
    drop(store);
    let found = nexus_log::verify(dir.path()).unwrap();
    assert!(found.damage.iter().any(|damage| damage.reason.contains("but the log ends at")), "{:?}", found.damage);
}

#[tokio::test]
async fn a_log_that_is_not_what_was_signed_is_neither_signed_nor_proved_again() {
    let dir = signed_log().await;
    let other = signed_log().await;
    // The heads and the key of one log beside the events of another.
    for name in ["log.key", "log/heads.nxheads"] {
        fs::copy(other.path().join(name), dir.path().join(name)).unwrap();
    }
    let store = open(dir.path());
    let tree = store.history_tree().unwrap();
    store.close();
    let refused = tree.head(None).await.unwrap_err();
    assert!(matches!(refused, ProofError::Read(ReadError::Corrupt { .. })), "{refused}");
}

#[tokio::test]
async fn after_its_key_was_lost_a_log_signs_with_another_one_and_old_heads_stay_valid() {
    let dir = signed_log().await;
    let store = open(dir.path());
    let (before, heads) = (store.history_tree().unwrap().key(), saved(&store).await);
    drop(store);
    fs::remove_file(dir.path().join("log.key")).unwrap();
    let store = open(dir.path());
    let after = store.history_tree().unwrap().key();
    assert_eq!(after.log_id, before.log_id);
    assert_ne!(after.public_key, before.public_key);
    assert_eq!(saved(&store).await, heads);
    for round in 0..60 {
        add(&store, &format!("invoice-{round}"), 8).await;
    }
    store.close();
    let store = open(dir.path());
    let last = *saved(&store).await.last().unwrap();
    assert_eq!(last.key_id, after.key_id);
    drop(store);
    let found = nexus_log::verify(dir.path()).unwrap();
    assert!(found.is_intact(), "{:?}", found.damage);
    assert!(found.heads > heads.len());
}
