//! Reads all frames of one segment and builds its index.

use nexus_core::{AggregateType, EventId, StreamId, Timestamp};

use crate::{
    error::OpenError,
    format::{FrameHeader, RecordView, SEGMENT_HEADER},
    index::{IndexedEvent, MemoryIndex},
    recovery::{OpenedSegment, Tail},
    scan::{End, Scanner, Step},
};

/// What a segment holds.
pub(crate) struct Loaded {
    /// Its complete appends.
    pub(crate) index: MemoryIndex,
    /// The end after the last complete append.
    pub(crate) tail: Tail,
    /// Where the walk ended and why.
    pub(crate) stop: (u64, End),
    /// Position of the last frame that holds, be its append complete or not.
    pub(crate) seen: u64,
    /// Where the frames begin that no later frame proves to be durable, if there are any.
    pub(crate) unproven: Option<u64>,
    /// Whether there are events among them, and not only a mark.
    pub(crate) unproven_events: bool,
}

impl Loaded {
    /// Whether the last append lacks its end.
    pub(crate) fn incomplete(&self) -> bool {
        self.seen != self.tail.head
    }
}

struct Event {
    id: EventId,
    stream: StreamId,
    aggregate_type: AggregateType,
    version: u64,
    time: Timestamp,
    hash: [u8; 32],
    offset: u64,
    end: u64,
}

struct Loader<'a> {
    segment: &'a OpenedSegment,
    loaded: Loaded,
    /// Events of an append that is not complete yet.
    pending: Vec<Event>,
    durable: u64,
}

/// Walks a segment from its header on.
pub(crate) fn load_segment(segment: &OpenedSegment) -> Result<Loaded, OpenError> {
    let header = &segment.header;
    let start = SEGMENT_HEADER as u64;
    let head = header.first_position - 1;
    let mut loader = Loader {
        segment,
        loaded: Loaded {
            index: MemoryIndex::default(),
            tail: Tail { head, chain: header.chain, last_time: header.last_time, offset: start },
            stop: (start, End::File),
            seen: head,
            unproven: None,
            unproven_events: false,
        },
        pending: Vec::new(),
        durable: head,
    };
    let mut scanner = Scanner::new(&*segment.file, segment.salt, start);
    loop {
        match scanner.step().map_err(OpenError::io("read", &segment.path))? {
            Step::Frame { offset, header, body } => loader.frame(offset, &header, body)?,
            Step::End { offset, why } => {
                loader.loaded.stop = (offset, why);
                return Ok(loader.loaded);
            }
        }
    }
}

impl Loader<'_> {
    fn frame(&mut self, offset: u64, header: &FrameHeader, body: &[u8]) -> Result<(), OpenError> {
        let end = offset + header.frame_len() as u64;
        let loaded = &mut self.loaded;
        let corrupt = |reason: &str| OpenError::Corrupt(self.segment.damage(offset, header.position, reason));
        if header.durable > loaded.seen {
            return Err(corrupt("the frame claims that later events were durable before it"));
        }
        if header.durable > self.durable {
            self.durable = header.durable;
            (loaded.unproven, loaded.unproven_events) = (None, false);
        }
        // A mark is written without a flush and goes out with the group behind it: what proves that group proves it.
        loaded.unproven.get_or_insert(offset);
        if header.is_mark() {
            if header.position != loaded.tail.head || !self.pending.is_empty() {
                return Err(corrupt("a mark is out of its place"));
            }
            loaded.tail.offset = end;
            return Ok(());
        }
        if header.position != loaded.seen + 1 {
            return Err(corrupt("an event is out of its place"));
        }
        let event = decode(offset, end, body).map_err(|reason| corrupt(&reason))?;
        loaded.seen = header.position;
        loaded.unproven_events = true;
        self.pending.push(event);
        if header.is_last() {
            self.complete();
        }
        Ok(())
    }

    fn complete(&mut self) {
        let tail = &mut self.loaded.tail;
        for event in self.pending.drain(..) {
            tail.head += 1;
            tail.chain = event.hash;
            tail.last_time = event.time.as_micros();
            tail.offset = event.end;
            self.loaded.index.add(&IndexedEvent {
                id: event.id,
                stream: &event.stream,
                aggregate_type: &event.aggregate_type,
                version: event.version,
                time: event.time,
                offset: event.offset,
                end: event.end,
            });
        }
    }
}

fn decode(offset: u64, end: u64, body: &[u8]) -> Result<Event, String> {
    let view = RecordView::parse(body).map_err(|error| error.to_string())?;
    let kind = std::str::from_utf8(view.aggregate_type).map_err(|error| error.to_string())?;
    Ok(Event {
        id: view.id(),
        stream: view.stream_id().map_err(|error| error.to_string())?,
        aggregate_type: AggregateType::new(kind.to_owned()).map_err(|error| error.to_string())?,
        version: view.version,
        time: Timestamp::from_micros(view.timestamp).ok_or("the time is outside the supported years")?,
        hash: view.hash,
        offset,
        end,
    })
}
