//! The bytes of the file of saved heads; `docs/formats/tree-heads.md` is their reference.

use nexus_core::{
    Digest, Timestamp,
    ports::{SignedTreeHead, TreeHead},
};
use uuid::Uuid;

use crate::format::Reader;

pub(crate) const MAGIC: &[u8; 8] = b"NXHEADS\0";
pub(crate) const VERSION: u32 = 1;
/// Bytes of the header of the file.
pub(crate) const HEADER: usize = 64;
/// Bytes of a record.
pub(crate) const RECORD: usize = 192;
const KEY: u32 = 1;
const HEAD: u32 = 2;

/// A record of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// From here on heads are signed with this key.
    Key([u8; 32]),
    /// A head.
    Head(SignedTreeHead),
}

impl Record {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(RECORD);
        let kind = match self {
            Self::Key(_) => KEY,
            Self::Head(_) => HEAD,
        };
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        match self {
            Self::Key(public_key) => out.extend_from_slice(public_key),
            Self::Head(signed) => {
                out.extend_from_slice(&signed.head.tree_size.to_le_bytes());
                out.extend_from_slice(signed.head.root.as_bytes());
                out.extend_from_slice(signed.head.hash.as_bytes());
                out.extend_from_slice(&signed.head.timestamp.as_micros().to_le_bytes());
                out.extend_from_slice(signed.key_id.as_bytes());
                out.extend_from_slice(&signed.signature);
            }
        }
        seal(out, RECORD)
    }

    /// Reads a record; `None` when its checksum does not hold or it is of no known kind.
    pub(crate) fn decode(bytes: &[u8], log_id: Uuid) -> Option<Self> {
        let mut reader = Reader(unsealed(bytes, RECORD)?);
        let kind = reader.u32()?;
        reader.u32()?;
        match kind {
            KEY => Some(Self::Key(reader.array()?)),
            HEAD => {
                let head = TreeHead {
                    log_id,
                    tree_size: reader.u64()?,
                    root: Digest::from_bytes(reader.array()?),
                    hash: Digest::from_bytes(reader.array()?),
                    timestamp: Timestamp::from_micros(reader.i64()?)?,
                };
                let key_id = Digest::from_bytes(reader.array()?);
                Some(Self::Head(SignedTreeHead { head, key_id, signature: reader.array()? }))
            }
            _ => None,
        }
    }
}

/// The header of the file.
pub(crate) fn encode_header(log_id: Uuid) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(log_id.as_bytes());
    seal(out, HEADER)
}

/// Format version and log id out of a header; `None` when it is damaged.
pub(crate) fn decode_header(bytes: &[u8]) -> Option<(u32, Uuid)> {
    let mut reader = Reader(unsealed(bytes, HEADER)?);
    if reader.array()? != *MAGIC {
        return None;
    }
    let version = reader.u32()?;
    reader.u32()?;
    Some((version, Uuid::from_bytes(reader.array()?)))
}

/// Fills up with zeros and ends with a checksum.
fn seal(mut out: Vec<u8>, len: usize) -> Vec<u8> {
    out.resize(len - 4, 0);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

fn unsealed(bytes: &[u8], len: usize) -> Option<&[u8]> {
    let (content, crc) = bytes.get(..len)?.split_last_chunk::<4>()?;
    (crc32c::crc32c(content) == u32::from_le_bytes(*crc)).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_every_flipped_bit_is_noticed() {
        let log_id = Uuid::from_u128(7);
        let head = TreeHead {
            log_id,
            tree_size: 9,
            root: Digest::from_bytes([1; 32]),
            hash: Digest::from_bytes([2; 32]),
            timestamp: Timestamp::from_micros(1_700_000_000_000_001).unwrap(),
        };
        let signed = SignedTreeHead { head, key_id: Digest::from_bytes([3; 32]), signature: [4; 64] };
        for record in [Record::Key([5; 32]), Record::Head(signed)] {
            let bytes = record.encode();
            assert_eq!(bytes.len(), RECORD);
            assert_eq!(Record::decode(&bytes, log_id), Some(record));
            for index in 0..RECORD {
                let mut bad = bytes.clone();
                bad[index] ^= 1;
                assert_eq!(Record::decode(&bad, log_id), None, "byte {index}");
            }
        }
        assert_eq!(decode_header(&encode_header(log_id)), Some((VERSION, log_id)));
        assert_eq!(Record::decode(&[0; RECORD], log_id), None);
    }
}
