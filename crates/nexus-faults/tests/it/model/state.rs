//! The model: a list of events, and what an append to it comes to.

use std::collections::{BTreeMap, HashMap};

use nexus_core::{
    Admitted, AppendCondition, EventId, Position, RecordedEvent, StreamId, Timestamp, Version, ports::AppendError,
};

/// Everything that is stored, in order.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) events: Vec<RecordedEvent>,
    pub(crate) ids: HashMap<EventId, usize>,
    pub(crate) streams: BTreeMap<StreamId, Vec<usize>>,
}

/// The class of an answer to an append, with what must be in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Stored from this position on.
    Stored(Position),
    Refused(AppendError),
}

impl Model {
    pub(crate) fn version(&self, stream: &StreamId) -> Version {
        Version::new(self.streams.get(stream).map_or(0, Vec::len) as u64)
    }

    /// What becomes of an append whose event ids are new.
    pub(crate) fn expect(&self, batch: &Admitted) -> Expected {
        for part in batch.streams() {
            let stream = part.stream();
            let actual = self.version(stream);
            let stored = self.streams.get(stream).map(|events| &self.events[events[0]].aggregate_type);
            if let Some(stored) = stored
                && stored != part.aggregate_type()
            {
                return Expected::Refused(AppendError::WrongAggregateType {
                    stream: stream.clone(),
                    actual: stored.clone(),
                    given: part.aggregate_type().clone(),
                });
            }
            let AppendCondition::Version(expected) = part.condition() else { panic!("an unknown condition") };
            if !expected.accepts(actual) {
                return Expected::Refused(AppendError::Conflict { stream: stream.clone(), expected, actual });
            }
        }
        Expected::Stored(Position::new(self.events.len() as u64 + 1))
    }

    /// Adds a batch, accepted at `now`. The hashes are those of the log: `stored` has its events.
    ///
    /// # Errors
    /// When what is stored is not the batch.
    pub(crate) fn add(&mut self, batch: &Admitted, stored: &[RecordedEvent], now: Timestamp) -> Result<(), String> {
        let mut stored = stored.iter();
        let last = self.events.last().map_or(Timestamp::UNIX_EPOCH, |event| event.timestamp);
        for part in batch.streams() {
            for admitted in part.events() {
                let is = stored.next().ok_or("an event of an append is missing")?;
                let event = admitted.event();
                let should = RecordedEvent {
                    position: Position::new(self.events.len() as u64 + 1),
                    event_id: event.event_id,
                    event_type: event.event_type.clone(),
                    aggregate_type: part.aggregate_type().clone(),
                    aggregate_id: part.stream().clone(),
                    version: self.version(part.stream()).next(),
                    // A group takes one time, never before that of the event before it.
                    timestamp: now.max(last),
                    payload: event.payload.clone(),
                    metadata: event.metadata.clone(),
                    receipt: admitted.receipt().clone(),
                    hash: is.hash,
                };
                super::same("a stored event", is, &should)?;
                self.ids.insert(should.event_id, self.events.len());
                self.streams.entry(should.aggregate_id.clone()).or_default().push(self.events.len());
                self.events.push(should);
            }
        }
        Ok(())
    }
}
