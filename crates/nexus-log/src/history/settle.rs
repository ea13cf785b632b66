//! Follows the log: for every segment that is full, keeps what is needed of the tree, and signs and saves its head.

use std::{
    io,
    sync::{Arc, mpsc::Receiver},
};

use nexus_core::ports::ReadError;

use super::{
    tree::Shared,
    tree_file::{blocks_of, read_tree, tree_image, write_tree},
};
use crate::{merkle::BLOCK, reader::damaged, segment::Segment, state::WriteState};

/// Events that may be added to the tree when the log is closed already: what a second is enough for.
const CLOSING_EVENTS: u64 = 1_000_000;

/// Why a segment was not settled. It is tried again after the next one.
#[derive(Debug, thiserror::Error)]
enum SettleError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("a file of the tree cannot be read or written: {0}")]
    Io(#[from] io::Error),
}

impl Shared {
    /// Settles the full segments now, and again whenever a segment was started, until the log is closed.
    pub(crate) fn follow(&self, rolled: &Receiver<()>) {
        let mut filed = self.load().unwrap_or_else(|error| {
            tracing::warn!(%error, "the files of the tree cannot be read; it is built from the log");
            0
        });
        let checked = self.check_saved();
        if let Err(error) = checked {
            tracing::error!(%error, "the log is not what was signed; nothing is signed or proved until it is verified");
            return;
        }
        loop {
            if let Err(error) = self.settle(&mut filed) {
                tracing::warn!(%error, "signing the head of a full log segment failed; it is tried again later");
            }
            if rolled.recv().is_err() {
                return;
            }
        }
    }

    /// Takes over what the tree files say, as far as they are there. Answers for how many segments.
    fn load(&self) -> io::Result<usize> {
        let segments = self.state.segments();
        let mut levels = self.levels();
        let mut filed = 0;
        for (segment, last) in sealed(&segments) {
            if levels.blocks() != blocks_of(segment.first, last).start {
                // Somebody asked for a proof meanwhile and the log was read instead.
                break;
            }
            let Some(roots) = read_tree(&*self.storage, segment, last)? else { break };
            for root in roots {
                levels.push(root);
            }
            filed += 1;
        }
        Ok(filed)
    }

    /// Compares the newest saved head with the log as it is now.
    fn check_saved(&self) -> Result<(), ReadError> {
        let Some(saved) = self.heads().heads().last().map(|signed| signed.head) else {
            return Ok(());
        };
        let size = saved.tree_size;
        let same = self.chain_hash(size)? == *saved.hash.as_bytes() && self.root(size)? == *saved.root.as_bytes();
        if same {
            return Ok(());
        }
        let error = damaged(size, "it or one before it is not what the saved tree head says");
        Err(self.broken.get_or_init(|| error).clone())
    }

    fn settle(&self, filed: &mut usize) -> Result<(), SettleError> {
        let segments = self.state.segments();
        for (place, (segment, last)) in sealed(&segments).enumerate() {
            let missing = last.saturating_sub(self.levels().blocks() * BLOCK);
            if missing > CLOSING_EVENTS && self.state.write_state() == WriteState::Closed {
                // The rest is made up when the log is opened again.
                return Ok(());
            }
            if place >= *filed {
                self.file(segment, last)?;
                *filed = place + 1;
            }
            if self.heads().last_size() < last {
                let signed = self.sign(last)?;
                self.heads().save(signed)?;
                tracing::debug!(position = last, "signed the head of a full log segment");
            }
        }
        Ok(())
    }

    /// Writes what is kept of the tree for one segment.
    fn file(&self, segment: &Segment, last: u64) -> Result<(), SettleError> {
        let mut levels = self.levels();
        self.catch_up(&mut levels, last)?;
        let roots = levels.block_roots(blocks_of(segment.first, last)).unwrap_or_default();
        let bytes = tree_image(segment.salt, (segment.first, last), roots);
        drop(levels);
        Ok(write_tree(&*self.storage, &self.log, segment, &bytes)?)
    }
}

/// The segments that are full, each with the position of its last event.
fn sealed(segments: &[Arc<Segment>]) -> impl Iterator<Item = (&Arc<Segment>, u64)> {
    segments.iter().zip(segments.iter().skip(1)).map(|(segment, next)| (segment, next.first - 1))
}
