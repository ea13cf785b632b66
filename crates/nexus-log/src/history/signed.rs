//! Checks for whoever has a key, heads and proofs, and no log.

use ed25519_dalek::{Signature, VerifyingKey};
use nexus_core::{
    Digest,
    ports::{ConsistencyProof, InclusionProof, SignedTreeHead, TreeHead},
};

use super::key::{key_id, signed_text};
use crate::merkle::{Hash, consistency_holds, inclusion_holds, leaf_hash};

/// Why something is not proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unproven {
    /// The head names another key than the one given.
    #[error("the head is signed with the key {found}, not with {expected}")]
    OtherKey {
        /// The key it names.
        found: Digest,
        /// The key given.
        expected: Digest,
    },
    /// The signature is not that of this head and key.
    #[error("the signature of the head does not hold: the head was changed, or another key signed it")]
    Signature,
    /// Two heads, or a head and a proof, are not of the same log.
    #[error("the heads are of different logs: {first} and {second}")]
    OtherLog {
        /// The log of the first.
        first: uuid::Uuid,
        /// The log of the second.
        second: uuid::Uuid,
    },
    /// The proof is for a tree of another size than the head.
    #[error("the proof is for a tree of {proof} events, the head for one of {head}")]
    OtherSize {
        /// The size the proof says.
        proof: u64,
        /// The size the head says.
        head: u64,
    },
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the root of the head: {what}")]
    Path {
        /// What was to be proved.
        what: String,
    },
}

/// Checks that `signed` was signed with `public_key`.
///
/// # Errors
/// [`Unproven`] says what does not hold.
pub fn check_head(signed: &SignedTreeHead, public_key: &[u8; 32]) -> Result<(), Unproven> {
    let expected = key_id(public_key);
    if signed.key_id != expected {
        return Err(Unproven::OtherKey { found: signed.key_id, expected });
    }
    let key = VerifyingKey::from_bytes(public_key).map_err(|_| Unproven::Signature)?;
    let signature = Signature::from_bytes(&signed.signature);
    key.verify_strict(signed_text(&signed.head).as_bytes(), &signature).map_err(|_| Unproven::Signature)
}

/// Checks that the event of `proof` is under `head`. Who signed the head is for [`check_head`].
///
/// # Errors
/// [`Unproven`] says what does not hold.
pub fn check_inclusion(proof: &InclusionProof, head: &TreeHead) -> Result<(), Unproven> {
    if proof.tree_size != head.tree_size {
        return Err(Unproven::OtherSize { proof: proof.tree_size, head: head.tree_size });
    }
    let leaf = leaf_hash(proof.hash.as_bytes());
    let place = proof.position.get().checked_sub(1).map(|index| (index, leaf));
    let holds = |place| inclusion_holds(place, proof.tree_size, &hashes(&proof.path), head.root.as_bytes());
    if place.is_some_and(holds) {
        return Ok(());
    }
    let what = format!("the event with hash {} at position {}", proof.hash, proof.position.get());
    Err(Unproven::Path { what })
}

/// Checks that everything under `from` is under `to`, unchanged and in the same place.
///
/// # Errors
/// [`Unproven`] says what does not hold.
pub fn check_consistency(proof: &ConsistencyProof, from: &TreeHead, to: &TreeHead) -> Result<(), Unproven> {
    if from.log_id != to.log_id {
        return Err(Unproven::OtherLog { first: from.log_id, second: to.log_id });
    }
    for (proof, head) in [(proof.from, from), (proof.to, to)] {
        if proof != head.tree_size {
            return Err(Unproven::OtherSize { proof, head: head.tree_size });
        }
    }
    let tree = |head: &TreeHead| (head.tree_size, *head.root.as_bytes());
    if consistency_holds(tree(from), tree(to), &hashes(&proof.path)) {
        return Ok(());
    }
    let what = format!("that the first {} of {} events are still the same", from.tree_size, to.tree_size);
    Err(Unproven::Path { what })
}

fn hashes(path: &[Digest]) -> Vec<Hash> {
    path.iter().map(|node| *node.as_bytes()).collect()
}
