use std::sync::Arc;

use nexus_core::ports::ReadError;

use crate::{
    merkle::{BLOCK, Hash, leaf_hash},
    reader::{Records, damaged, load},
    segment::Segment,
    state::segment_of,
};

/// Bytes read from the log at once.
const REGION_BYTES: u64 = 1 << 20;

/// The chain hashes of the events at positions `from` to `to`, both included and durable.
pub(crate) fn chain_hashes(segments: &[Arc<Segment>], from: u64, to: u64) -> Result<Vec<Hash>, ReadError> {
    let mut hashes = Vec::with_capacity(usize::try_from((to + 1).saturating_sub(from)).unwrap_or(0));
    let mut next = from;
    while next <= to {
        let missing = || damaged(next, "it is not in the index");
        let segment = segments.get(segment_of(segments, next)).ok_or_else(missing)?;
        let ordinal = u32::try_from(next.saturating_sub(segment.first)).map_err(|_| missing())?;
        let count = usize::try_from(to - next + 1).unwrap_or(usize::MAX);
        let region = segment.index().forward(ordinal, count, REGION_BYTES)?;
        let region = region.ok_or_else(missing)?;
        let buffer = load(segment, &region)?;
        for record in Records::new(segment, &region, &buffer) {
            let (position, body) = record?;
            let hash = body.first_chunk::<32>().ok_or_else(|| damaged(position, "it has no chain hash"))?;
            hashes.push(*hash);
            next = position + 1;
        }
    }
    Ok(hashes)
}

/// The leaves of a block, as far as the log has them.
pub(crate) fn block_leaves(segments: &[Arc<Segment>], head: u64, block: u64) -> Result<Vec<Hash>, ReadError> {
    let (first, last) = (block * BLOCK + 1, ((block + 1) * BLOCK).min(head));
    Ok(chain_hashes(segments, first, last)?.iter().map(|hash| leaf_hash(hash)).collect())
}
