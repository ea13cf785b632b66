//! Somebody with the machine in their hands edits the log and makes everything fit again. Only a head that was kept
//! elsewhere tells.

use std::{fs, path::Path};

use nexus_core::{
    Digest,
    ports::{HistoryTree as _, SignedTreeHead},
};
use nexus_log::{Verification, VerifyOptions, storage::FileStorage, verify, verify_with};
use tempfile::TempDir;

use crate::support::{add, open, read_all, scratch, segment_files};

const HEADER: usize = 4096;

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn put_crc(bytes: &mut [u8], (from, to): (usize, usize), seed: u32) {
    let crc = crc32c::crc32c_append(seed, &bytes[from..to]);
    bytes[to..to + 4].copy_from_slice(&crc.to_le_bytes());
}

/// Changes one character of the payload at `position` and recomputes, in every segment, checksums, salts and the chain,
/// as `docs/formats/log.md` describes them.
fn rewrite(dir: &Path, position: u64) {
    let mut chain = [0; 32];
    let mut edited = false;
    for file in segment_files(dir) {
        let mut bytes = fs::read(&file).unwrap();
        bytes[24..56].copy_from_slice(&chain);
        put_crc(&mut bytes, (0, HEADER - 4), 0);
        let salt = u32_at(&bytes, HEADER - 4);
        let mut at = HEADER;
        while bytes.get(at + 24..at + 32).is_some_and(|rest| rest != [0; 8]) {
            let len = u32_at(&bytes, at) as usize;
            let (body, end) = (at + 32, at + 32 + len.next_multiple_of(8));
            if u32_at(&bytes, at + 24) & 2 == 0 {
                let here = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap());
                if here == position {
                    let brace = body + len - 1;
                    assert_eq!(bytes[brace], b'}');
                    bytes[brace - 1] = if bytes[brace - 1] == b'1' { b'2' } else { b'1' };
                    edited = true;
                }
                let content = blake3::hash(&bytes[body + 48..body + len]);
                let mut hasher = blake3::Hasher::new();
                hasher.update(&chain).update(content.as_bytes()).update(&here.to_le_bytes());
                hasher.update(&bytes[body + 40..body + 48]).update(&bytes[body + 32..body + 40]);
                chain = *hasher.finalize().as_bytes();
                bytes[body..body + 32].copy_from_slice(&chain);
                let crc = crc32c::crc32c(&bytes[body..end]);
                bytes[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
            }
            put_crc(&mut bytes, (at, at + 28), salt);
            at = end;
        }
        fs::write(&file, bytes).unwrap();
        for derived in ["nxidx", "nxtree"] {
            let _ = fs::remove_file(file.with_extension(derived));
        }
    }
    assert!(edited, "position {position} was not found");
    // Indexes and the tree are rebuilt, and every head is signed again with the same key, by the program itself.
    let heads = dir.join("log/heads.nxheads");
    let bytes = fs::read(&heads).unwrap();
    fs::write(&heads, &bytes[..64 + 192]).unwrap();
    let store = open(dir);
    let _tree = store.history_tree().unwrap();
    store.close();
}

fn against(dir: &Path, heads: &[SignedTreeHead]) -> Verification {
    verify_with(&FileStorage, dir, VerifyOptions { against: heads, progress: None }).unwrap()
}

/// A closed log of several segments, and the heads somebody kept: at 100, 500 and the end.
async fn kept_heads() -> (TempDir, Vec<SignedTreeHead>) {
    let dir = scratch();
    let store = open(dir.path());
    let tree = store.history_tree().unwrap();
    let mut heads = Vec::new();
    while store_head(&store) < 1200 {
        add(&store, &format!("order-{}", store_head(&store) % 9), 4).await;
        if [100, 500, 1200].contains(&store_head(&store)) {
            heads.push(tree.head(None).await.unwrap());
        }
    }
    assert_eq!(heads.len(), 3);
    store.close();
    (dir, heads)
}

fn store_head(store: &nexus_log::LogEventStore) -> u64 {
    nexus_core::ports::EventStore::head(store).get()
}

#[tokio::test]
async fn a_log_that_was_edited_and_hashed_and_signed_again_is_told_by_a_head_kept_elsewhere() {
    let (dir, heads) = kept_heads().await;
    let before = read_all(&open(dir.path())).await;
    let sound = against(dir.path(), &heads);
    assert!(sound.is_intact(), "{:?}", sound.damage);
    rewrite(dir.path(), 321);
    let after = read_all(&open(dir.path())).await;
    let differing: Vec<u64> =
        before.iter().zip(&after).filter(|(a, b)| a.payload != b.payload).map(|(a, _)| a.position.get()).collect();
    assert_eq!(differing, [321], "the edit is one payload");
    let alone = verify(dir.path()).unwrap();
    assert!(alone.is_intact(), "the log fits together again: {:?}", alone.damage);
    assert!(alone.heads >= 4, "and its heads are signed: {}", alone.heads);
    // The head at 100 still holds, so the edit lies behind it; those at 500 and at the end do not.
    let found = against(dir.path(), &heads);
    assert_eq!(found.damage.len(), 2, "{:?}", found.damage);
    assert_eq!(found.damage[0].position, 101);
    assert!(found.damage[0].reason.contains("from position 101 to 500"), "{}", found.damage[0].reason);
    let last_only = against(dir.path(), &heads[2..]);
    assert!(last_only.damage[0].reason.contains("from position 1 to 1200"), "{:?}", last_only.damage);
}

#[tokio::test]
async fn a_log_that_was_cut_back_is_told_by_a_head_kept_elsewhere() {
    let (dir, heads) = kept_heads().await;
    let segments = segment_files(dir.path());
    for file in &segments[2..] {
        fs::remove_file(file).unwrap();
        let _ = fs::remove_file(file.with_extension("nxidx"));
        let _ = fs::remove_file(file.with_extension("nxtree"));
    }
    let path = dir.path().join("log/heads.nxheads");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..64 + 2 * 192]).unwrap();
    assert!(verify(dir.path()).unwrap().is_intact());
    let found = against(dir.path(), &heads);
    let reason = &found.damage.last().unwrap().reason;
    assert!(reason.contains("1200 events was signed, but the log ends at"), "{reason}");
}

#[tokio::test]
async fn a_saved_head_with_another_root_is_told() {
    let (dir, _) = kept_heads().await;
    let path = dir.path().join("log/heads.nxheads");
    let mut bytes = fs::read(&path).unwrap();
    // The first head: flip a bit of its root and forge the checksum of the record.
    let record = 64 + 192;
    bytes[record + 16] ^= 1;
    put_crc(&mut bytes, (record, record + 188), 0);
    fs::write(&path, bytes).unwrap();
    let found = verify(dir.path()).unwrap();
    let reasons: Vec<&str> = found.damage.iter().map(|damage| damage.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("signature"), "{reasons:?}");
    assert!(reasons[1].contains("is not what the saved head"), "{reasons:?}");
    assert!(found.damage.iter().all(|damage| damage.offset == record as u64), "{:?}", found.damage);
}

#[tokio::test]
async fn a_damaged_head_that_is_not_the_last_one_is_told_with_its_place() {
    let (dir, _) = kept_heads().await;
    let path = dir.path().join("log/heads.nxheads");
    let good = fs::read(&path).unwrap();
    for index in (0..48).chain(60..good.len() - 192).step_by(11) {
        let mut bytes = good.clone();
        bytes[index] ^= 1;
        fs::write(&path, bytes).unwrap();
        let found = verify(dir.path()).unwrap();
        assert_eq!(found.damage.len(), 1, "byte {index}: {:?}", found.damage);
        assert!(found.damage[0].offset <= index as u64, "byte {index}: {:?}", found.damage);
        assert!(open(dir.path()).history_tree().is_err(), "byte {index}");
    }
}

#[tokio::test]
async fn a_head_of_another_log_or_key_is_not_taken_for_one_of_this() {
    let (dir, heads) = kept_heads().await;
    let (_other, foreign) = kept_heads().await;
    let found = against(dir.path(), &foreign[..1]);
    assert!(found.damage[0].reason.contains("the head given is of the log"), "{:?}", found.damage);
    let renamed = SignedTreeHead { key_id: foreign[0].key_id, ..heads[0] };
    let found = against(dir.path(), &[renamed]);
    assert!(found.damage[0].reason.contains("which this log does not have"), "{:?}", found.damage);
    let mut forged = heads[0];
    forged.head.hash = Digest::from_bytes([7; 32]);
    let found = against(dir.path(), &[forged]);
    assert!(found.damage[0].reason.contains("signature"), "{:?}", found.damage);
}

#[tokio::test]
async fn a_flipped_bit_in_a_tree_file_is_told_and_never_proves_anything_wrong() {
    let (dir, heads) = kept_heads().await;
    let file = segment_files(dir.path())[1].with_extension("nxtree");
    let good = fs::read(&file).unwrap();
    for index in (0..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[index] ^= 1 << (index % 8);
        fs::write(&file, bytes).unwrap();
        assert!(!verify(dir.path()).unwrap().is_intact(), "byte {index}");
        let store = open(dir.path());
        let tree = store.history_tree().unwrap();
        store.close();
        let now = tree.head(Some(nexus_core::Position::new(1200))).await.unwrap();
        assert_eq!(now.head.root, heads[2].head.root, "byte {index}");
        assert_eq!(fs::read(&file).unwrap(), good, "byte {index}: it is built anew");
    }
}

#[tokio::test]
async fn progress_is_told_and_ends_with_everything_read() {
    let (dir, _) = kept_heads().await;
    let seen = std::cell::RefCell::new(Vec::new());
    let tell = |progress: nexus_log::Progress| seen.borrow_mut().push(progress);
    verify_with(&FileStorage, dir.path(), VerifyOptions { against: &[], progress: Some(&tell) }).unwrap();
    let seen = seen.into_inner();
    assert!(seen.is_sorted_by_key(|progress| progress.bytes));
    let last = seen.last().unwrap();
    assert_eq!(last.bytes, last.total);
    assert!(last.total > 0);
}
