//! Reads events out of segments. Every byte that is served has passed its checksum on the way.

use std::sync::Arc;

use bytes::Bytes;
use nexus_core::{RecordedEvent, StreamId, ports::ReadError};

use crate::{
    format::{FRAME_HEADER, FrameHeader, RecordView},
    index::Region,
    segment::Segment,
    state::segment_of,
};

/// Reads a region into memory.
pub(crate) fn load(segment: &Segment, region: &Region) -> Result<Bytes, ReadError> {
    let len = usize::try_from(region.end.saturating_sub(region.start)).unwrap_or(0);
    let mut buf = vec![0; len];
    segment.file.read_exact_at(&mut buf, region.start).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            damaged(segment.first + u64::from(region.first), "the segment ends before it")
        }
        kind => ReadError::Unavailable { reason: format!("reading the log failed: {kind}") },
    })?;
    Ok(Bytes::from(buf))
}

/// The records of a loaded region, oldest first, with their positions.
pub(crate) struct Records<'a> {
    rest: &'a [u8],
    salt: u32,
    position: u64,
    left: u32,
}

impl<'a> Records<'a> {
    pub(crate) fn new(segment: &Segment, region: &Region, bytes: &'a [u8]) -> Self {
        Self { rest: bytes, salt: segment.salt, position: segment.first + u64::from(region.first), left: region.count }
    }

    fn read(&mut self) -> Result<(u64, &'a [u8]), ReadError> {
        loop {
            let fail = |reason| Err(damaged(self.position, reason));
            let Some(header) = FrameHeader::decode(self.rest, self.salt) else {
                return fail("its frame header fails its checksum");
            };
            let body = self.rest.get(FRAME_HEADER..).and_then(|rest| header.body(rest));
            let Some(body) = body else {
                return fail("it fails its checksum");
            };
            self.rest = self.rest.get(header.frame_len()..).unwrap_or_default();
            if header.is_mark() {
                continue;
            }
            if header.position != self.position {
                return fail("another event is in its place");
            }
            self.position += 1;
            return Ok((header.position, body));
        }
    }
}

impl<'a> Iterator for Records<'a> {
    /// Position and body.
    type Item = Result<(u64, &'a [u8]), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let record = self.read();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

/// A record to look at.
pub(crate) fn view(position: u64, body: &[u8]) -> Result<RecordView<'_>, ReadError> {
    RecordView::parse(body).map_err(|error| damaged(position, error.0))
}

/// The event of a record that lies in `buffer`.
pub(crate) fn event(position: u64, view: RecordView<'_>, buffer: &Bytes) -> Result<RecordedEvent, ReadError> {
    view.to_event(position, buffer).map_err(|error| damaged(position, error.0))
}

/// Reads the one event of a region.
pub(crate) fn read_event(segment: &Segment, region: &Region) -> Result<RecordedEvent, ReadError> {
    let buffer = load(segment, region)?;
    let (position, body) = only(segment, region, &buffer)?;
    event(position, view(position, body)?, &buffer)
}

/// Stream and version of the event at a durable position.
pub(crate) fn read_place(segments: &[Arc<Segment>], position: u64) -> Result<(StreamId, u64), ReadError> {
    let missing = || damaged(position, "it is not in the index");
    let segment = segments.get(segment_of(segments, position)).ok_or_else(missing)?;
    let ordinal = u32::try_from(position.saturating_sub(segment.first)).map_err(|_| missing())?;
    let region = locate(segment, ordinal)?;
    let buffer = load(segment, &region)?;
    let (position, body) = only(segment, &region, &buffer)?;
    let view = view(position, body)?;
    let stream = view.stream_id().map_err(|error| damaged(position, error.0))?;
    Ok((stream, view.version))
}

/// The region of one event.
pub(crate) fn locate(segment: &Segment, ordinal: u32) -> Result<Region, ReadError> {
    let region = segment.index().forward(ordinal, 1, 0)?;
    region.ok_or_else(|| damaged(segment.first + u64::from(ordinal), "it is not in the index"))
}

fn only<'a>(segment: &Segment, region: &Region, buffer: &'a [u8]) -> Result<(u64, &'a [u8]), ReadError> {
    let missing = || damaged(segment.first + u64::from(region.first), "it is not in the index");
    Records::new(segment, region, buffer).next().ok_or_else(missing)?
}

/// The error for an event that is there but cannot be served.
pub(crate) fn damaged(position: u64, reason: &str) -> ReadError {
    ReadError::Corrupt { reason: format!("the event at position {position} cannot be read: {reason}") }
}
