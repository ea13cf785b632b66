//! A frame: 32 bytes of header, a body, zeros up to a multiple of 8.

use super::reader::Reader;

/// Bytes of a frame header.
pub(crate) const FRAME_HEADER: usize = 32;
/// Every frame starts and ends at a multiple of this.
pub(crate) const ALIGN: usize = 8;
/// Flag: the last event of an append; without it the append is incomplete.
pub(crate) const LAST: u32 = 1;
/// Flag: no event, only the word that everything up to `durable` is durable.
pub(crate) const MARK: u32 = 2;

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// Bytes of the body, without padding.
    pub(crate) len: u32,
    /// CRC-32C over the body and its padding.
    pub(crate) crc: u32,
    /// Position of the event; of the last event before it for a mark.
    pub(crate) position: u64,
    /// Everything up to this position was durable when the frame was written.
    pub(crate) durable: u64,
    /// [`LAST`], [`MARK`].
    pub(crate) flags: u32,
}

/// `len` rounded up to [`ALIGN`].
pub(crate) const fn padded(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

impl FrameHeader {
    /// A mark that says `durable` is durable.
    pub(crate) fn mark(durable: u64) -> Self {
        Self { len: 0, crc: crc32c::crc32c(&[]), position: durable, durable, flags: LAST | MARK }
    }

    /// The header as bytes. `salt` ties it to its segment.
    pub(crate) fn encode(&self, salt: u32) -> [u8; FRAME_HEADER] {
        let mut bytes = [0; FRAME_HEADER];
        let fields = self
            .len
            .to_le_bytes()
            .into_iter()
            .chain(self.crc.to_le_bytes())
            .chain(self.position.to_le_bytes())
            .chain(self.durable.to_le_bytes())
            .chain(self.flags.to_le_bytes());
        for (to, from) in bytes.iter_mut().zip(fields) {
            *to = from;
        }
        if let Some((fields, crc)) = bytes.split_last_chunk_mut::<4>() {
            *crc = crc32c::crc32c_append(salt, fields).to_le_bytes();
        }
        bytes
    }

    /// Reads a header from the front of `bytes`; `None` when it is not one of this segment.
    pub(crate) fn decode(bytes: &[u8], salt: u32) -> Option<Self> {
        let bytes = bytes.first_chunk::<FRAME_HEADER>()?;
        let (fields, crc) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c_append(salt, fields) != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut reader = Reader(fields);
        Some(Self {
            len: reader.u32()?,
            crc: reader.u32()?,
            position: reader.u64()?,
            durable: reader.u64()?,
            flags: reader.u32()?,
        })
    }

    /// Bytes of the body with padding.
    pub(crate) fn body_len(&self) -> usize {
        padded(usize::try_from(self.len).unwrap_or(usize::MAX - ALIGN))
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_len(&self) -> usize {
        FRAME_HEADER.saturating_add(self.body_len())
    }

    /// The body out of `padded` bytes that follow the header; `None` when their checksum is wrong.
    pub(crate) fn body<'a>(&self, rest: &'a [u8]) -> Option<&'a [u8]> {
        let padded = rest.get(..self.body_len())?;
        if crc32c::crc32c(padded) != self.crc {
            return None;
        }
        padded.get(..usize::try_from(self.len).ok()?)
    }

    pub(crate) fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }

    pub(crate) fn is_mark(&self) -> bool {
        self.flags & MARK != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_header_comes_back_and_belongs_to_its_segment() {
        let header = FrameHeader { len: 13, crc: 5, position: 42, durable: 40, flags: LAST };
        let bytes = header.encode(7);
        assert_eq!(FrameHeader::decode(&bytes, 7), Some(header));
        assert_eq!(FrameHeader::decode(&bytes, 8), None);
        assert_eq!(header.frame_len(), 48);
    }

    #[test]
    fn zeros_are_not_a_frame() {
        for salt in [0, 1, u32::MAX, 0xdead_beef] {
            assert_eq!(FrameHeader::decode(&[0; FRAME_HEADER], salt), None);
        }
    }

    #[test]
    fn a_length_beyond_the_buffer_is_refused() {
        let header = FrameHeader { len: u32::MAX, crc: 0, position: 1, durable: 0, flags: LAST };
        assert_eq!(header.body(&[0; 64]), None);
    }
}
