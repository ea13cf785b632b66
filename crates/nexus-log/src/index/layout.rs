//! The bytes of an index file; `docs/formats/log-index.md` is their reference.
//!
//! Offset table, event ids in order, places of stream events, streams in order, then what is kept in memory: filters,
//! aggregate types and the first key of every block. Blocks and the part kept in memory have checksums of their own; what
//! offsets and places lead to is checked against the event found there.

use crate::format::Reader;

pub(crate) const MAGIC: &[u8; 8] = b"NXIDX\0\0\0";
pub(crate) const VERSION: u32 = 1;
/// Bytes of the header.
pub(crate) const HEADER: usize = 8 + 4 + 4 + 8 + 4 + 4 + 32 + 8 + 16 + 16 + 8 * 6 + 4 + 4;
/// Event ids in a block.
pub(crate) const IDS: usize = 256;
/// Bytes of an event id and its ordinal.
pub(crate) const ID_ENTRY: usize = 16 + 4;
/// Streams in a block.
pub(crate) const STREAMS: usize = 64;
/// Bytes of the place of a stream's event: ordinal, start and end.
pub(crate) const PLACE: usize = 12;

/// What a segment came to when it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal {
    /// Position of its first event.
    pub(crate) first: u64,
    /// The salt of its frames.
    pub(crate) salt: u32,
    /// Chain hash of its last event.
    pub(crate) chain: [u8; 32],
    /// Time of its last event.
    pub(crate) last_time: i64,
}

/// The header of an index file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) seal: Seal,
    /// Number of events.
    pub(crate) count: u32,
    pub(crate) min_id: [u8; 16],
    pub(crate) max_id: [u8; 16],
    /// Where the sections begin, in the order they lie in the file.
    pub(crate) offsets_at: u64,
    pub(crate) ids_at: u64,
    pub(crate) places_at: u64,
    pub(crate) streams_at: u64,
    pub(crate) memory_at: u64,
    /// Length of the file.
    pub(crate) len: u64,
    /// Checksum of the part that is kept in memory.
    pub(crate) memory_crc: u32,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.seal.salt.to_le_bytes());
        out.extend_from_slice(&self.seal.first.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.seal.chain);
        out.extend_from_slice(&self.seal.last_time.to_le_bytes());
        out.extend_from_slice(&self.min_id);
        out.extend_from_slice(&self.max_id);
        for at in [self.offsets_at, self.ids_at, self.places_at, self.streams_at, self.memory_at, self.len] {
            out.extend_from_slice(&at.to_le_bytes());
        }
        out.extend_from_slice(&self.memory_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a header; `None` when it is damaged or of another version: the index is then built anew.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let content = checked(bytes)?;
        let mut reader = Reader(content);
        if reader.array()? != *MAGIC || reader.u32()? != VERSION {
            return None;
        }
        let salt = reader.u32()?;
        let first = reader.u64()?;
        let count = reader.u32()?;
        reader.u32()?;
        let (chain, last_time) = (reader.array()?, reader.i64()?);
        Some(Self {
            seal: Seal { first, salt, chain, last_time },
            count,
            min_id: reader.array()?,
            max_id: reader.array()?,
            offsets_at: reader.u64()?,
            ids_at: reader.u64()?,
            places_at: reader.u64()?,
            streams_at: reader.u64()?,
            memory_at: reader.u64()?,
            len: reader.u64()?,
            memory_crc: reader.u32()?,
        })
    }
}

/// The content of a block whose last four bytes are its checksum.
pub(crate) fn checked(block: &[u8]) -> Option<&[u8]> {
    let (content, crc) = block.split_last_chunk::<4>()?;
    (crc32c::crc32c(content) == u32::from_le_bytes(*crc)).then_some(content)
}

/// A stream in a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamEntry<'a> {
    pub(crate) name: &'a [u8],
    /// Which of the aggregate types.
    pub(crate) kind: u16,
    pub(crate) first_version: u64,
    pub(crate) count: u32,
    /// Index of its first place.
    pub(crate) place: u32,
    pub(crate) last_time: i64,
}

impl<'a> StreamEntry<'a> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&u16::try_from(self.name.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(self.name);
        out.extend_from_slice(&self.kind.to_le_bytes());
        out.extend_from_slice(&self.first_version.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.place.to_le_bytes());
        out.extend_from_slice(&self.last_time.to_le_bytes());
    }

    pub(crate) fn decode(reader: &mut Reader<'a>) -> Option<Self> {
        let len = usize::from(reader.u16()?);
        Some(Self {
            name: reader.bytes(len)?,
            kind: reader.u16()?,
            first_version: reader.u64()?,
            count: reader.u32()?,
            place: reader.u32()?,
            last_time: reader.i64()?,
        })
    }
}
