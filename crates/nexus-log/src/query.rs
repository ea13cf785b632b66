//! The reads of the port, on the durable part of the log.
//!
//! A page holds at most [`PAGE_BYTES`] and looks at no more than [`SCAN_EVENTS`] events, so that the work and the
//! memory of one call are bounded; the caller goes on from `next`.

use std::sync::Arc;

use bytes::Bytes;
use nexus_core::{
    EventId, Position, RecordedEvent, StreamId, Version,
    ports::{
        Direction, EventFilter, LogPage, LogRead, ReadError, StreamInfo, StreamList, StreamListPage, StreamPage,
        StreamRead,
    },
};

use crate::{
    filter,
    index::{Key, ListedStream, Region, VersionRange},
    reader::{Records, damaged, event, load, locate, read_event as read_one, view},
    segment::Segment,
    state::{State, find_event, find_stream, segment_of},
};

/// Reads of up to this many events run where they are called: from the page cache they take microseconds.
const INLINE_EVENTS: usize = 64;
/// Events looked at by one filtered read of the log.
const SCAN_EVENTS: usize = 10_000;
/// Bytes of events in one page; a single larger event still makes a page.
const PAGE_BYTES: u64 = 8 << 20;
/// Bytes read from the log at once.
const REGION_BYTES: u64 = 256 << 10;

/// Runs a read: here when it is small, else where blocking is allowed.
pub(crate) async fn run<T: Send + 'static, E: From<ReadError> + Send + 'static>(
    events: usize,
    read: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    if events <= INLINE_EVENTS || tokio::runtime::Handle::try_current().is_err() {
        return read();
    }
    let stopped = |_| ReadError::Unavailable { reason: "the read was cut short by a shutdown".to_owned() };
    tokio::task::spawn_blocking(read).await.map_err(stopped)?
}

/// Finds one event.
pub(crate) fn read_event(state: &State, id: EventId) -> Result<Option<RecordedEvent>, ReadError> {
    let Some((segment, ordinal)) = find_event(&state.segments(), id)? else {
        return Ok(None);
    };
    let event = read_one(&segment, &locate(&segment, ordinal)?)?;
    if event.event_id != id {
        return Err(damaged(event.position.get(), "the index means another event"));
    }
    Ok(Some(event))
}

/// Reads a range of one stream.
pub(crate) fn read_stream(state: &State, read: &StreamRead) -> Result<StreamPage, ReadError> {
    let segments = state.segments();
    let stream = Key::stream(&read.stream);
    let Some(span) = find_stream(&segments, &stream)? else {
        return Ok(StreamPage { version: Version::NONE, aggregate_type: None, events: Vec::new(), next: None });
    };
    let (low, high) = (read.from.get().max(1), read.to.get().min(span.last_version));
    let range = VersionRange { low, high, direction: read.direction, limit: read.limit.max(1) };
    let events = if low <= high { stream_events(&segments, &stream, range)? } else { Vec::new() };
    let next = events.last().and_then(|last| match read.direction {
        Direction::Forward => Some(last.version.get() + 1).filter(|next| *next <= high),
        Direction::Backward => Some(last.version.get() - 1).filter(|next| *next >= low),
    });
    Ok(StreamPage {
        version: Version::new(span.last_version),
        aggregate_type: Some(span.aggregate_type),
        events,
        next: next.map(Version::new),
    })
}

/// The versions of a stream that `range` names and the stream has, as far as they fit a page.
fn stream_events(
    segments: &[Arc<Segment>],
    stream: &Key<&StreamId>,
    range: VersionRange,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut events = Vec::new();
    let mut bytes = 0;
    for segment in stream_segments(segments, stream, range)? {
        let left = VersionRange { limit: range.limit - events.len(), ..range };
        let places = segment.index().places(stream, left)?;
        for place in places {
            let event = read_one(segment, &place)?;
            let wanted = match range.direction {
                Direction::Forward => range.low + events.len() as u64,
                Direction::Backward => range.high - events.len() as u64,
            };
            if event.aggregate_id != *stream.key || event.version.get() != wanted {
                return Err(damaged(event.position.get(), "the index means another event"));
            }
            bytes += event.payload.len() as u64;
            events.push(event);
            if events.len() == range.limit || bytes >= PAGE_BYTES {
                return Ok(events);
            }
        }
    }
    Ok(events)
}

/// The segments that hold the versions in `range`, in its direction.
fn stream_segments<'a>(
    segments: &'a [Arc<Segment>],
    stream: &Key<&StreamId>,
    range: VersionRange,
) -> Result<Vec<&'a Arc<Segment>>, ReadError> {
    let mut found = Vec::new();
    for segment in segments.iter().rev() {
        let Some(span) = segment.index().stream(stream)? else {
            continue;
        };
        if span.first_version <= range.high {
            found.push(segment);
        }
        if span.first_version <= range.low {
            break;
        }
    }
    if range.direction == Direction::Forward {
        found.reverse();
    }
    Ok(found)
}

/// Reads a range of the log.
pub(crate) fn read_log(state: &State, read: &LogRead) -> Result<LogPage, ReadError> {
    // The head first: what the segments hold is at least as new.
    let head = state.head();
    let segments = state.segments();
    let mut page = Page::new(read, head);
    while let Some(region) = page.region(&segments) {
        let (segment, region) = region?;
        page.take(&segment, &region)?;
    }
    Ok(LogPage { events: page.events, next: Position::new(page.at), head: Position::new(head) })
}

/// A page of the log while it fills.
struct Page<'a> {
    read: &'a LogRead,
    head: u64,
    /// Everything up to here (forward) or from here on (backward) has been looked at.
    at: u64,
    events: Vec<RecordedEvent>,
    looked: usize,
    bytes: u64,
}

impl<'a> Page<'a> {
    fn new(read: &'a LogRead, head: u64) -> Self {
        let at = match (read.direction, read.from.get()) {
            (Direction::Forward, from) => from,
            (Direction::Backward, 0) => head + 1,
            (Direction::Backward, from) => from.min(head + 1),
        };
        Self { read, head, at, events: Vec::new(), looked: 0, bytes: 0 }
    }

    /// The next region to look at; `None` at the end of the page.
    fn region(&self, segments: &[Arc<Segment>]) -> Option<Result<(Arc<Segment>, Region), ReadError>> {
        let left = self.read.limit.max(1).saturating_sub(self.events.len());
        if left == 0 || self.looked >= SCAN_EVENTS || self.bytes >= PAGE_BYTES {
            return None;
        }
        // Where nearly everything is wanted, no more is loaded than is missing, and twice as much after what was not.
        let skipped = self.looked - self.events.len();
        let count = if dense(&self.read.filter) { left.max(skipped) } else { SCAN_EVENTS };
        let count = count.min(SCAN_EVENTS - self.looked);
        let wanted = match self.read.direction {
            Direction::Forward => self.at.checked_add(1).filter(|next| *next <= self.head)?,
            Direction::Backward => self.at.checked_sub(1).filter(|next| *next > 0)?,
        };
        let segment = segments.get(segment_of(segments, wanted))?;
        let region = self.locate(segment, wanted, count);
        Some(region.map(|region| (Arc::clone(segment), region)))
    }

    fn locate(&self, segment: &Segment, wanted: u64, count: usize) -> Result<Region, ReadError> {
        let missing = || damaged(wanted, "it is not in the index");
        let ordinal = u32::try_from(wanted - segment.first).map_err(|_| missing())?;
        let region = match self.read.direction {
            Direction::Forward => {
                let visible = usize::try_from(self.head - wanted + 1).unwrap_or(usize::MAX);
                segment.index().forward(ordinal, count.min(visible), REGION_BYTES)?
            }
            Direction::Backward => segment.index().backward(ordinal, count, REGION_BYTES)?,
        };
        region.ok_or_else(missing)
    }

    /// Looks at a region and keeps what is wanted.
    fn take(&mut self, segment: &Segment, region: &Region) -> Result<(), ReadError> {
        let buffer = load(segment, region)?;
        let records: Vec<(u64, &[u8])> = Records::new(segment, region, &buffer).collect::<Result<_, _>>()?;
        let backward = self.read.direction == Direction::Backward;
        let mut records = records.iter();
        let limit = self.read.limit.max(1);
        while self.events.len() < limit && self.bytes < PAGE_BYTES {
            let next = if backward { records.next_back() } else { records.next() };
            let Some((position, body)) = next else { break };
            self.looked += 1;
            self.at = *position;
            self.keep(*position, body, &buffer)?;
        }
        Ok(())
    }

    fn keep(&mut self, position: u64, body: &[u8], buffer: &Bytes) -> Result<(), ReadError> {
        let filter = &self.read.filter;
        let found = view(position, body)?;
        if !filter::matches(filter, &found) {
            return Ok(());
        }
        if dense(filter) {
            self.bytes += body.len() as u64;
            self.events.push(event(position, found, buffer)?);
        } else {
            // A copy of its own, so that one wanted event does not keep a whole region in memory.
            let copy = Bytes::copy_from_slice(body);
            self.bytes += body.len() as u64;
            self.events.push(event(position, view(position, &copy)?, &copy)?);
        }
        Ok(())
    }
}

/// Whether the filter lets nearly everything through: all but the platform's own events, if not those as well.
fn dense(filter: &EventFilter) -> bool {
    let EventFilter { without_system_streams, .. } = *filter;
    *filter == EventFilter { without_system_streams, ..EventFilter::default() }
}

/// Lists streams in order of their ids.
pub(crate) fn list_streams(state: &State, list: &StreamList) -> Result<StreamListPage, ReadError> {
    let limit = list.limit.max(1);
    let segments = state.segments();
    let mut after = list.after.clone();
    let mut streams = Vec::new();
    loop {
        // Every segment is asked for more than a page, so that the first page of the merged list is complete.
        let (found, more) = merged(&segments, list, after.as_ref(), limit + 1)?;
        let Some(last) = found.last() else { break };
        after = Some(last.stream.clone());
        let wanted = |found: &ListedStream| {
            let kind = &found.span.aggregate_type;
            let hidden = list.without_system_streams && found.stream.is_system();
            !hidden && list.aggregate_type.as_ref().is_none_or(|wanted| wanted == kind)
        };
        streams.extend(found.into_iter().filter(wanted).map(info));
        if streams.len() > limit || !more {
            break;
        }
    }
    let more = streams.len() > limit;
    streams.truncate(limit);
    Ok(StreamListPage { streams, more })
}

fn info(found: ListedStream) -> StreamInfo {
    StreamInfo {
        stream: found.stream,
        aggregate_type: found.span.aggregate_type,
        version: Version::new(found.span.last_version),
        last_event_at: found.span.last_time,
    }
}

/// The first `count` streams over all segments, each as its newest segment knows it, and whether there are more.
fn merged(
    segments: &[Arc<Segment>],
    list: &StreamList,
    after: Option<&StreamId>,
    count: usize,
) -> Result<(Vec<ListedStream>, bool), ReadError> {
    let mut all = std::collections::BTreeMap::new();
    let mut more = false;
    for segment in segments {
        let found = segment.index().list(&list.prefix, after, count)?;
        more |= found.len() == count;
        // Newer segments come later and replace what older ones said.
        all.extend(found.into_iter().map(|listed| (listed.stream.clone(), listed)));
    }
    more |= all.len() > count;
    Ok((all.into_values().take(count).collect(), more))
}
