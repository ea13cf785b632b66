//! The one thread that writes: takes a group of appends, decides, writes once, flushes once, publishes, answers.

use std::{io, path::PathBuf, sync::Arc};

use nexus_core::{
    Appended, Timestamp,
    ports::{AppendError, Clock},
};

use crate::{
    format::{FRAME_HEADER, FrameHeader, LAST, Placement, SEGMENT_HEADER, SegmentHeader, padded},
    index::{IndexedEvent, MemoryIndex, Seal, SegmentIndex},
    options::LogOptions,
    plan::{Decision, Plan},
    prepare::Preparer,
    queue::Queue,
    recovery::{Tail, install},
    request::{EncodedBatch, Request},
    seal::Sealer,
    segment::Segment,
    state::{State, WriteState},
    storage::Storage,
};

/// Bytes after which a commit group takes no further append.
const GROUP_BYTES: u64 = 4 << 20;
const MARK: u64 = FRAME_HEADER as u64;

/// What the writer works with.
pub(crate) struct Writer {
    pub(crate) storage: Arc<dyn Storage>,
    /// The directory of the segments.
    pub(crate) log: PathBuf,
    pub(crate) options: LogOptions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) state: Arc<State>,
    pub(crate) preparer: Preparer,
    pub(crate) active: Arc<Segment>,
    pub(crate) tail: Tail,
    pub(crate) buf: Buffer,
    pub(crate) sealer: Sealer,
    /// Position up to which marks say that the log is durable.
    pub(crate) marked: u64,
}

/// The frames of a group, and where they will be.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Of every event: where its frame begins and ends in `bytes`.
    frames: Vec<(usize, usize)>,
}

/// Why a group was not written.
enum Failure {
    /// Nothing was written; it may be tried again.
    NoRoom(io::Error),
    /// What is on the device is not known.
    Unknown(&'static str, io::Error),
}

impl Failure {
    fn unknown(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Unknown(action, error)
    }
}

impl Writer {
    /// Serves the queue until it is closed and empty.
    pub(crate) fn run(mut self) {
        let limit = GROUP_BYTES.min(self.options.segment_bytes / 2);
        while let Some(group) = self.queue.take(limit) {
            self.serve(group);
            if self.queue.is_empty() {
                self.mark();
            }
        }
        if let WriteState::Writable | WriteState::ReadOnly { .. } = self.state.write_state()
            && let Err(error) = self.active.file.sync_data()
        {
            tracing::error!(%error, "flushing the log at its end failed");
        }
        self.state.close();
    }

    fn serve(&mut self, group: Vec<Request>) {
        if let WriteState::Poisoned { reason } = self.state.write_state() {
            return refuse(group, &AppendError::Poisoned { reason });
        }
        let segments = self.state.segments();
        let mut plan = Plan::new(&segments, self.tail.head);
        let decisions: Vec<Decision> = group.iter().map(|request| plan.decide(&request.batch)).collect();
        let size: u64 = group
            .iter()
            .zip(&decisions)
            .filter(|(_, decision)| matches!(decision, Decision::Write(_)))
            .map(|(request, _)| request.size)
            .sum();
        if size > 0
            && let Err(failure) = self.commit(&group, &decisions, size)
        {
            // What the others were told to expect rests on a group that does not exist.
            return refuse(group, &self.failed(failure));
        }
        for (request, decision) in group.into_iter().zip(decisions) {
            let answer = match decision {
                Decision::Write(appended) | Decision::Replay(appended) => Ok(appended),
                Decision::Refuse(error) => Err(error),
            };
            // Whoever asked may have stopped waiting; what is written stays written.
            let _ = request.reply.send(answer);
        }
    }

    /// Writes, flushes and publishes what is decided to be written.
    fn commit(&mut self, group: &[Request], decisions: &[Decision], size: u64) -> Result<(), Failure> {
        self.make_room(size)?;
        let now = self.clock.now().as_micros().max(self.tail.last_time);
        let mut tail = self.tail;
        tail.last_time = now;
        self.buf.bytes.clear();
        self.buf.frames.clear();
        let writes = || {
            group.iter().zip(decisions).filter_map(|(request, decision)| match decision {
                Decision::Write(appended) => Some((&request.batch, appended)),
                _ => None,
            })
        };
        for (batch, appended) in writes() {
            self.buf.encode(batch, appended, &mut tail, (self.tail.head, self.active.salt));
        }
        let file = &self.active.file;
        file.write_all_at(&self.buf.bytes, self.tail.offset).map_err(Failure::unknown("writing"))?;
        file.sync_data().map_err(Failure::unknown("flushing"))?;
        tail.offset += self.buf.bytes.len() as u64;
        self.publish(writes(), tail);
        Ok(())
    }

    /// Adds the durable group to the index, then shows it to readers.
    fn publish<'a>(&mut self, batches: impl Iterator<Item = (&'a EncodedBatch, &'a Appended)>, tail: Tail) {
        let time = Timestamp::from_micros(tail.last_time).unwrap_or(Timestamp::UNIX_EPOCH);
        let base = self.tail.offset;
        let mut frames = self.buf.frames.iter();
        self.active.add(|index| {
            for (batch, appended) in batches {
                let mut ids = batch.events.iter();
                for (part, placed) in batch.parts.iter().zip(&appended.streams) {
                    let events = ids.by_ref().take(part.count);
                    for ((event, (start, end)), version) in
                        events.zip(frames.by_ref()).zip(placed.first_version.get()..)
                    {
                        index.add(&IndexedEvent {
                            id: event.id,
                            stream: &part.stream,
                            aggregate_type: &part.aggregate_type,
                            version,
                            time,
                            offset: base + *start as u64,
                            end: base + *end as u64,
                        });
                    }
                }
            }
        });
        self.tail = tail;
        self.state.publish(tail.head);
        self.state.set_write_state(WriteState::Writable);
        self.look_ahead();
    }

    /// Makes sure that `size` bytes and a mark can be written at the end, in the next segment if need be.
    fn make_room(&mut self, size: u64) -> Result<(), Failure> {
        let end = self.tail.offset + size + MARK;
        let is_fresh = self.tail.head < self.active.first;
        if end > self.options.segment_bytes && !is_fresh {
            return self.roll(size);
        }
        self.preparer.reserve(end).map_err(Failure::NoRoom)
    }

    /// Goes on in a new segment, once everything in the current one is durable. Its events are; a mark behind them may
    /// not be, and half a mark in a segment that another one follows would be damage.
    fn roll(&mut self, size: u64) -> Result<(), Failure> {
        self.active.file.sync_data().map_err(Failure::unknown("flushing"))?;
        let len = self.options.segment_bytes.max(SEGMENT_HEADER as u64 + size + MARK);
        let file = self.preparer.take_next(len).map_err(Failure::NoRoom)?;
        let header = SegmentHeader {
            first_position: self.tail.head + 1,
            chain: self.tail.chain,
            last_time: self.tail.last_time,
            created: self.clock.now().as_micros(),
        };
        let (path, salt) =
            install(&*self.storage, &self.log, &*file, &header).map_err(Failure::unknown("starting a new segment"))?;
        let first = header.first_position;
        let index = SegmentIndex::Memory(MemoryIndex::default());
        let next = Arc::new(Segment::new(first, salt, file, path, index));
        let full = std::mem::replace(&mut self.active, next);
        self.state.push(Arc::clone(&self.active));
        let seal = Seal { first: full.first, salt: full.salt, chain: self.tail.chain, last_time: self.tail.last_time };
        self.sealer.seal(full, seal);
        self.tail.offset = SEGMENT_HEADER as u64;
        tracing::info!(position = first, "started a new log segment");
        Ok(())
    }

    /// Has room prepared before it is needed.
    fn look_ahead(&self) {
        let capacity = self.options.segment_bytes;
        let prepared = self.preparer.prepared();
        if prepared < capacity && self.tail.offset > prepared / 2 {
            self.preparer.grow(capacity.min(prepared * 2));
        } else if self.tail.offset > capacity / 4 {
            self.preparer.want_next(capacity);
        }
    }

    /// Notes behind the last group that it is durable, so that damage to it cannot be taken for a torn write.
    ///
    /// Not flushed: it matters after a kill of the process, which keeps it, and goes out with the next group.
    fn mark(&mut self) {
        let writable = self.state.write_state() == WriteState::Writable;
        // Appends that were refused or replayed leave nothing to note.
        let unmarked = self.tail.head >= self.active.first && self.tail.head > self.marked;
        if !writable || !unmarked || self.preparer.prepared() < self.tail.offset + MARK {
            return;
        }
        let mark = FrameHeader::mark(self.tail.head).encode(self.active.salt);
        match self.active.file.write_all_at(&mark, self.tail.offset) {
            Ok(()) => {
                self.tail.offset += MARK;
                self.marked = self.tail.head;
            }
            Err(error) => {
                self.failed(Failure::Unknown("writing", error));
            }
        }
    }

    /// Remembers a failure and says what to answer.
    fn failed(&self, failure: Failure) -> AppendError {
        match failure {
            Failure::NoRoom(error) => {
                let reason = format!("no room for more events: {}", describe(&error));
                tracing::warn!(%error, "the log has no room and is read-only");
                self.state.set_write_state(WriteState::ReadOnly { reason: reason.clone() });
                AppendError::ReadOnly { reason }
            }
            Failure::Unknown(action, error) => {
                let reason = format!("{action} the log failed: {}", describe(&error));
                tracing::error!(%error, action, "the log is poisoned and accepts no more writes");
                self.state.set_write_state(WriteState::Poisoned { reason: reason.clone() });
                AppendError::Poisoned { reason }
            }
        }
    }
}

/// The error without anything that could name a file.
fn describe(error: &io::Error) -> String {
    error.kind().to_string()
}

fn refuse(group: Vec<Request>, error: &AppendError) {
    for request in group {
        let _ = request.reply.send(Err(error.clone()));
    }
}

impl Buffer {
    /// Appends the frames of one append and moves `tail` behind it. `at` is the durable position and the salt.
    fn encode(&mut self, batch: &EncodedBatch, appended: &Appended, tail: &mut Tail, at: (u64, u32)) {
        let mut versions = appended.streams.iter().flat_map(|stream| stream.first_version.get()..=stream.version.get());
        let last = appended.position.get();
        for (_, event, content) in batch.iter() {
            let placement =
                Placement { position: tail.head + 1, version: versions.next().unwrap_or(0), timestamp: tail.last_time };
            tail.head = placement.position;
            tail.chain = placement.chain(&tail.chain, &event.hash);
            let flags = if placement.position == last { LAST } else { 0 };
            self.frame(&placement, &tail.chain, content, (flags, at.0, at.1));
        }
    }

    fn frame(
        &mut self,
        placement: &Placement,
        hash: &[u8; 32],
        content: &[u8],
        (flags, durable, salt): (u32, u64, u32),
    ) {
        let start = self.bytes.len();
        let body = start + FRAME_HEADER;
        self.bytes.resize(body, 0);
        placement.encode(hash, &mut self.bytes);
        self.bytes.extend_from_slice(content);
        let len = self.bytes.len() - body;
        self.bytes.resize(body + padded(len), 0);
        let header = FrameHeader {
            // An append is at most 256 MiB.
            len: u32::try_from(len).unwrap_or(u32::MAX),
            crc: crc32c::crc32c(self.bytes.get(body..).unwrap_or_default()),
            position: placement.position,
            durable,
            flags,
        };
        if let Some(space) = self.bytes.get_mut(start..body) {
            space.copy_from_slice(&header.encode(salt));
        }
        self.frames.push((start, self.bytes.len()));
    }
}
