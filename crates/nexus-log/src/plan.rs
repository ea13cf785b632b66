//! Decides what becomes of the appends of one commit group, in order, each seeing those before it.

use std::{collections::HashMap, sync::Arc};

use nexus_core::{
    AggregateType, Appended, AppendedStream, EventId, Position, StreamId, Version,
    ports::{AppendError, ReadError},
};

use crate::{
    index::{IndexError, Key},
    reader::read_place,
    request::{EncodedBatch, Part},
    segment::Segment,
    state::{find_event, find_stream},
};

/// The log as it will be when the group is durable.
pub(crate) struct Plan<'a> {
    segments: &'a [Arc<Segment>],
    /// The newest durable position.
    head: u64,
    /// Streams that earlier appends of the group change.
    streams: HashMap<StreamId, Stream>,
    /// Positions of the events of the group.
    ids: HashMap<EventId, u64>,
    /// Stream and version of every event of the group, by position after the head.
    places: Vec<(StreamId, u64)>,
}

#[derive(Clone)]
struct Stream {
    version: u64,
    aggregate_type: Option<AggregateType>,
}

/// What an append comes to.
pub(crate) enum Decision {
    /// Its events are to be written; this is the answer once they are durable.
    Write(Appended),
    /// Its events are stored already, or will be with this group.
    Replay(Appended),
    /// It is refused.
    Refuse(AppendError),
}

impl<'a> Plan<'a> {
    pub(crate) fn new(segments: &'a [Arc<Segment>], head: u64) -> Self {
        Self { segments, head, streams: HashMap::new(), ids: HashMap::new(), places: Vec::new() }
    }

    /// Decides about the next append of the group.
    pub(crate) fn decide(&mut self, batch: &EncodedBatch) -> Decision {
        match self.replayed(batch) {
            Ok(None) => {}
            Ok(Some(appended)) => return Decision::Replay(appended),
            Err(error) => return Decision::Refuse(error),
        }
        let mut versions = Vec::with_capacity(batch.parts.len());
        for part in &batch.parts {
            match self.check(part) {
                Ok(version) => versions.push(version),
                Err(error) => return Decision::Refuse(error),
            }
        }
        Decision::Write(self.stage(batch, &versions))
    }

    /// The version of the part's stream, when the part may be appended to it.
    fn check(&self, part: &Part) -> Result<u64, AppendError> {
        let stream = self.stream(&part.stream)?;
        if let Some(actual) = stream.aggregate_type
            && actual != part.aggregate_type
        {
            return Err(AppendError::WrongAggregateType {
                stream: part.stream.clone(),
                actual,
                given: part.aggregate_type.clone(),
            });
        }
        let actual = Version::new(stream.version);
        if !part.expected.accepts(actual) {
            return Err(AppendError::Conflict { stream: part.stream.clone(), expected: part.expected, actual });
        }
        Ok(stream.version)
    }

    fn stream(&self, name: &StreamId) -> Result<Stream, AppendError> {
        if let Some(staged) = self.streams.get(name) {
            return Ok(staged.clone());
        }
        let found = find_stream(self.segments, &Key::stream(name)).map_err(unavailable)?;
        Ok(Stream {
            version: found.as_ref().map_or(0, |span| span.last_version),
            aggregate_type: found.map(|span| span.aggregate_type),
        })
    }

    /// Adds the events to the group and answers where they go.
    fn stage(&mut self, batch: &EncodedBatch, versions: &[u64]) -> Appended {
        let first = self.head + self.places.len() as u64 + 1;
        let mut ids = batch.events.iter();
        let mut streams = Vec::with_capacity(batch.parts.len());
        for (part, version) in batch.parts.iter().zip(versions) {
            let mut event_ids = Vec::with_capacity(part.count);
            for (event, version) in ids.by_ref().take(part.count).zip(version + 1..) {
                event_ids.push(event.id);
                self.places.push((part.stream.clone(), version));
                self.ids.insert(event.id, self.head + self.places.len() as u64);
            }
            let last = version + part.count as u64;
            let staged = Stream { version: last, aggregate_type: Some(part.aggregate_type.clone()) };
            self.streams.insert(part.stream.clone(), staged);
            streams.push(AppendedStream {
                stream: part.stream.clone(),
                first_version: Version::new(version + 1),
                version: Version::new(last),
                event_ids,
            });
        }
        Appended {
            first_position: Position::new(first),
            position: Position::new(self.head + self.places.len() as u64),
            streams,
            replayed: false,
        }
    }

    /// Recognises an append that is stored already.
    ///
    /// It is the same append when its event ids are stored at consecutive positions, in the same order and in the
    /// same streams, whatever version is expected now. Any other stored id is a duplicate.
    fn replayed(&self, batch: &EncodedBatch) -> Result<Option<Appended>, AppendError> {
        let mut stored = Vec::new();
        for event in &batch.events {
            let position = self.position_of(event.id).map_err(unavailable)?;
            stored.extend(position.map(|position| (event.id, position)));
        }
        let Some(&(event_id, first)) = stored.first() else {
            return Ok(None);
        };
        let expected = batch.events.iter().map(|event| event.id).zip(first..);
        if !stored.into_iter().eq(expected) {
            return Err(self.duplicate(event_id, first));
        }
        let mut position = first;
        let mut ids = batch.events.iter().map(|event| event.id);
        let mut streams = Vec::with_capacity(batch.parts.len());
        for part in &batch.parts {
            let count = part.count as u64;
            let (stream, from) = self.place(position)?;
            let (last_stream, to) = self.place(position + count - 1)?;
            if stream != part.stream || last_stream != part.stream || to != from + count - 1 {
                return Err(self.duplicate(event_id, first));
            }
            streams.push(AppendedStream {
                stream,
                first_version: Version::new(from),
                version: Version::new(to),
                event_ids: ids.by_ref().take(part.count).collect(),
            });
            position += count;
        }
        Ok(Some(Appended {
            first_position: Position::new(first),
            position: Position::new(position - 1),
            streams,
            replayed: true,
        }))
    }

    fn position_of(&self, id: EventId) -> Result<Option<u64>, IndexError> {
        if let Some(position) = self.ids.get(&id) {
            return Ok(Some(*position));
        }
        let found = find_event(self.segments, id)?;
        Ok(found.map(|(segment, ordinal)| segment.first + u64::from(ordinal)))
    }

    /// Stream and version at a position, in the log or in the group.
    fn place(&self, position: u64) -> Result<(StreamId, u64), AppendError> {
        if let Some(staged) = position.checked_sub(self.head + 1) {
            let place = usize::try_from(staged).ok().and_then(|at| self.places.get(at));
            return place
                .cloned()
                .ok_or_else(|| AppendError::Unavailable { reason: format!("position {position} is not in the log") });
        }
        read_place(self.segments, position).map_err(unavailable)
    }

    fn duplicate(&self, event_id: EventId, position: u64) -> AppendError {
        match self.place(position) {
            Ok((stream, version)) => AppendError::DuplicateEvent { event_id, stream, version: Version::new(version) },
            Err(error) => error,
        }
    }
}

/// Without an answer from the index nothing can be decided, and nothing is written.
fn unavailable(error: impl Into<ReadError>) -> AppendError {
    let reason = error.into().to_string();
    AppendError::Unavailable { reason }
}
