//! The log up to one moment as files to copy, while it is written to.

use std::{
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};

use nexus_core::{Digest, Position, ports::ReadError};

use crate::{
    format::{FRAME_HEADER, FrameHeader, SEGMENT_HEADER},
    reader::{locate, read_event},
    segment::{LOG_DIR, Segment, segment_path},
    state::{State, segment_of},
    storage::StorageFile,
};

/// Everything up to a position, which is the end of an append and durable. Holding it keeps nobody from writing.
///
/// What lies before the head never changes, so the files may be copied at any speed afterwards. The copies, put into
/// an empty directory under their paths, are a log that ends with [`position`](Self::position).
#[derive(Debug)]
pub struct LogPrefix {
    position: Position,
    hash: Digest,
    segments: Vec<PrefixSegment>,
}

/// One segment of a [`LogPrefix`].
pub struct PrefixSegment {
    path: PathBuf,
    file: Arc<dyn StorageFile>,
    /// Where the copy of the file ends.
    end: u64,
    /// What follows: a mark, so that damage to the end of a copy cannot be taken for a torn write.
    closing: Vec<u8>,
}

impl LogPrefix {
    /// The prefix up to the head of now.
    pub(crate) fn of(state: &State) -> Result<Self, ReadError> {
        // The head first: what the segments hold is at least as new.
        let head = state.head();
        let segments = state.segments();
        let last = segment_of(&segments, head);
        let (mut prefix, mut hash) = (Vec::with_capacity(last + 1), Digest::default());
        for (place, segment) in segments.iter().take(last + 1).enumerate() {
            let to = match segments.get(place + 1).filter(|_| place < last) {
                Some(next) => next.first - 1,
                None => head,
            };
            let end = end_of(segment, to)?;
            let mut closing = Vec::new();
            if place == last && head > 0 {
                closing = FrameHeader::mark(head).encode(segment.salt).to_vec();
                hash = hash_at(segment, head)?;
            }
            let path = segment_path(LOG_DIR.as_ref(), segment.first);
            prefix.push(PrefixSegment { path, file: Arc::clone(&segment.file), end, closing });
        }
        Ok(Self { position: Position::new(head), hash, segments: prefix })
    }

    /// Position of the last event in it.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Chain hash of that event; zeros when there is none.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The segments, oldest first.
    #[must_use]
    pub fn segments(&self) -> &[PrefixSegment] {
        &self.segments
    }
}

impl PrefixSegment {
    /// Where the copy belongs, from the directory of the log on: `log/0000000000000001.nxlog`.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Length of the copy in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.end + self.closing.len() as u64
    }

    /// Reads the copy from its beginning.
    #[must_use]
    pub fn reader(&self) -> impl Read + '_ {
        SegmentReader { segment: self, at: 0 }.take(self.end).chain(self.closing.as_slice())
    }
}

impl std::fmt::Debug for PrefixSegment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrefixSegment").field("path", &self.path).field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

struct SegmentReader<'a> {
    segment: &'a PrefixSegment,
    at: u64,
}

impl Read for SegmentReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let got = self.segment.file.read_at(buf, self.at)?;
        if got == 0 && !buf.is_empty() && self.at < self.segment.end {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a log segment is shorter than its events"));
        }
        self.at += got as u64;
        Ok(got)
    }
}

/// The offset after the event at `position`; after the header when the segment begins behind it.
fn end_of(segment: &Segment, position: u64) -> Result<u64, ReadError> {
    match position.checked_sub(segment.first) {
        None => Ok(SEGMENT_HEADER as u64),
        Some(ordinal) => Ok(locate(segment, narrow(ordinal)?)?.end),
    }
}

fn hash_at(segment: &Segment, position: u64) -> Result<Digest, ReadError> {
    let region = locate(segment, narrow(position.saturating_sub(segment.first))?)?;
    read_event(segment, &region).map(|event| event.hash)
}

fn narrow(ordinal: u64) -> Result<u32, ReadError> {
    u32::try_from(ordinal).map_err(|_| ReadError::Corrupt { reason: "a log segment has too many events".to_owned() })
}

const _: () = assert!(FRAME_HEADER == 32, "the closing mark is one frame header, as docs/formats/backup.md says");
