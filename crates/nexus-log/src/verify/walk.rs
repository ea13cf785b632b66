//! Walks the frames of segments, and goes on behind damage.

use std::{collections::HashMap, path::Path};

use nexus_core::Digest;

use super::{
    derived::{check_index, check_tree},
    expected::ExpectedHeads,
    report::{Progress, Verification},
};
use crate::{
    error::{Damage, OpenError},
    format::{ALIGN, FrameHeader, Placement, RecordView, SEGMENT_HEADER},
    merkle::{BLOCK, Frontier, Hash, leaf_hash},
    recovery::{OpenedSegment, Tail, open_segment},
    scan::{End, Scanner, Step, remains},
    storage::Storage,
};

/// Bytes from one word about the progress to the next.
const PROGRESS_BYTES: u64 = 8 << 20;

/// Where a walk over frames ended.
struct Stop {
    /// Everything before is whole appends.
    complete: u64,
    /// What is here is no frame.
    offset: u64,
    /// The position that should be here.
    position: u64,
    why: End,
}

/// What an append without its end is forgotten back to.
struct Progressed {
    tail: Tail,
    events: u64,
    bytes: u64,
    tree: Option<Frontier>,
    blocks: (usize, Frontier),
}

/// Whom to tell how far it is, and how far it was when they were told last.
type Listener<'a> = (Option<&'a dyn Fn(Progress)>, Progress);

pub(super) struct Verifier<'a> {
    pub(super) found: Verification,
    pub(super) expected: ExpectedHeads,
    listener: Listener<'a>,
    /// Bytes of the segments before this one.
    before: u64,
    /// Where the log stands.
    pub(super) tail: Tail,
    /// The Merkle tree up to there; `None` once events are missing.
    pub(super) tree: Option<Frontier>,
    /// Roots of its complete blocks.
    blocks: Vec<Hash>,
    /// Leaves of the block that is not complete.
    block: Frontier,
    /// Whether the hash before the next event is known.
    chained: bool,
    /// Newest version of every stream, by a hash of its name; absent after damage that may have hidden events.
    versions: HashMap<u64, u64>,
    /// Events may be missing, so that a stream may begin anywhere.
    gaps: bool,
    /// The next frame stands behind damage that was reported.
    resumed: bool,
}

impl<'a> Verifier<'a> {
    pub(super) fn new(found: Verification, expected: ExpectedHeads, listener: Listener<'a>) -> Self {
        Self {
            found,
            expected,
            listener,
            before: 0,
            tail: Tail { head: 0, chain: [0; 32], last_time: i64::MIN, offset: 0 },
            tree: Some(Frontier::default()),
            blocks: Vec::new(),
            block: Frontier::default(),
            chained: true,
            versions: HashMap::new(),
            gaps: false,
            resumed: false,
        }
    }

    pub(super) fn segment(
        &mut self,
        storage: &dyn Storage,
        path: &Path,
        (first, next): (u64, Option<u64>),
    ) -> Result<(), OpenError> {
        let before = self.found.damage.len();
        let segment = match open_segment(storage, path.to_path_buf(), first, &self.tail) {
            Ok(segment) => segment,
            Err(OpenError::Corrupt(damage)) => {
                self.report(damage);
                // Without its header nothing in the segment can be told from garbage.
                self.skip_to(next.map_or(self.tail.head, |next| next - 1));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.frames(&segment, next)?;
        if next.is_some() && self.found.damage.len() == before {
            check_index(storage, &segment, &self.tail, &mut self.found)?;
            if self.tree.is_some() {
                check_tree(storage, &segment, self.tail.head, &self.blocks, &mut self.found)?;
            }
        }
        self.before += segment.file.len().map_err(OpenError::io("read", &segment.path))?;
        self.progress(self.before);
        Ok(())
    }

    /// Reads all frames of a segment, going on behind damage.
    fn frames(&mut self, segment: &OpenedSegment, next: Option<u64>) -> Result<(), OpenError> {
        let io = || OpenError::io("read", &segment.path);
        let mut from = SEGMENT_HEADER as u64;
        loop {
            let stop = self.run(segment, from).map_err(io())?;
            let behind = remains(&*segment.file, segment.salt, stop.complete).map_err(io())?;
            let missing = next.map_or_else(|| behind.proof.map(|(durable, _)| durable), |next| Some(next - 1));
            if missing.is_none_or(|durable| durable <= self.tail.head) {
                if let Some((_, last)) = behind.dirt {
                    self.found.torn_bytes += last + 1 - stop.complete;
                }
                return Ok(());
            }
            self.report(segment.damage(stop.offset, stop.position, stop.why.reason()));
            let resume = remains(&*segment.file, segment.salt, stop.offset + ALIGN as u64).map_err(io())?;
            match resume.first {
                Some(at) => {
                    from = at;
                    self.resumed = true;
                }
                None => {
                    self.skip_to(missing.unwrap_or(self.tail.head));
                    return Ok(());
                }
            }
        }
    }

    /// Checks frames from `from` on, until something is not a frame.
    fn run(&mut self, segment: &OpenedSegment, from: u64) -> std::io::Result<Stop> {
        let mut scanner = Scanner::new(&*segment.file, segment.salt, from);
        // An append counts once its last event is there.
        let mut unfinished: Option<(u64, Progressed)> = None;
        loop {
            match scanner.step()? {
                Step::End { offset, why } => {
                    let mut stop = Stop { complete: offset, offset, position: self.tail.head + 1, why };
                    if let Some((start, before)) = unfinished {
                        stop.complete = start;
                        self.go_back(before);
                    }
                    return Ok(stop);
                }
                Step::Frame { header, .. } if header.is_mark() => {}
                Step::Frame { offset, header, body } => {
                    if unfinished.is_none() && !header.is_last() {
                        unfinished = Some((offset, self.standing()));
                    }
                    self.event(segment, offset, &header, body);
                    if header.is_last() {
                        unfinished = None;
                    }
                }
            }
        }
    }

    fn event(&mut self, segment: &OpenedSegment, offset: u64, header: &FrameHeader, body: &[u8]) {
        let position = self.tail.head + 1;
        let resumed = std::mem::take(&mut self.resumed);
        if resumed || header.position != position {
            if !resumed {
                self.report(segment.damage(offset, position, format!("position {} is here", header.position)));
            }
            self.skip_to(header.position.saturating_sub(1));
        }
        let problem = match RecordView::parse(body) {
            Ok(view) => self.record(header.position, &view),
            Err(error) => {
                self.tree = None;
                Some(error.to_string())
            }
        };
        self.tail.head = header.position;
        match problem {
            Some(problem) => self.report(segment.damage(offset, header.position, problem)),
            None => {
                self.found.events += 1;
                self.found.bytes += header.frame_len() as u64;
            }
        }
        self.grow();
        self.progress(self.before + offset);
    }

    /// Adds the event that was just read to the tree, and compares it with the heads of that size.
    fn grow(&mut self) {
        let size = self.tail.head;
        if let Some(tree) = &mut self.tree {
            let leaf = leaf_hash(&self.tail.chain);
            tree.push(leaf);
            self.block.push(leaf);
            if size.is_multiple_of(BLOCK) {
                self.blocks.push(std::mem::take(&mut self.block).root());
            }
        }
        if self.expected.next_size().is_some_and(|next| next <= size) {
            let root = self.tree.as_ref().map(|tree| Digest::from_bytes(tree.root()));
            self.expected.reached(size, (root, Digest::from_bytes(self.tail.chain)), &mut self.found);
        }
    }

    fn progress(&mut self, bytes: u64) {
        let (Some(tell), last) = &mut self.listener else { return };
        if bytes >= last.bytes + PROGRESS_BYTES {
            last.bytes = bytes;
            tell(*last);
        }
    }

    /// Tells that everything was read.
    pub(super) fn done(&self) {
        if let (Some(tell), last) = self.listener {
            tell(Progress { bytes: last.total, ..last });
        }
    }

    fn standing(&self) -> Progressed {
        let (events, bytes) = (self.found.events, self.found.bytes);
        let blocks = (self.blocks.len(), self.block.clone());
        Progressed { tail: self.tail, events, bytes, tree: self.tree.clone(), blocks }
    }

    /// Forgets the events of an append that has no end.
    fn go_back(&mut self, to: Progressed) {
        self.tail = to.tail;
        (self.found.events, self.found.bytes) = (to.events, to.bytes);
        self.tree = to.tree;
        self.blocks.truncate(to.blocks.0);
        self.block = to.blocks.1;
    }

    /// What is wrong with a record, if something is.
    fn record(&mut self, position: u64, view: &RecordView<'_>) -> Option<String> {
        let placement = Placement { position, version: view.version, timestamp: view.timestamp };
        let chain = placement.chain(&self.tail.chain, &view.content_hash());
        let broken = self.chained && chain != view.hash;
        let backwards = view.timestamp < self.tail.last_time;
        self.tail.chain = view.hash;
        self.tail.last_time = view.timestamp;
        self.chained = true;
        let before = self.versions.insert(stream_hash(view.stream), view.version);
        let gaps = self.gaps;
        let expected = before.map_or(1, |version| version + 1);
        if broken {
            Some("the hash chain is broken here: this event or one before it was changed".to_owned())
        } else if backwards {
            Some("it was recorded before the event before it".to_owned())
        } else if view.version != expected && !gaps {
            Some(format!("it has version {} in its stream, which is at version {}", view.version, expected - 1))
        } else {
            view.problem().map(str::to_owned)
        }
    }

    /// Goes on after `position` when what lies before cannot be read.
    fn skip_to(&mut self, position: u64) {
        self.tail.head = self.tail.head.max(position);
        self.chained = false;
        self.gaps = true;
        self.tree = None;
    }

    fn report(&mut self, damage: Damage) {
        self.found.report(damage);
    }
}

fn stream_hash(stream: &[u8]) -> u64 {
    let hash = blake3::hash(stream);
    hash.as_bytes().first_chunk::<8>().copied().map_or(0, u64::from_le_bytes)
}
