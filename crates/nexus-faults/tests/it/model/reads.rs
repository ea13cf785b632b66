//! Reads of every kind against the model.

use nexus_core::{
    EventId, Position, RecordedEvent, Version,
    ports::{Direction, EventFilter, LogRead, StreamInfo, StreamList, StreamRead},
};
use nexus_testkit::fixture::{AGGREGATE_TYPES, EVENT_TYPES, aggregate_type, event_id, event_type, stream_id};

use super::{Pair, appends::STREAMS, same};

impl Pair<'_> {
    pub(super) async fn read(&mut self) -> Result<(), String> {
        self.tally.reads += 1;
        match self.random.below(10) {
            0..4 => self.read_stream().await,
            4..8 => self.read_log().await,
            8 => self.read_event().await,
            _ => self.list().await,
        }
    }

    fn direction(&mut self) -> Direction {
        *self.random.pick(&[Direction::Forward, Direction::Backward])
    }

    /// A position or version around what there is.
    fn place(&mut self, last: u64) -> u64 {
        self.random.next() % (last + 3)
    }

    async fn read_stream(&mut self) -> Result<(), String> {
        let stream = stream_id(self.random.name(&STREAMS));
        let version = self.model.version(&stream).get();
        let (from, to) = (self.place(version), self.place(version));
        let to = if self.random.chance(50) { u64::MAX } else { to };
        let (direction, limit) = (self.direction(), 1 + self.random.below(20));
        let read =
            StreamRead { stream: stream.clone(), from: Version::new(from), to: Version::new(to), direction, limit };
        let page = self.store.read_stream(read).await.map_err(|error| error.to_string())?;
        same("the version of a stream", &page.version.get(), &version)?;
        let of_stream = self.model.streams.get(&stream).map(Vec::as_slice).unwrap_or_default();
        let mut wanted: Vec<&RecordedEvent> = of_stream.iter().map(|at| &self.model.events[*at]).collect();
        wanted.retain(|event| event.version.get() >= from && event.version.get() <= to);
        if direction == Direction::Backward {
            wanted.reverse();
        }
        let next = wanted.get(limit).map(|event| event.version);
        wanted.truncate(limit);
        same("a stream", &page.events.iter().collect(), &wanted)?;
        same("where a stream goes on", &page.next, &next)
    }

    fn filter(&mut self) -> EventFilter {
        let mut filter = EventFilter::default();
        if self.random.chance(50) {
            return filter;
        }
        if self.random.chance(40) {
            filter.event_types.insert(event_type(self.random.name(&EVENT_TYPES)));
        }
        if self.random.chance(40) {
            filter.aggregate_type = Some(aggregate_type(self.random.name(&AGGREGATE_TYPES)));
        }
        if self.random.chance(40) {
            filter.correlation_id = Some(format!("conversation-{}", self.random.below(4)).into());
        }
        let times: Vec<_> = self.model.events.iter().step_by(5).map(|event| event.timestamp).collect();
        if !times.is_empty() && self.random.chance(30) {
            filter.since = Some(*self.random.pick(&times));
        }
        if !times.is_empty() && self.random.chance(30) {
            filter.until = Some(*self.random.pick(&times));
        }
        filter.without_system_streams = self.random.chance(20);
        filter
    }

    async fn read_log(&mut self) -> Result<(), String> {
        let head = self.model.events.len() as u64;
        let (from, direction, limit) = (self.place(head), self.direction(), 1 + self.random.below(40));
        let read = LogRead { from: Position::new(from), direction, limit, filter: self.filter() };
        let page = self.store.read_log(read.clone()).await.map_err(|error| error.to_string())?;
        same("the head", &page.head.get(), &head)?;
        if page.events.len() > limit {
            return Err(format!("a page of {} events with a limit of {limit}", page.events.len()));
        }
        // Between where it began and where it says to go on, nothing that is wanted may be missing.
        let next = page.next.get();
        let mut wanted: Vec<&RecordedEvent> = match direction {
            Direction::Forward => self.between(from + 1, next),
            Direction::Backward if from == 0 => self.between(next, head),
            Direction::Backward => self.between(next, from - 1),
        };
        wanted.retain(|event| read.filter.matches(event));
        if direction == Direction::Backward {
            wanted.reverse();
        }
        same("the log", &page.events.iter().collect(), &wanted)?;
        let at_the_end = match direction {
            Direction::Forward => next >= head,
            Direction::Backward => next <= 1,
        };
        if page.events.len() < limit && !at_the_end {
            return Err(format!("a page ends at {next} without reason"));
        }
        Ok(())
    }

    /// The events from one position to another, both included.
    fn between(&self, first: u64, last: u64) -> Vec<&RecordedEvent> {
        self.model.events.iter().filter(|event| event.position.get() >= first && event.position.get() <= last).collect()
    }

    async fn read_event(&mut self) -> Result<(), String> {
        let known: Vec<EventId> = self.model.events.iter().step_by(3).map(|event| event.event_id).collect();
        let id = if known.is_empty() || self.random.chance(20) { event_id() } else { *self.random.pick(&known) };
        let found = self.store.event(id).await.map_err(|error| error.to_string())?;
        same("an event by its id", &found.as_ref(), &self.model.ids.get(&id).map(|at| &self.model.events[*at]))
    }

    async fn list(&mut self) -> Result<(), String> {
        let prefix = self.random.name(&["", "o", "order-", "order-2", "invoice", "$", "z"]).to_owned();
        let after = self.random.chance(50).then(|| stream_id(self.random.name(&STREAMS)));
        let aggregate_type = self.random.chance(30).then(|| aggregate_type(self.random.name(&AGGREGATE_TYPES)));
        let limit = 1 + self.random.below(6);
        let without_system_streams = self.random.chance(30);
        let list = StreamList {
            prefix: prefix.clone(),
            aggregate_type: aggregate_type.clone(),
            after,
            without_system_streams,
            limit,
        };
        let page = self.store.streams(list.clone()).await.map_err(|error| error.to_string())?;
        let infos = self.model.streams.iter().map(|(stream, events)| {
            let last = &self.model.events[events[events.len() - 1]];
            let (aggregate_type, last_event_at) = (last.aggregate_type.clone(), last.timestamp);
            StreamInfo { stream: stream.clone(), aggregate_type, version: last.version, last_event_at }
        });
        let mut wanted: Vec<StreamInfo> = infos
            .filter(|info| info.stream.as_str().starts_with(&prefix))
            .filter(|info| !(without_system_streams && info.stream.is_system()))
            .filter(|info| list.after.as_ref().is_none_or(|after| info.stream > *after))
            .filter(|info| aggregate_type.as_ref().is_none_or(|wanted| *wanted == info.aggregate_type))
            .collect();
        let more = wanted.len() > limit;
        wanted.truncate(limit);
        same("a list of streams", &(page.streams, page.more), &(wanted, more))
    }
}
