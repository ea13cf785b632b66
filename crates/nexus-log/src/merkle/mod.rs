//! The Merkle tree of RFC 9162 (section 2.1), which is that of RFC 6962, with SHA-256: hashes, proofs and their checks.
//!
//! Everything here is pure. Leaves are numbered from 0: the event at position `p` is leaf `p - 1`. SHA-256 rather than
//! the BLAKE3 of the chain, because it is what auditors have tools for.

mod check;
mod frontier;
mod hash;
mod levels;
mod path;
#[cfg(test)]
mod tests;

pub(crate) use check::{consistency_holds, inclusion_holds};
pub(crate) use frontier::Frontier;
pub(crate) use hash::{Hash, leaf_hash, root_of};
pub(crate) use levels::{BLOCK, Levels};
pub(crate) use path::{consistency_path, inclusion_path, range_root};
