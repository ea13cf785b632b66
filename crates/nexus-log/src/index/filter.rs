//! A blocked Bloom filter: says "certainly not here" after looking at one cache line.
//!
//! Bloom 1970; blocked after Putze, Sanders and Singler 2007. About 1 % of absent keys are not recognised.

use nexus_core::{EventId, StreamId};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Bytes of a block: one cache line.
const BLOCK: usize = 64;
const BITS_PER_KEY: usize = 10;
/// Bits set per key.
const PROBES: u32 = 6;

/// A key with its hash, which is the same for every segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<T> {
    pub(crate) key: T,
    hash: (u64, u64),
}

impl<'a> Key<&'a StreamId> {
    pub(crate) fn stream(name: &'a StreamId) -> Self {
        let hash = hash(name.as_str().as_bytes());
        Self { key: name, hash }
    }
}

impl Key<EventId> {
    pub(crate) fn event(id: EventId) -> Self {
        let hash = hash(id.as_uuid().as_bytes());
        Self { key: id, hash }
    }
}

/// Part of the file format: must never change.
fn hash(bytes: &[u8]) -> (u64, u64) {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    let hash = hasher.finish128();
    (hash.h1, hash.h2)
}

/// The set of keys that may be in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter(Vec<u8>);

impl Filter {
    /// An empty filter made for so many keys.
    pub(crate) fn with_capacity(keys: usize) -> Self {
        Self(vec![0; (keys * BITS_PER_KEY).div_ceil(BLOCK * 8).max(1) * BLOCK])
    }

    /// A filter that was written earlier.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn insert<T>(&mut self, key: &Key<T>) {
        let range = self.block(key.hash.0);
        if let Some(block) = self.0.get_mut(range) {
            for bit in bits(key.hash.1) {
                if let Some(byte) = block.get_mut(bit / 8) {
                    *byte |= 1 << (bit % 8);
                }
            }
        }
    }

    /// Whether the key may be in the set; false is certain.
    pub(crate) fn may_contain<T>(&self, key: &Key<T>) -> bool {
        let Some(block) = self.0.get(self.block(key.hash.0)) else {
            return false;
        };
        bits(key.hash.1).all(|bit| block.get(bit / 8).is_some_and(|byte| byte & (1 << (bit % 8)) != 0))
    }

    fn block(&self, hash: u64) -> std::ops::Range<usize> {
        let blocks = (self.0.len() / BLOCK) as u64;
        // The high half of the product maps the hash evenly onto the blocks.
        let wide = u128::from(hash) * u128::from(blocks);
        let start = usize::try_from(wide >> 64).unwrap_or(0) * BLOCK;
        start..start + BLOCK
    }
}

/// Places of the bits of a key in its block, nine bits of the hash each.
fn bits(hash: u64) -> impl Iterator<Item = usize> {
    (0..PROBES).map(move |probe| usize::try_from((hash >> (probe * 9)) & 511).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u128) -> Key<EventId> {
        Key::event(EventId::from_uuid(uuid::Uuid::from_u128(number)))
    }

    #[test]
    fn what_was_inserted_is_found_and_little_else() {
        let mut filter = Filter::with_capacity(10_000);
        for number in 0..10_000 {
            filter.insert(&key(number));
        }
        let filter = Filter::from_bytes(filter.as_bytes());
        assert!((0..10_000).all(|number| filter.may_contain(&key(number))));
        let wrong = (10_000..110_000).filter(|number| filter.may_contain(&key(*number))).count();
        assert!(wrong < 2_000, "{wrong} of 100000 absent keys not recognised");
    }

    #[test]
    fn the_hash_is_part_of_the_format() {
        // By an independent implementation of SipHash-1-3 with 128 bits and a key of zeros.
        assert_eq!(hash(b"order-1"), (0xb0a4_9254_2f53_b35f, 0xbe2e_4e2a_eff1_2d0e));
    }
}
