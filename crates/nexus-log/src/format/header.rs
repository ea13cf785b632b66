//! The first block of a segment file.

use super::reader::Reader;

/// Bytes before the first frame: one whole block, so that no later write touches it.
pub(crate) const SEGMENT_HEADER: usize = 4096;
/// The format this program writes, and the newest it reads.
pub(crate) const FORMAT_VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"NXLOG\0\0\0";
const USED: usize = 8 + 4 + 4 + 8 + 32 + 8 + 8;

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Position of the first event in it.
    pub(crate) first_position: u64,
    /// Chain hash of the event before it; zeros before the first event of all.
    pub(crate) chain: [u8; 32],
    /// Time of the event before it, in microseconds.
    pub(crate) last_time: i64,
    /// When it was made, in microseconds.
    pub(crate) created: i64,
}

/// Why a block is not a segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("the segment header is damaged")]
    Damaged,
    #[error("format version {0} is newer than this program")]
    Newer(u32),
}

impl SegmentHeader {
    /// The block, and the salt that ties frames to this segment.
    pub(crate) fn encode(&self) -> (Vec<u8>, u32) {
        let mut block = Vec::with_capacity(SEGMENT_HEADER);
        block.extend_from_slice(MAGIC);
        block.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        block.extend_from_slice(&[0; 4]);
        block.extend_from_slice(&self.first_position.to_le_bytes());
        block.extend_from_slice(&self.chain);
        block.extend_from_slice(&self.last_time.to_le_bytes());
        block.extend_from_slice(&self.created.to_le_bytes());
        block.resize(SEGMENT_HEADER - 4, 0);
        let crc = crc32c::crc32c(&block);
        block.extend_from_slice(&crc.to_le_bytes());
        (block, crc)
    }

    /// Reads a block; answers the header and the salt.
    pub(crate) fn decode(block: &[u8]) -> Result<(Self, u32), HeaderError> {
        Self::parse(block).ok_or(HeaderError::Damaged)?
    }

    fn parse(block: &[u8]) -> Option<Result<(Self, u32), HeaderError>> {
        let (content, crc) = block.split_last_chunk::<4>()?;
        let crc = u32::from_le_bytes(*crc);
        let mut reader = Reader(block);
        if block.len() != SEGMENT_HEADER || reader.array()? != *MAGIC || crc32c::crc32c(content) != crc {
            return None;
        }
        // The version is trusted only under the checksum, which every version keeps at this place.
        let version = reader.u32()?;
        if version > FORMAT_VERSION {
            return Some(Err(HeaderError::Newer(version)));
        }
        if version == 0 {
            return None;
        }
        reader.u32()?;
        let header = Self {
            first_position: reader.u64()?,
            chain: reader.array()?,
            last_time: reader.i64()?,
            created: reader.i64()?,
        };
        Some(Ok((header, crc)))
    }
}

const _: () = assert!(USED <= SEGMENT_HEADER - 4, "the header fits its block");

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader { first_position: 77, chain: [9; 32], last_time: -5, created: 1_700_000_000_000_000 }
    }

    #[test]
    fn a_header_comes_back_as_written() {
        let (block, salt) = header().encode();
        assert_eq!(block.len(), SEGMENT_HEADER);
        assert_eq!(SegmentHeader::decode(&block), Ok((header(), salt)));
    }

    #[test]
    fn every_flipped_bit_in_a_header_is_noticed() {
        let (block, _) = header().encode();
        for index in 0..block.len() {
            let mut bad = block.clone();
            bad[index] ^= 1;
            assert_eq!(SegmentHeader::decode(&bad), Err(HeaderError::Damaged), "byte {index}");
        }
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage() {
        let (mut block, _) = header().encode();
        block[8..12].copy_from_slice(&2_u32.to_le_bytes());
        let crc = crc32c::crc32c(&block[..SEGMENT_HEADER - 4]);
        block[SEGMENT_HEADER - 4..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&block), Err(HeaderError::Newer(2)));
    }
}
