use std::ops::Range;

use super::hash::{Hash, root_of};

/// Leaves in a block.
pub(crate) const BLOCK: u64 = 256;
/// Levels of the tree from one level that is kept to the next.
const HEIGHT: u32 = BLOCK.trailing_zeros();

/// The nodes that are kept of a tree: of every eighth level, those that are complete. What lies between is computed from
/// at most 255 of them, so that all of it takes an eighth of a byte per leaf and no proof more than a few blocks.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    /// Roots of blocks, roots of 256 blocks, and so on.
    levels: Vec<Vec<Hash>>,
}

impl Levels {
    /// How many blocks are in it.
    pub(crate) fn blocks(&self) -> u64 {
        self.levels.first().map_or(0, |blocks| blocks.len() as u64)
    }

    /// Adds the root of the next block.
    pub(crate) fn push(&mut self, block: Hash) {
        let mut hash = block;
        for height in 0.. {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let Some(level) = self.levels.get_mut(height) else { return };
            level.push(hash);
            let full = (level.len() as u64).is_multiple_of(BLOCK);
            let Some(last) = level.rchunks(1 << HEIGHT).next().filter(|_| full) else { return };
            hash = root_of(last);
        }
    }

    /// The roots of the blocks in `range`; `None` when not all of them are there.
    pub(crate) fn block_roots(&self, range: Range<u64>) -> Option<&[Hash]> {
        self.levels.first()?.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }

    /// The root of a complete subtree of at least one block: the leaves in `range`, a power of two of them that begins at
    /// a multiple of their number. `None` when not all of it is there.
    pub(crate) fn complete(&self, range: &Range<u64>) -> Option<Hash> {
        let height = (range.end - range.start).trailing_zeros();
        let level = self.levels.get((height / HEIGHT).checked_sub(1)? as usize)?;
        let below = height / HEIGHT * HEIGHT;
        let (start, end) = (usize::try_from(range.start >> below).ok()?, usize::try_from(range.end >> below).ok()?);
        level.get(start..end).map(root_of)
    }
}
