//! Opens what a log left behind, however it ended.
//!
//! Only the last segment can be torn: a segment is made after everything before it is durable. In the last segment the
//! frames say how far the log was durable when they were written, which tells a torn write (nobody was promised it)
//! from corruption (somebody was). `docs/formats/log.md` gives the reasoning.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use nexus_core::Timestamp;

use crate::{
    error::{Damage, OpenError},
    format::{FRAME_HEADER, FrameHeader, HeaderError, SEGMENT_HEADER, SegmentHeader},
    index::{FileIndex, Seal, SegmentIndex},
    load::{Loaded, load_segment},
    scan::remains,
    seal::index_segment,
    segment::{LOG_DIR, NEXT_FILE, NEXT_INDEX, Segment, first_of, index_path, segment_path},
    storage::{Storage, StorageFile},
};

/// A log that is ready to be read and written.
pub(crate) struct Recovered {
    /// Oldest first, at least one.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) tail: Tail,
}

/// Where the log ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    /// Position of the last event.
    pub(crate) head: u64,
    /// Its chain hash.
    pub(crate) chain: [u8; 32],
    /// Its time in microseconds.
    pub(crate) last_time: i64,
    /// Offset in the last segment where the next frame goes.
    pub(crate) offset: u64,
}

/// Opens the segments in `dir`, making the first one when there is none.
pub(crate) fn recover(
    storage: &dyn Storage,
    dir: &Path,
    initial_bytes: u64,
    now: Timestamp,
) -> Result<Recovered, OpenError> {
    let log = dir.join(LOG_DIR);
    storage.create_dir(&log).map_err(OpenError::io("create", &log))?;
    for temporary in [NEXT_FILE, NEXT_INDEX].map(|name| log.join(name)) {
        storage.remove(&temporary).map_err(OpenError::io("remove", &temporary))?;
    }
    let mut firsts = segment_firsts(storage, &log)?;
    if firsts.is_empty() {
        create_first(storage, &log, initial_bytes, now)?;
        firsts.push(1);
    }
    let mut segments = Vec::with_capacity(firsts.len());
    let mut tail = Tail { head: 0, chain: [0; 32], last_time: i64::MIN, offset: 0 };
    let last = firsts.last().copied().unwrap_or(1);
    for first in firsts {
        let opened = open_segment(storage, segment_path(&log, first), first, &tail)?;
        let index;
        (tail, index) = if first == last {
            let loaded = load_segment(&opened)?;
            (settle(&opened, &loaded)?, SegmentIndex::Memory(loaded.index))
        } else {
            open_sealed(storage, &log, &opened)?
        };
        segments.push(Arc::new(opened.into_segment(index)));
    }
    Ok(Recovered { segments, tail })
}

/// First positions of the segments in `log`, in order.
pub(crate) fn segment_firsts(storage: &dyn Storage, log: &Path) -> Result<Vec<u64>, OpenError> {
    let names = storage.list(log).map_err(OpenError::io("list", log))?;
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| first_of(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

fn create_first(storage: &dyn Storage, log: &Path, bytes: u64, now: Timestamp) -> Result<(), OpenError> {
    let next = log.join(NEXT_FILE);
    let header = SegmentHeader { first_position: 1, chain: [0; 32], last_time: i64::MIN, created: now.as_micros() };
    let file = storage.create(&next).map_err(OpenError::io("create", &next))?;
    let zeros = vec![0; usize::try_from(bytes).unwrap_or(0).max(2 * SEGMENT_HEADER)];
    file.write_all_at(&zeros, 0).map_err(OpenError::io("write", &next))?;
    install(storage, log, &*file, &header).map_err(OpenError::io("create the first segment in", log))?;
    Ok(())
}

/// Turns `next.tmp` into the segment that `header` describes, durably. Answers its path and salt.
pub(crate) fn install(
    storage: &dyn Storage,
    log: &Path,
    file: &dyn StorageFile,
    header: &SegmentHeader,
) -> std::io::Result<(PathBuf, u32)> {
    let (block, salt) = header.encode();
    let path = segment_path(log, header.first_position);
    file.write_all_at(&block, 0)?;
    file.sync_data()?;
    storage.rename(&log.join(NEXT_FILE), &path)?;
    storage.sync_dir(log)?;
    Ok((path, salt))
}

/// A segment file whose header was read.
pub(crate) struct OpenedSegment {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) header: SegmentHeader,
    pub(crate) salt: u32,
}

impl OpenedSegment {
    /// The error for damage at `offset`.
    pub(crate) fn damage(&self, offset: u64, position: u64, reason: impl Into<String>) -> Damage {
        Damage { file: self.path.clone(), offset, position, reason: reason.into() }
    }

    fn into_segment(self, index: SegmentIndex) -> Segment {
        Segment::new(self.header.first_position, self.salt, self.file, self.path, index)
    }
}

/// Opens a segment file and checks that it continues the log at `before`.
pub(crate) fn open_segment(
    storage: &dyn Storage,
    path: PathBuf,
    first: u64,
    before: &Tail,
) -> Result<OpenedSegment, OpenError> {
    let file = storage.open(&path).map_err(OpenError::io("open", &path))?;
    let corrupt = |reason: &str| {
        OpenError::Corrupt(Damage {
            file: path.clone(),
            offset: 0,
            position: before.head + 1,
            reason: reason.to_owned(),
        })
    };
    let mut block = vec![0; SEGMENT_HEADER];
    match file.read_exact_at(&mut block, 0) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(corrupt("the file is too short to be a segment"));
        }
        other => other.map_err(OpenError::io("read", &path))?,
    }
    let (header, salt) = match SegmentHeader::decode(&block) {
        Ok(decoded) => decoded,
        Err(HeaderError::Newer(found)) => {
            return Err(OpenError::NewerFormat { file: path, found, supported: crate::format::FORMAT_VERSION });
        }
        Err(error @ HeaderError::Damaged) => return Err(corrupt(&error.to_string())),
    };
    if header.first_position != first {
        return Err(corrupt("the file name and the segment header disagree"));
    }
    if first != before.head + 1 {
        return Err(corrupt("a segment before it is missing or cut short"));
    }
    if header.chain != before.chain || (before.head > 0 && header.last_time != before.last_time) {
        return Err(corrupt("it does not continue the hash chain of the segment before it"));
    }
    Ok(OpenedSegment { path, file, header, salt })
}

/// The end and the index of a segment that another one follows.
///
/// When its index file is whole, only that is read: the segment's frames are checked when they are read or verified.
fn open_sealed(storage: &dyn Storage, log: &Path, segment: &OpenedSegment) -> Result<(Tail, SegmentIndex), OpenError> {
    if let Some(found) = find_index(storage, segment)? {
        return Ok(found);
    }
    let loaded = load_segment(segment)?;
    let tail = sealed(segment, &loaded)?;
    let seal =
        Seal { first: segment.header.first_position, salt: segment.salt, chain: tail.chain, last_time: tail.last_time };
    tracing::info!(position = seal.first, "building the index of a log segment anew");
    let written = index_segment(storage, log, &segment.path, &loaded.index, seal);
    let index = match written {
        Ok(Some(index)) => SegmentIndex::File(index),
        Ok(None) => SegmentIndex::Memory(loaded.index),
        Err(error) => {
            // Such as a full disk: the log opens all the same.
            tracing::warn!(%error, "writing the index of a log segment failed");
            SegmentIndex::Memory(loaded.index)
        }
    };
    Ok((tail, index))
}

/// The index file of a sealed segment, if it is there, whole and of this very segment.
fn find_index(storage: &dyn Storage, segment: &OpenedSegment) -> Result<Option<(Tail, SegmentIndex)>, OpenError> {
    let path = index_path(&segment.path);
    let file = match storage.open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(OpenError::io("open", &path)(source)),
    };
    let first = segment.header.first_position;
    let index = FileIndex::open(file, first, segment.salt).map_err(OpenError::io("read", &path))?;
    let Some(index) = index else { return Ok(None) };
    let Ok(end) = index.end() else { return Ok(None) };
    let len = segment.file.len().map_err(OpenError::io("read", &segment.path))?;
    if len < end {
        let reason = "the file is shorter than when it was sealed";
        return Err(OpenError::Corrupt(segment.damage(len, first, reason)));
    }
    let seal = index.seal();
    let tail =
        Tail { head: first + u64::from(index.count()) - 1, chain: seal.chain, last_time: seal.last_time, offset: end };
    Ok(Some((tail, SegmentIndex::File(index))))
}

/// The end of a segment that another one follows: every frame of it is durable and must be there.
fn sealed(segment: &OpenedSegment, loaded: &Loaded) -> Result<Tail, OpenError> {
    let behind = remains(&*segment.file, segment.salt, loaded.stop.0).map_err(OpenError::io("read", &segment.path))?;
    if loaded.incomplete() || behind.dirt.is_some() {
        let reason = loaded.stop.1.reason();
        return Err(OpenError::Corrupt(segment.damage(loaded.stop.0, loaded.seen + 1, reason)));
    }
    Ok(loaded.tail)
}

/// Brings the end of the last segment to a state that a second crash cannot change.
fn settle(segment: &OpenedSegment, loaded: &Loaded) -> Result<Tail, OpenError> {
    let file = &*segment.file;
    let mut tail = loaded.tail;
    let read = OpenError::io("read", &segment.path);
    let behind = remains(file, segment.salt, tail.offset).map_err(read)?;
    if let Some((durable, _)) = behind.proof
        && durable > tail.head
    {
        let reason = format!(
            "{}, and a later frame proves that everything up to position {durable} was acknowledged",
            loaded.stop.1.reason()
        );
        return Err(OpenError::Corrupt(segment.damage(loaded.stop.0, loaded.seen + 1, reason)));
    }
    if loaded.unproven.is_none() && behind.dirt.is_none() {
        return Ok(tail);
    }
    let write = || OpenError::io("write", &segment.path);
    if let Some((_, last)) = behind.dirt {
        tracing::warn!(
            file = %segment.path.display(), offset = tail.offset, position = tail.head + 1,
            "dropping an append that was torn by a crash before it was acknowledged"
        );
        erase(file, tail.offset, last + 1).map_err(write())?;
    }
    if let Some(start) = loaded.unproven {
        rewrite(file, start, tail.offset).map_err(write())?;
    }
    file.sync_data().map_err(OpenError::io("flush", &segment.path))?;
    if behind.dirt.is_none() && !loaded.unproven_events {
        // Only a mark was written once more; it needs no other.
        return Ok(tail);
    }
    let len = file.len().map_err(OpenError::io("read", &segment.path))?;
    if tail.head > 0 && tail.offset + FRAME_HEADER as u64 <= len {
        let mark = FrameHeader::mark(tail.head).encode(segment.salt);
        file.write_all_at(&mark, tail.offset).map_err(write())?;
        file.sync_data().map_err(OpenError::io("flush", &segment.path))?;
        tail.offset += FRAME_HEADER as u64;
    }
    Ok(tail)
}

const STEP: usize = 1 << 20;

fn erase(file: &dyn StorageFile, from: u64, to: u64) -> std::io::Result<()> {
    let zeros = vec![0; STEP];
    let mut at = from;
    while at < to {
        let len = usize::try_from(to - at).unwrap_or(STEP).min(STEP);
        file.write_all_at(zeros.get(..len).unwrap_or_default(), at)?;
        at += len as u64;
    }
    Ok(())
}

/// Writes what is there once more, so that the flush that follows really covers it: after a failed flush the system may
/// keep pages in memory that it takes for clean although the device never got them.
fn rewrite(file: &dyn StorageFile, from: u64, to: u64) -> std::io::Result<()> {
    let mut buf = vec![0; STEP];
    let mut at = from;
    while at < to {
        let len = usize::try_from(to - at).unwrap_or(STEP).min(STEP);
        let part = buf.get_mut(..len).unwrap_or_default();
        file.read_exact_at(part, at)?;
        file.write_all_at(part, at)?;
        at += len as u64;
    }
    Ok(())
}
