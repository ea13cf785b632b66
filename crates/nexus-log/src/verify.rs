//! Reads a whole log and checks everything it says about itself.

use std::{collections::HashMap, path::Path};

use nexus_core::{Digest, Position};

use crate::{
    error::{Damage, OpenError},
    format::{ALIGN, FrameHeader, Placement, RecordView, SEGMENT_HEADER},
    index::{Seal, image},
    load::load_segment,
    recovery::{OpenedSegment, Tail, open_segment, segment_firsts},
    scan::{End, Scanner, Step, remains},
    segment::{LOCK_FILE, LOG_DIR, index_path, segment_path},
    storage::{FileStorage, Storage},
};

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
    /// Bytes behind the end of the last segment that a crash tore off; opening the log drops them.
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
}

/// Verifies the log in the data directory `dir` and changes nothing: checksums, positions, versions, times, the hash
/// chain, and that every index file says what its segment says. The log must not be open.
///
/// # Errors
/// [`OpenError`] when the log cannot be read at all, is open elsewhere, or is of a newer format. Damage is not an error
/// here; it is in the result.
pub fn verify(dir: impl AsRef<Path>) -> Result<Verification, OpenError> {
    verify_on(&FileStorage, dir.as_ref())
}

/// [`verify`] on another [`Storage`].
///
/// # Errors
/// As [`verify`].
pub fn verify_on(storage: &dyn Storage, dir: &Path) -> Result<Verification, OpenError> {
    let log = dir.join(LOG_DIR);
    let firsts = segment_firsts(storage, &log)?;
    let lock_path = dir.join(LOCK_FILE);
    let lock = storage.lock(&lock_path).map_err(OpenError::io("lock", &lock_path))?;
    let _lock = lock.ok_or_else(|| OpenError::Locked { dir: dir.to_path_buf() })?;
    let mut verifier = Verifier::new(firsts.len());
    for (place, first) in firsts.iter().enumerate() {
        let next = firsts.get(place + 1).copied();
        verifier.segment(storage, segment_path(&log, *first).as_path(), (*first, next))?;
    }
    let mut found = verifier.found;
    found.head = Position::new(verifier.tail.head);
    found.hash = Digest::from_bytes(verifier.tail.chain);
    Ok(found)
}

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

struct Verifier {
    found: Verification,
    /// Where the log stands.
    tail: Tail,
    /// Whether the hash before the next event is known.
    chained: bool,
    /// Newest version of every stream, by a hash of its name; absent after damage that may have hidden events.
    versions: HashMap<u64, u64>,
    /// Events may be missing, so that a stream may begin anywhere.
    gaps: bool,
    /// The next frame stands behind damage that was reported.
    resumed: bool,
}

impl Verifier {
    fn new(segments: usize) -> Self {
        let found = Verification {
            segments,
            events: 0,
            bytes: 0,
            head: Position::START,
            hash: Digest::default(),
            torn_bytes: 0,
            damage: Vec::new(),
        };
        let tail = Tail { head: 0, chain: [0; 32], last_time: i64::MIN, offset: 0 };
        Self { found, tail, chained: true, versions: HashMap::new(), gaps: false, resumed: false }
    }

    fn segment(
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
            self.index(storage, &segment)?;
        }
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
        let mut unfinished: Option<(u64, Tail, u64, u64)> = None;
        loop {
            match scanner.step()? {
                Step::End { offset, why } => {
                    let mut stop = Stop { complete: offset, offset, position: self.tail.head + 1, why };
                    if let Some((start, tail, events, bytes)) = unfinished {
                        stop.complete = start;
                        self.tail = tail;
                        (self.found.events, self.found.bytes) = (events, bytes);
                    }
                    return Ok(stop);
                }
                Step::Frame { header, .. } if header.is_mark() => {}
                Step::Frame { offset, header, body } => {
                    let now = (offset, self.tail, self.found.events, self.found.bytes);
                    self.event(segment, offset, &header, body);
                    if header.is_last() {
                        unfinished = None;
                    } else {
                        unfinished.get_or_insert(now);
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
            Err(error) => Some(error.to_string()),
        };
        self.tail.head = header.position;
        match problem {
            Some(problem) => self.report(segment.damage(offset, header.position, problem)),
            None => {
                self.found.events += 1;
                self.found.bytes += header.frame_len() as u64;
            }
        }
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
            None
        }
    }

    /// Goes on after `position` when what lies before cannot be read.
    fn skip_to(&mut self, position: u64) {
        self.tail.head = self.tail.head.max(position);
        self.chained = false;
        self.gaps = true;
    }

    /// Checks that the index file of a sound, sealed segment is what the segment gives.
    fn index(&mut self, storage: &dyn Storage, segment: &OpenedSegment) -> Result<(), OpenError> {
        let path = index_path(&segment.path);
        let file = match storage.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(OpenError::io("open", &path)(error)),
        };
        let loaded = load_segment(segment)?;
        let seal = Seal {
            first: segment.header.first_position,
            salt: segment.salt,
            chain: self.tail.chain,
            last_time: self.tail.last_time,
        };
        let wanted = image(&loaded.index, seal);
        let len = file.len().map_err(OpenError::io("read", &path))?;
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0).min(wanted.len() + 1)];
        file.read_exact_at(&mut bytes, 0).map_err(OpenError::io("read", &path))?;
        if bytes != wanted {
            let differs = bytes.iter().zip(&wanted).take_while(|(is, should)| is == should).count();
            self.report(Damage {
                file: path,
                offset: differs as u64,
                position: segment.header.first_position,
                reason: "the index does not say what its segment says; remove it and open the log to rebuild it"
                    .to_owned(),
            });
        }
        Ok(())
    }

    fn report(&mut self, damage: Damage) {
        if self.found.damage.len() < Verification::MAX_DAMAGE {
            self.found.damage.push(damage);
        }
    }
}

fn stream_hash(stream: &[u8]) -> u64 {
    let hash = blake3::hash(stream);
    hash.as_bytes().first_chunk::<8>().copied().map_or(0, u64::from_le_bytes)
}
