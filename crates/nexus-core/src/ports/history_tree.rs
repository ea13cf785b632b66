use uuid::Uuid;

use crate::{
    error::ErrorKind,
    event::Digest,
    name::Position,
    ports::{BoxFuture, ReadError},
    time::Timestamp,
};

/// Proves what the log holds to somebody who does not trust whoever keeps it.
///
/// The chain hashes of all events, in order of position, are the leaves of one Merkle tree, as RFC 9162 (Certificate
/// Transparency) describes it. A tree head names all events up to a position in 32 bytes; whoever keeps one can later be
/// shown that an event is under it, and that a later head still contains everything that was under it.
///
/// What every adapter must hold:
/// - two heads of the same size have the same root;
/// - every head it signed is consistent with every later one;
/// - it signs only what is durable;
/// - nothing of this delays an append.
pub trait HistoryTree: Send + Sync + 'static {
    /// The log and the key that signs its heads now.
    fn key(&self) -> LogKey;

    /// Signs the head over the events up to and including `at`, or over all durable events.
    fn head(&self, at: Option<Position>) -> BoxFuture<'_, Result<SignedTreeHead, ProofError>>;

    /// At most `limit` of the heads that were signed and saved as the log grew, smallest first, of a size above `after`.
    fn heads(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<SignedTreeHead>, ProofError>>;

    /// Proves that the event at `position` is in the tree of `tree_size` events.
    fn inclusion(&self, position: Position, tree_size: u64) -> BoxFuture<'_, Result<InclusionProof, ProofError>>;

    /// Proves that the tree of `from` events is a beginning of the tree of `to` events.
    fn consistency(&self, from: u64, to: u64) -> BoxFuture<'_, Result<ConsistencyProof, ProofError>>;
}

/// The identity of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    /// The log, made with it and never changed.
    pub log_id: Uuid,
    /// SHA-256 of the public key as a `SubjectPublicKeyInfo` (RFC 8410), which is how heads name their key.
    pub key_id: Digest,
    /// The Ed25519 public key.
    pub public_key: [u8; 32],
}

/// All events up to a position, in 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// The log.
    pub log_id: Uuid,
    /// How many events: the position of the last one.
    pub tree_size: u64,
    /// Root of the Merkle tree over their chain hashes.
    pub root: Digest,
    /// Chain hash of the last one; zeros when there is none.
    pub hash: Digest,
    /// When it was signed.
    pub timestamp: Timestamp,
}

/// A tree head that somebody vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedTreeHead {
    /// What is signed.
    pub head: TreeHead,
    /// The key it is signed with, as [`LogKey::key_id`].
    pub key_id: Digest,
    /// Ed25519 signature (RFC 8032).
    pub signature: [u8; 64],
}

/// The hashes that lead from one event to the root of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The event.
    pub position: Position,
    /// Its chain hash.
    pub hash: Digest,
    /// Number of events in the tree.
    pub tree_size: u64,
    /// The siblings, from the leaf to the root.
    pub path: Vec<Digest>,
}

/// The hashes that lead from the root of a tree to the root of a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Number of events in the earlier tree.
    pub from: u64,
    /// Number of events in the later tree.
    pub to: u64,
    /// The nodes, in the order of RFC 9162.
    pub path: Vec<Digest>,
}

/// Why nothing was proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The log has no such event or no tree of this size. Final until the log grows.
    #[error("`{name}` is {given}, it must lie between {low} and {high}")]
    OutOfRange {
        /// Which argument: `position`, `treeSize`, `from`, `to`, `at`.
        name: &'static str,
        /// What it was.
        given: u64,
        /// The smallest there is.
        low: u64,
        /// The largest there is now.
        high: u64,
    },
    /// The log could not be read, or is not what was signed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ProofError {
    /// The generic kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::OutOfRange { .. } => ErrorKind::Invalid,
            Self::Read(error) => error.kind(),
        }
    }
}
