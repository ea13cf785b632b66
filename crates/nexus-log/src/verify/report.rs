use nexus_core::{Digest, Position, ports::SignedTreeHead};
use uuid::Uuid;

use crate::error::Damage;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Number of segment files.
    pub segments: usize,
    /// Events that were read and are not damaged.
    pub events: u64,
    /// Bytes of their frames.
    pub bytes: u64,
    /// Position of the last event that was read.
    pub head: Position,
    /// Its chain hash: kept elsewhere, it proves later that nothing up to the head was changed.
    pub hash: Digest,
    /// Root of the Merkle tree over all events; `None` when events are missing.
    pub root: Option<Digest>,
    /// The log; `None` when no head of it was ever saved.
    pub log_id: Option<Uuid>,
    /// Saved heads and heads given that the log agrees with.
    pub heads: usize,
    /// Bytes behind the end of the last segment, and of the saved heads, that a crash tore off; opening drops them.
    pub torn_bytes: u64,
    /// Damaged places, in order, at most [`Verification::MAX_DAMAGE`].
    pub damage: Vec<Damage>,
}

impl Verification {
    /// Damaged places reported at most.
    pub const MAX_DAMAGE: usize = 100;

    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.damage.is_empty()
    }

    pub(super) fn new(segments: usize) -> Self {
        Self {
            segments,
            events: 0,
            bytes: 0,
            head: Position::START,
            hash: Digest::default(),
            root: None,
            log_id: None,
            heads: 0,
            torn_bytes: 0,
            damage: Vec::new(),
        }
    }

    pub(super) fn report(&mut self, damage: Damage) {
        if self.damage.len() < Self::MAX_DAMAGE {
            self.damage.push(damage);
        }
    }
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of segments behind it.
    pub bytes: u64,
    /// Bytes of all segments, room that was only prepared included.
    pub total: u64,
}

/// What a verification compares the log with, and whom it tells how far it is.
#[derive(Clone, Copy, Default)]
pub struct VerifyOptions<'a> {
    /// Heads that were kept elsewhere: what shows that a log was edited and hashed and signed again.
    pub against: &'a [SignedTreeHead],
    /// Told every few megabytes.
    pub progress: Option<&'a dyn Fn(Progress)>,
}

impl std::fmt::Debug for VerifyOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyOptions").field("against", &self.against).finish_non_exhaustive()
    }
}
