//! One segment of the log as readers and the writer share it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{index::MemoryIndex, storage::StorageFile};

/// The directory of the segment files inside the data directory.
pub(crate) const LOG_DIR: &str = "log";
/// The file being prepared to become the next segment.
pub(crate) const NEXT_FILE: &str = "next.tmp";
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
    index: RwLock<MemoryIndex>,
}

impl Segment {
    pub(crate) fn new(first: u64, salt: u32, file: Arc<dyn StorageFile>, path: PathBuf, index: MemoryIndex) -> Self {
        Self { first, salt, file, path, index: RwLock::new(index) }
    }

    /// The index, for reading. It holds durable events only.
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, MemoryIndex> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index, for adding what has become durable.
    pub(crate) fn index_mut(&self) -> RwLockWriteGuard<'_, MemoryIndex> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path of the segment that begins with `first`.
pub(crate) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:016}{SUFFIX}"))
}

/// The first position that a file name stands for.
pub(crate) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let plain = digits.len() >= 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}
