//! What is kept of the tree beside each sealed segment; only repeats what the log says, and can be built anew.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    format::Reader,
    merkle::{BLOCK, Hash},
    segment::Segment,
    storage::{Storage, StorageFile},
};

const MAGIC: &[u8; 8] = b"NXTREE\0\0";
const VERSION: u32 = 1;
const NEXT_TREE: &str = "tree.tmp";

/// The path of the tree file of a sealed segment.
pub(crate) fn tree_path(segment: &Path) -> PathBuf {
    segment.with_extension("nxtree")
}

/// The blocks whose last leaf is in the segment of positions `first` to `last`.
pub(crate) fn blocks_of(first: u64, last: u64) -> std::ops::Range<u64> {
    first.saturating_sub(1) / BLOCK..last / BLOCK
}

/// The bytes of the tree file of the segment with this salt, which holds positions `first` to `last`.
pub(crate) fn tree_image(salt: u32, (first, last): (u64, u64), roots: &[Hash]) -> Vec<u8> {
    let mut out = Vec::with_capacity(36 + roots.len() * 32);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&salt.to_le_bytes());
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&last.to_le_bytes());
    out.extend_from_slice(roots.as_flattened());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// Reads the roots in the tree file of a segment; `None` when it is missing, damaged or of another segment.
pub(crate) fn read_tree(storage: &dyn Storage, segment: &Segment, last: u64) -> io::Result<Option<Vec<Hash>>> {
    let file = match storage.open(&tree_path(&segment.path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let blocks = blocks_of(segment.first, last);
    let len = tree_image(0, (0, 0), &[]).len() as u64 + (blocks.end - blocks.start) * 32;
    if file.len()? != len {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(parse(&bytes, segment.salt, (segment.first, last)))
}

fn parse(bytes: &[u8], salt: u32, (first, last): (u64, u64)) -> Option<Vec<Hash>> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut reader = Reader(content);
    let known = reader.array()? == *MAGIC && reader.u32()? == VERSION && reader.u32()? == salt;
    if !known || reader.u64()? != first || reader.u64()? != last {
        return None;
    }
    let (roots, _) = reader.0.as_chunks::<32>();
    Some(roots.to_vec())
}

/// Writes the tree file of a segment, whole or not at all.
pub(crate) fn write_tree(storage: &dyn Storage, log: &Path, segment: &Segment, bytes: &[u8]) -> io::Result<()> {
    let temporary = log.join(NEXT_TREE);
    let file: Arc<dyn StorageFile> = storage.create(&temporary)?;
    let written = file.write_all_at(bytes, 0).and_then(|()| file.sync_data());
    if let Err(error) = written {
        // Half a file is of no use; others may need the room.
        let _ = storage.remove(&temporary);
        return Err(error);
    }
    storage.rename(&temporary, &tree_path(&segment.path))?;
    storage.sync_dir(log)
}
