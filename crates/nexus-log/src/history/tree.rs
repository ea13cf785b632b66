use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use nexus_core::{
    Digest, Position,
    ports::{
        BoxFuture, Clock, ConsistencyProof, HistoryTree, InclusionProof, LogKey, ProofError, ReadError, SignedTreeHead,
        TreeHead,
    },
};
use uuid::Uuid;

use super::{
    heads_file::{HEADS_FILE, HeadsFile},
    key::{LogSigner, key_id},
    key_file::open_key,
    leaves::{block_leaves, chain_hashes},
};
use crate::{
    error::{Damage, OpenError},
    merkle::{BLOCK, Hash, Levels, consistency_path, inclusion_path, range_root, root_of},
    query,
    reader::damaged,
    segment::{LOG_DIR, Segment},
    state::State,
    storage::Storage,
};

/// The Merkle tree over the log of a [`LogEventStore`](crate::LogEventStore), as a [`HistoryTree`].
///
/// Outlives the store it comes from: when that is closed, proofs go on and no more heads are saved.
#[derive(Clone)]
pub struct LogHistoryTree {
    shared: Arc<Shared>,
}

/// What the thread that follows the log and those that ask for proofs share.
pub(crate) struct Shared {
    pub(super) storage: Arc<dyn Storage>,
    /// The directory of the segments.
    pub(super) log: PathBuf,
    clock: Arc<dyn Clock>,
    pub(super) state: Arc<State>,
    signer: LogSigner,
    log_id: Uuid,
    heads: Mutex<HeadsFile>,
    levels: Mutex<Levels>,
    /// Set when the log turns out not to be what was signed: from then on nothing is signed or proved.
    pub(super) broken: OnceLock<ReadError>,
}

impl Shared {
    /// Opens key and heads of the log in `dir`, making what is missing.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        dir: &Path,
        clock: Arc<dyn Clock>,
        state: Arc<State>,
    ) -> Result<Self, OpenError> {
        let log = dir.join(LOG_DIR);
        let signer = open_key(&*storage, dir)?;
        let (heads, log_id) = HeadsFile::open(&*storage, &log, &signer)?;
        let (signed, head) = (heads.last_size(), state.head());
        if signed == 0 && state.segments().len() > 1 {
            // So it is with a log that was never signed, and with one whose heads were taken away.
            tracing::warn!(
                %log_id,
                "the log has full segments and no saved tree heads; if {HEADS_FILE} was removed, restore it from a \
                 backup, or compare the log with heads kept elsewhere: nexus verify --against FILE"
            );
        }
        if signed > head {
            let reason = format!("a tree head over {signed} events is saved, but the log ends at position {head}");
            let damage = Damage { file: log, offset: 0, position: head + 1, reason };
            return Err(OpenError::Corrupt(damage));
        }
        let (heads, levels) = (Mutex::new(heads), Mutex::default());
        Ok(Self { storage, log, clock, state, signer, log_id, heads, levels, broken: OnceLock::new() })
    }

    pub(super) fn heads(&self) -> MutexGuard<'_, HeadsFile> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn levels(&self) -> MutexGuard<'_, Levels> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings what is kept of the tree up to `size` leaves.
    pub(super) fn catch_up(&self, levels: &mut Levels, size: u64) -> Result<(), ReadError> {
        let segments = self.state.segments();
        while (levels.blocks() + 1) * BLOCK <= size {
            let leaves = block_leaves(&segments, size, levels.blocks())?;
            levels.push(root_of(&leaves));
        }
        Ok(())
    }

    /// Works on the tree of the first `size` events, which must be durable.
    fn on_tree<T>(&self, size: u64, work: impl FnOnce(&mut View<'_>) -> Result<T, ReadError>) -> Result<T, ReadError> {
        if let Some(broken) = self.broken.get() {
            return Err(broken.clone());
        }
        let mut levels = self.levels();
        self.catch_up(&mut levels, size)?;
        let segments = self.state.segments();
        work(&mut View { levels: &levels, segments: &segments, head: size, leaves: HashMap::new() })
    }

    /// The root of the tree of the first `size` events.
    pub(super) fn root(&self, size: u64) -> Result<Hash, ReadError> {
        self.on_tree(size, |view| range_root(0..size, &mut |range| view.complete(range)))
    }

    /// Signs the head over the first `size` events.
    pub(super) fn sign(&self, size: u64) -> Result<SignedTreeHead, ReadError> {
        let root = Digest::from_bytes(self.root(size)?);
        let hash = Digest::from_bytes(self.chain_hash(size)?);
        let head = TreeHead { log_id: self.log_id, tree_size: size, root, hash, timestamp: self.clock.now() };
        Ok(self.signer.sign(head))
    }

    /// The chain hash of the event at `position`; zeros before the first.
    pub(super) fn chain_hash(&self, position: u64) -> Result<Hash, ReadError> {
        if position == 0 {
            return Ok([0; 32]);
        }
        let hashes = chain_hashes(&self.state.segments(), position, position)?;
        hashes.first().copied().ok_or_else(|| damaged(position, "it is not in the index"))
    }

    fn inclusion(&self, position: u64, size: u64) -> Result<InclusionProof, ProofError> {
        within("treeSize", size, 1, self.state.head())?;
        within("position", position, 1, size)?;
        let path = self
            .on_tree(size, |view| inclusion_path(position - 1, size, &mut |range| view.complete(range)))?
            .into_iter();
        Ok(InclusionProof {
            position: Position::new(position),
            hash: Digest::from_bytes(self.chain_hash(position)?),
            tree_size: size,
            path: path.map(Digest::from_bytes).collect(),
        })
    }

    fn consistency(&self, from: u64, to: u64) -> Result<ConsistencyProof, ProofError> {
        within("to", to, 0, self.state.head())?;
        within("from", from, 0, to)?;
        let path = self.on_tree(to, |view| consistency_path(from, to, &mut |range| view.complete(range)))?;
        Ok(ConsistencyProof { from, to, path: path.into_iter().map(Digest::from_bytes).collect() })
    }
}

fn within(name: &'static str, given: u64, low: u64, high: u64) -> Result<(), ProofError> {
    if (low..=high).contains(&given) { Ok(()) } else { Err(ProofError::OutOfRange { name, given, low, high }) }
}

/// The tree of some number of events: what is kept of it, and the log for the rest.
struct View<'a> {
    levels: &'a Levels,
    segments: &'a [Arc<Segment>],
    head: u64,
    /// Blocks that were read.
    leaves: HashMap<u64, Vec<Hash>>,
}

impl View<'_> {
    /// The root of a complete subtree.
    fn complete(&mut self, range: Range<u64>) -> Result<Hash, ReadError> {
        let size = range.end - range.start;
        if size >= BLOCK {
            let root = self.levels.complete(&range);
            return root.ok_or_else(|| damaged(range.start + 1, "the tree does not reach it"));
        }
        let (block, start) = (range.start / BLOCK, range.start % BLOCK);
        let bounds = usize::try_from(start).unwrap_or(0)..usize::try_from(start + size).unwrap_or(0);
        let leaves = self.block(block)?.get(bounds);
        leaves.map(root_of).ok_or_else(|| damaged(range.start + 1, "it is not in the log"))
    }

    /// The leaves of a block, read once; they must be those the tree was built with.
    fn block(&mut self, block: u64) -> Result<&[Hash], ReadError> {
        let leaves = match self.leaves.remove(&block) {
            Some(leaves) => leaves,
            None => {
                let leaves = block_leaves(self.segments, self.head.max(self.whole(block)), block)?;
                let kept = self.levels.block_roots(block..block + 1).and_then(<[Hash]>::first);
                if kept.is_some_and(|kept| *kept != root_of(&leaves)) {
                    let reason = "it or one of its neighbours was changed after the tree was built";
                    return Err(damaged(block * BLOCK + 1, reason));
                }
                leaves
            }
        };
        Ok(self.leaves.entry(block).or_insert(leaves))
    }

    /// The end of a block if the tree is known to reach it, because a larger one was asked for before.
    fn whole(&self, block: u64) -> u64 {
        if block < self.levels.blocks() { (block + 1) * BLOCK } else { 0 }
    }
}

impl LogHistoryTree {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, ProofError> + Send + 'static,
    ) -> Result<T, ProofError> {
        let shared = Arc::clone(&self.shared);
        query::run(usize::MAX, move || work(&shared)).await
    }
}

impl std::fmt::Debug for LogHistoryTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogHistoryTree").field("log_id", &self.shared.log_id).finish_non_exhaustive()
    }
}

impl HistoryTree for LogHistoryTree {
    fn key(&self) -> LogKey {
        let public_key = self.shared.signer.public_key();
        LogKey { log_id: self.shared.log_id, key_id: key_id(&public_key), public_key }
    }

    fn head(&self, at: Option<Position>) -> BoxFuture<'_, Result<SignedTreeHead, ProofError>> {
        Box::pin(self.run(move |shared| {
            let head = shared.state.head();
            let size = at.map_or(head, Position::get);
            within("at", size, 0, head)?;
            Ok(shared.sign(size)?)
        }))
    }

    fn heads(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<SignedTreeHead>, ProofError>> {
        let heads = self.shared.heads();
        let newer = heads.heads().iter().filter(|signed| signed.head.tree_size > after);
        let page = newer.take(limit).copied().collect();
        Box::pin(std::future::ready(Ok(page)))
    }

    fn inclusion(&self, position: Position, tree_size: u64) -> BoxFuture<'_, Result<InclusionProof, ProofError>> {
        Box::pin(self.run(move |shared| shared.inclusion(position.get(), tree_size)))
    }

    fn consistency(&self, from: u64, to: u64) -> BoxFuture<'_, Result<ConsistencyProof, ProofError>> {
        Box::pin(self.run(move |shared| shared.consistency(from, to)))
    }
}
