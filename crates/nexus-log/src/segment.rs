//! One segment of the log as readers and the writer share it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    index::{MemoryIndex, SegmentIndex},
    storage::StorageFile,
};

/// The file whose lock a data directory is held by.
pub(crate) const LOCK_FILE: &str = "LOCK";
/// The directory of the segment files inside the data directory.
pub(crate) const LOG_DIR: &str = "log";
/// The file being prepared to become the next segment.
pub(crate) const NEXT_FILE: &str = "next.tmp";
/// The file being prepared to become an index.
pub(crate) const NEXT_INDEX: &str = "index.tmp";
const SUFFIX: &str = ".nxlog";

/// A segment: a file and the index over its durable events.
pub(crate) struct Segment {
    /// Position of the first event in it.
    pub(crate) first: u64,
    /// What ties frames to it.
    pub(crate) salt: u32,
    /// The file.
    pub(crate) file: Arc<dyn StorageFile>,
    /// Its path, for the operator.
    pub(crate) path: PathBuf,
    index: RwLock<SegmentIndex>,
}

impl Segment {
    pub(crate) fn new(first: u64, salt: u32, file: Arc<dyn StorageFile>, path: PathBuf, index: SegmentIndex) -> Self {
        Self { first, salt, file, path, index: RwLock::new(index) }
    }

    /// The index, for reading. It holds durable events only.
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, SegmentIndex> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what has become durable to the index of a segment that is not sealed.
    pub(crate) fn add(&self, fill: impl FnOnce(&mut MemoryIndex)) {
        if let SegmentIndex::Memory(index) = &mut *self.index_mut() {
            fill(index);
        }
    }

    /// Takes another index over the same events.
    pub(crate) fn replace_index(&self, index: SegmentIndex) {
        *self.index_mut() = index;
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, SegmentIndex> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path of the segment that begins with `first`.
pub(crate) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:016}{SUFFIX}"))
}

/// The path of the index of a sealed segment.
pub(crate) fn index_path(segment: &Path) -> PathBuf {
    segment.with_extension("nxidx")
}

/// The first position that a file name stands for.
pub(crate) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let plain = digits.len() >= 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}
