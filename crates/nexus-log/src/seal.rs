//! Gives a sealed segment its index file, beside the writer.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
};

use crate::{
    index::{FileIndex, MemoryIndex, Seal, SegmentIndex, image},
    segment::{NEXT_INDEX, Segment, index_path},
    storage::{Storage, StorageFile},
};

/// Builds index files, one at a time, on a thread of its own.
///
/// When one cannot be written, the segment keeps its index in memory; opening the log again makes it up.
pub(crate) struct Sealer {
    storage: Arc<dyn Storage>,
    log: PathBuf,
    running: Option<JoinHandle<()>>,
}

impl Sealer {
    pub(crate) fn new(storage: Arc<dyn Storage>, log: PathBuf) -> Self {
        let running = None;
        Self { storage, log, running }
    }

    /// Begins to build the index of a segment; waits for the one before, which normally ended long ago.
    pub(crate) fn seal(&mut self, segment: Arc<Segment>, seal: Seal) {
        self.finish();
        let (storage, log) = (Arc::clone(&self.storage), self.log.clone());
        let thread = thread::Builder::new().name("nexus-log-index".to_owned());
        let spawned = thread.spawn(move || {
            if let Err(error) = seal_segment(&*storage, &log, &segment, seal) {
                tracing::warn!(%error, position = seal.first, "writing the index of a log segment failed");
            }
        });
        match spawned {
            Ok(running) => self.running = Some(running),
            Err(error) => tracing::warn!(%error, "starting the thread for a log index failed"),
        }
    }

    fn finish(&mut self) {
        if let Some(running) = self.running.take()
            && running.join().is_err()
        {
            tracing::error!("building a log index ended with a panic");
        }
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.finish();
    }
}

fn seal_segment(storage: &dyn Storage, log: &Path, segment: &Segment, seal: Seal) -> io::Result<()> {
    let bytes = match &*segment.index() {
        SegmentIndex::Memory(index) => image(index, seal),
        SegmentIndex::File(_) => return Ok(()),
    };
    if let Some(index) = write_index(storage, log, &segment.path, &bytes, seal)? {
        segment.replace_index(SegmentIndex::File(index));
    }
    Ok(())
}

/// Builds and writes the index of a segment that was read at opening.
pub(crate) fn index_segment(
    storage: &dyn Storage,
    log: &Path,
    segment: &Path,
    index: &MemoryIndex,
    seal: Seal,
) -> io::Result<Option<FileIndex>> {
    write_index(storage, log, segment, &image(index, seal), seal)
}

fn write_index(
    storage: &dyn Storage,
    log: &Path,
    segment: &Path,
    bytes: &[u8],
    seal: Seal,
) -> io::Result<Option<FileIndex>> {
    let (temporary, path) = (log.join(NEXT_INDEX), index_path(segment));
    let file: Arc<dyn StorageFile> = storage.create(&temporary)?;
    let written = file.write_all_at(bytes, 0).and_then(|()| file.sync_data());
    if let Err(error) = written {
        // Half an index is of no use; others may need the room.
        let _ = storage.remove(&temporary);
        return Err(error);
    }
    storage.rename(&temporary, &path)?;
    storage.sync_dir(log)?;
    FileIndex::open(file, seal.first, seal.salt)
}
