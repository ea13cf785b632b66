//! Walks the frames of a segment from front to back, with one buffer.

use std::io;

use crate::{
    format::{ALIGN, FRAME_HEADER, FrameHeader},
    storage::StorageFile,
};

const CHUNK: usize = 1 << 20;

/// Reads frames one after the other.
pub(crate) struct Scanner<'a> {
    file: &'a dyn StorageFile,
    salt: u32,
    buf: Vec<u8>,
    /// Offset in the file of the first byte of `buf`.
    base: u64,
    /// Where the next frame begins in `buf`.
    at: usize,
}

/// What stands at the next place.
pub(crate) enum Step<'b> {
    /// A frame whose checksums hold.
    Frame {
        /// Where it begins.
        offset: u64,
        /// Its header.
        header: FrameHeader,
        /// Its body, empty for a mark.
        body: &'b [u8],
    },
    /// No frame.
    End {
        /// Where the next frame would begin.
        offset: u64,
        /// Why there is none.
        why: End,
    },
}

/// Why a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The rest of the file is too short for a frame.
    File,
    /// Zeros where a header would be.
    Zeros,
    /// Bytes that are no header of this segment.
    BadHeader,
    /// A header, but its body is cut off or fails its checksum.
    BadBody,
}

impl End {
    /// For a person.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::File => "the file ends here",
            Self::Zeros => "zeros instead of an event",
            Self::BadHeader => "the frame header fails its checksum",
            Self::BadBody => "the record fails its checksum",
        }
    }
}

impl<'a> Scanner<'a> {
    /// Starts at `offset`, which must be the beginning of a frame.
    pub(crate) fn new(file: &'a dyn StorageFile, salt: u32, offset: u64) -> Self {
        Self { file, salt, buf: Vec::new(), base: offset, at: 0 }
    }

    /// The next frame, or why there is none; after that the walk is over.
    pub(crate) fn step(&mut self) -> io::Result<Step<'_>> {
        let offset = self.base + self.at as u64;
        let end = |why| Ok(Step::End { offset, why });
        if !self.have(FRAME_HEADER)? {
            return end(End::File);
        }
        let Some(header) = FrameHeader::decode(self.rest(), self.salt) else {
            let zeros = self.rest().iter().take(FRAME_HEADER).all(|byte| *byte == 0);
            return end(if zeros { End::Zeros } else { End::BadHeader });
        };
        if !self.have(header.frame_len())? {
            return end(End::BadBody);
        }
        let start = self.at;
        let Some(rest) = self.buf.get(start + FRAME_HEADER..) else {
            return end(End::File);
        };
        let Some(body) = header.body(rest) else {
            return end(End::BadBody);
        };
        self.at += header.frame_len();
        Ok(Step::Frame { offset, header, body })
    }

    fn rest(&self) -> &[u8] {
        self.buf.get(self.at..).unwrap_or_default()
    }

    /// Whether `len` bytes from here on are in the buffer, after reading them if need be.
    fn have(&mut self, len: usize) -> io::Result<bool> {
        if self.rest().len() >= len {
            return Ok(true);
        }
        let left = self.file.len()?.saturating_sub(self.base + self.at as u64);
        if left < len as u64 {
            return Ok(false);
        }
        self.buf.drain(..self.at);
        self.base += self.at as u64;
        self.at = 0;
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK.max(len));
        let had = self.buf.len();
        self.buf.resize(want, 0);
        self.file.read_exact_at(self.buf.get_mut(had..).unwrap_or_default(), self.base + had as u64)?;
        Ok(true)
    }
}

/// What lies behind the end of a walk.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remains {
    /// The highest `durable` that a frame header there vouches for, and where that header is.
    pub(crate) proof: Option<(u64, u64)>,
    /// Where the first frame header is.
    pub(crate) first: Option<u64>,
    /// First and last byte that is not zero.
    pub(crate) dirt: Option<(u64, u64)>,
}

/// Looks at everything from `offset` to the end of the file: are there bytes, and are there headers of frames?
///
/// A header has its own checksum, seeded with the segment's salt, so that one that holds was written there.
pub(crate) fn remains(file: &dyn StorageFile, salt: u32, offset: u64) -> io::Result<Remains> {
    let mut found = Remains::default();
    let len = file.len()?;
    let mut base = offset;
    let mut buf = Vec::new();
    while base < len {
        // Chunks overlap by one header, so that none is missed at a seam.
        let want = usize::try_from(len - base).unwrap_or(usize::MAX).min(CHUNK + FRAME_HEADER);
        buf.clear();
        buf.resize(want, 0);
        file.read_exact_at(&mut buf, base)?;
        inspect(&buf, base, salt, &mut found);
        base += CHUNK as u64;
    }
    Ok(found)
}

fn inspect(buf: &[u8], base: u64, salt: u32, found: &mut Remains) {
    let Some(first) = buf.iter().position(|byte| *byte != 0) else {
        return;
    };
    let last = buf.iter().rposition(|byte| *byte != 0).unwrap_or(first);
    let (from, to) = (base + first as u64, base + last as u64);
    found.dirt = Some(found.dirt.map_or((from, to), |(start, _)| (start, to)));
    // A mark begins with eight zero bytes, so a header may begin before the first byte that is not zero.
    let start = first.saturating_sub(FRAME_HEADER).next_multiple_of(ALIGN);
    for at in (start..=last).step_by(ALIGN) {
        let Some(header) = buf.get(at..).and_then(|rest| FrameHeader::decode(rest, salt)) else {
            continue;
        };
        found.first.get_or_insert(base + at as u64);
        if found.proof.is_none_or(|(durable, _)| header.durable > durable) {
            found.proof = Some((header.durable, base + at as u64));
        }
    }
}
