use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Arc, Mutex},
};

use nexus_core::{
    Admitted, AdmittedEvent, AdmittedStream, AggregateType, AppendCondition, Appended, AppendedStream, Digest, EventId,
    Position, RecordedEvent, StreamId, Timestamp, Version,
    ports::{
        AppendError, BoxFuture, Clock, Direction, EventStore, LogPage, LogRead, ReadError, StreamInfo, StreamList,
        StreamListPage, StreamPage, StreamRead,
    },
};
use tokio::sync::watch;

use crate::fakes::{locked::lock, schemas::digest_of};

/// The whole [`EventStore`] port in memory. Cloning it gives another handle to the same events.
///
/// An append is a replay when every part names events that its stream holds at consecutive versions in the same
/// order, whatever its expected version says.
#[derive(Clone)]
pub struct MemoryEventStore {
    log: Arc<Mutex<Log>>,
    head: Arc<watch::Sender<Position>>,
    clock: Arc<dyn Clock>,
}

impl MemoryEventStore {
    /// An empty store that takes its timestamps from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::holding(Log::default(), clock)
    }

    /// A new store with the events of this one, as after a restart.
    #[must_use]
    pub fn reopened(&self) -> Self {
        Self::holding(lock(&self.log).clone(), Arc::clone(&self.clock))
    }

    /// A new store with all events of this one but the last `count`, as after losing the end of its file.
    #[must_use]
    pub fn without_last(&self, count: usize) -> Self {
        let mut log = lock(&self.log).clone();
        for _ in 0..count {
            log.remove_last();
        }
        Self::holding(log, Arc::clone(&self.clock))
    }

    fn holding(log: Log, clock: Arc<dyn Clock>) -> Self {
        let head = Arc::new(watch::Sender::new(log.head()));
        let log = Arc::new(Mutex::new(log));
        Self { log, head, clock }
    }
}

impl EventStore for MemoryEventStore {
    fn append(&self, batch: Admitted) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let mut log = lock(&self.log);
            let result = log.append(&batch, self.clock.now());
            self.head.send_replace(log.head());
            result
        })
    }

    fn read_stream(&self, read: StreamRead) -> BoxFuture<'_, Result<StreamPage, ReadError>> {
        Box::pin(async move { Ok(lock(&self.log).read_stream(&read)) })
    }

    fn read_log(&self, read: LogRead) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move { Ok(lock(&self.log).read_log(&read)) })
    }

    fn event(&self, id: EventId) -> BoxFuture<'_, Result<Option<RecordedEvent>, ReadError>> {
        Box::pin(async move { Ok(lock(&self.log).find(id).cloned()) })
    }

    fn streams(&self, list: StreamList) -> BoxFuture<'_, Result<StreamListPage, ReadError>> {
        Box::pin(async move { Ok(lock(&self.log).list(&list)) })
    }

    fn head(&self) -> Position {
        *self.head.borrow()
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        let mut heads = self.head.subscribe();
        Box::pin(async move {
            let head = heads.wait_for(|head| *head > seen).await;
            head.map(|head| *head).map_err(|_| ReadError::Unavailable { reason: "the store was dropped".to_owned() })
        })
    }
}

#[derive(Clone, Default)]
struct Log {
    events: Vec<RecordedEvent>,
    streams: BTreeMap<StreamId, Stream>,
    ids: HashMap<EventId, usize>,
}

#[derive(Clone)]
struct Stream {
    aggregate_type: AggregateType,
    places: Vec<usize>,
}

impl Log {
    fn head(&self) -> Position {
        Position::new(count(self.events.len()))
    }

    fn find(&self, id: EventId) -> Option<&RecordedEvent> {
        self.events.get(*self.ids.get(&id)?)
    }

    fn version(&self, stream: &StreamId) -> Version {
        let stream = self.streams.get(stream);
        Version::new(stream.map_or(0, |stream| count(stream.places.len())))
    }

    fn append(&mut self, batch: &Admitted, now: Timestamp) -> Result<Appended, AppendError> {
        if let Some(first) = self.replay(batch) {
            return Ok(first);
        }
        for part in batch.streams() {
            self.check(part)?;
        }
        let last = self.events.last().map_or(now, |event| event.timestamp);
        let first_position = self.head().next();
        let streams = batch.streams().iter().map(|part| self.write(part, now.max(last))).collect();
        Ok(Appended { first_position, position: self.head(), streams, replayed: false })
    }

    /// The first result of a batch whose every part is stored already, in place and in order.
    fn replay(&self, batch: &Admitted) -> Option<Appended> {
        let mut streams = Vec::with_capacity(batch.streams().len());
        let mut positions = Vec::with_capacity(batch.event_count());
        for part in batch.streams() {
            let stored = part.events().iter().map(|event| self.find(event.event().event_id));
            let stored: Vec<&RecordedEvent> = stored.collect::<Option<_>>()?;
            let first = stored.first()?.version;
            let in_place = |(event, offset): (&&RecordedEvent, u64)| {
                event.aggregate_id == *part.stream() && event.version == first.plus(offset)
            };
            if !stored.iter().zip(0..).all(in_place) {
                return None;
            }
            positions.extend(stored.iter().map(|event| event.position));
            streams.push(appended_stream(part, first));
        }
        Some(Appended {
            first_position: *positions.iter().min()?,
            position: *positions.iter().max()?,
            streams,
            replayed: true,
        })
    }

    fn check(&self, part: &AdmittedStream) -> Result<(), AppendError> {
        if let Some(stored) = part.events().iter().find_map(|event| self.find(event.event().event_id)) {
            return Err(AppendError::DuplicateEvent {
                event_id: stored.event_id,
                stream: stored.aggregate_id.clone(),
                version: stored.version,
            });
        }
        if let Some(stream) = self.streams.get(part.stream())
            && stream.aggregate_type != *part.aggregate_type()
        {
            return Err(AppendError::WrongAggregateType {
                stream: part.stream().clone(),
                actual: stream.aggregate_type.clone(),
                given: part.aggregate_type().clone(),
            });
        }
        let actual = self.version(part.stream());
        match part.condition() {
            AppendCondition::Version(expected) if expected.accepts(actual) => Ok(()),
            AppendCondition::Version(expected) => {
                Err(AppendError::Conflict { stream: part.stream().clone(), expected, actual })
            }
            other => {
                Err(AppendError::Unavailable { reason: format!("the condition {other:?} is not supported in memory") })
            }
        }
    }

    fn write(&mut self, part: &AdmittedStream, now: Timestamp) -> AppendedStream {
        let first = self.version(part.stream()).next();
        for admitted in part.events() {
            let event = self.record(part, admitted, now);
            let place = self.events.len();
            let stream = self.streams.entry(part.stream().clone());
            let new = || Stream { aggregate_type: part.aggregate_type().clone(), places: Vec::new() };
            stream.or_insert_with(new).places.push(place);
            self.ids.insert(event.event_id, place);
            self.events.push(event);
        }
        appended_stream(part, first)
    }

    fn record(&self, part: &AdmittedStream, admitted: &AdmittedEvent, timestamp: Timestamp) -> RecordedEvent {
        let event = admitted.event().clone();
        let position = self.head().next();
        let before = self.events.last().map_or(Digest::default(), |event| event.hash);
        RecordedEvent {
            position,
            hash: digest_of(&(before, position, event.event_id, event.payload.as_bytes())),
            event_id: event.event_id,
            event_type: event.event_type,
            aggregate_type: part.aggregate_type().clone(),
            aggregate_id: part.stream().clone(),
            version: self.version(part.stream()).next(),
            timestamp,
            payload: event.payload,
            metadata: event.metadata,
            receipt: admitted.receipt().clone(),
        }
    }

    fn remove_last(&mut self) {
        let Some(event) = self.events.pop() else { return };
        self.ids.remove(&event.event_id);
        if let Some(stream) = self.streams.get_mut(&event.aggregate_id) {
            stream.places.pop();
            if stream.places.is_empty() {
                self.streams.remove(&event.aggregate_id);
            }
        }
    }

    fn read_stream(&self, read: &StreamRead) -> StreamPage {
        let Some(stream) = self.streams.get(&read.stream) else {
            return StreamPage { version: Version::NONE, aggregate_type: None, events: Vec::new(), next: None };
        };
        let range = |event: &&RecordedEvent| (read.from..=read.to).contains(&event.version);
        let stored = stream.places.iter().filter_map(|place| self.events.get(*place));
        let mut wanted: Vec<&RecordedEvent> = stored.filter(range).collect();
        if read.direction == Direction::Backward {
            wanted.reverse();
        }
        let limit = read.limit.max(1);
        StreamPage {
            version: Version::new(count(stream.places.len())),
            aggregate_type: Some(stream.aggregate_type.clone()),
            next: wanted.get(limit).map(|event| event.version),
            events: wanted.into_iter().take(limit).cloned().collect(),
        }
    }

    fn read_log(&self, read: &LogRead) -> LogPage {
        let head = self.head();
        let (ordered, end): (Box<dyn Iterator<Item = &RecordedEvent>>, Position) = match read.direction {
            Direction::Forward => {
                let (_, after) = self.split(read.from.get());
                (Box::new(after.iter()), head.max(read.from))
            }
            Direction::Backward => {
                // 0 - 1 wraps to "everything", which is what 0 means here.
                let (before, _) = self.split(read.from.get().wrapping_sub(1));
                (Box::new(before.iter().rev()), head.min(Position::new(1)))
            }
        };
        let limit = read.limit.max(1);
        let wanted = ordered.filter(|event| read.filter.matches(event));
        let events: Vec<RecordedEvent> = wanted.take(limit).cloned().collect();
        let last = events.last().filter(|_| events.len() == limit);
        LogPage { next: last.map_or(end, |event| event.position), events, head }
    }

    /// The first `length` events, or all, and the rest.
    fn split(&self, length: u64) -> (&[RecordedEvent], &[RecordedEvent]) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.events.split_at(length.min(self.events.len()))
    }

    fn list(&self, list: &StreamList) -> StreamListPage {
        let after = list.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let wanted = self.streams.range((after, Bound::Unbounded)).filter(|(id, stream)| {
            let wanted = list.aggregate_type.as_ref();
            let hidden = list.without_system_streams && id.is_system();
            !hidden && id.as_str().starts_with(&list.prefix) && wanted.is_none_or(|kind| *kind == stream.aggregate_type)
        });
        let mut infos = wanted.filter_map(|(id, stream)| {
            Some(StreamInfo {
                stream: id.clone(),
                aggregate_type: stream.aggregate_type.clone(),
                version: Version::new(count(stream.places.len())),
                last_event_at: self.events.get(*stream.places.last()?)?.timestamp,
            })
        });
        let streams = infos.by_ref().take(list.limit.max(1)).collect();
        let more = infos.next().is_some();
        StreamListPage { streams, more }
    }
}

fn appended_stream(part: &AdmittedStream, first_version: Version) -> AppendedStream {
    let events = count(part.events().len());
    AppendedStream {
        stream: part.stream().clone(),
        first_version,
        version: first_version.plus(events.saturating_sub(1)),
        event_ids: part.events().iter().map(|event| event.event().event_id).collect(),
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
