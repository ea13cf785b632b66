//! Appends of every kind against the model.

use nexus_core::{
    Admitted, ExpectedVersion, NewEvent, Position, RecordedEvent, StreamAppend, Version,
    ports::{AppendError, LogRead},
};
use nexus_testkit::fixture::{
    AGGREGATE_TYPES, EVENT_TYPES, admitted, aggregate_type, exactly, new_event, part_of, proposal_of, stream_id,
};
use serde_json::json;

use super::{Pair, same, state::Expected};
use crate::{ledger::ids_of, random::Random, subject::append_together};

/// Streams the model plays with; the last ones are of another type of aggregate.
pub(crate) const STREAMS: [&str; 10] =
    ["$own", "$other", "order-1", "order-2", "order-22", "order-3", "ordeal-1", "x", "invoice-1", "invoice-2"];

pub(crate) fn type_of(stream: &str) -> &'static str {
    AGGREGATE_TYPES[usize::from(stream.starts_with("invoice"))]
}

fn event(random: &mut Random) -> NewEvent {
    let text = "é".repeat(random.below(90));
    let mut event = new_event(random.name(&EVENT_TYPES), &json!({ "number": random.below(1000), "text": text }));
    if random.chance(50) {
        event.metadata.correlation_id = Some(format!("conversation-{}", random.below(3)).into());
    }
    event
}

impl Pair<'_> {
    fn part(&mut self, stream: &str) -> StreamAppend {
        let version = self.model.version(&stream_id(stream)).get();
        let random = &mut self.random;
        let expected = match random.below(10) {
            0..4 => ExpectedVersion::Any,
            4..7 => exactly(version),
            7 => ExpectedVersion::Exact(Version::new((version + 1).saturating_sub(random.next() % 3))),
            8 => ExpectedVersion::Exists,
            _ => ExpectedVersion::NoStream,
        };
        let events: Vec<_> = (0..1 + random.below(3)).map(|_| event(random)).collect();
        let mut part = part_of(stream, expected, events);
        part.aggregate_type = aggregate_type(type_of(stream));
        if self.random.chance(2) {
            part.aggregate_type = aggregate_type(self.random.name(&AGGREGATE_TYPES));
        }
        part
    }

    fn batch(&mut self) -> Admitted {
        let first = self.random.below(STREAMS.len());
        let count = if self.random.chance(25) { 2 + self.random.below(2) } else { 1 };
        let parts: Vec<_> = (0..count).map(|number| self.part(STREAMS[(first + number * 3) % STREAMS.len()])).collect();
        admitted(proposal_of(parts))
    }

    /// One append, or several that meet in a group.
    pub(super) async fn append(&mut self) -> Result<(), String> {
        let count = if self.random.chance(20) { 2 + self.random.below(3) } else { 1 };
        let batches: Vec<_> = (0..count).map(|_| self.batch()).collect();
        let now = self.now();
        let answers = append_together(&self.store, batches.clone()).await;
        for (batch, answer) in batches.into_iter().zip(answers) {
            let is = match answer {
                Ok(appended) => {
                    same("a new append is no replay", &appended.replayed, &false)?;
                    Expected::Stored(appended.first_position)
                }
                Err(error) => Expected::Refused(error),
            };
            same("an append", &is, &self.model.expect(&batch))?;
            match is {
                Expected::Stored(first) => self.added(batch, first, now).await?,
                Expected::Refused(_) => self.tally.refused += 1,
            }
        }
        Ok(())
    }

    async fn added(&mut self, batch: Admitted, first: Position, now: nexus_core::Timestamp) -> Result<(), String> {
        let stored = self.read_from(first.get() - 1, batch.event_count()).await?;
        self.model.add(&batch, &stored, now)?;
        self.tally.appends += 1;
        self.stored.push((batch, first.get()));
        Ok(())
    }

    async fn read_from(&self, from: u64, limit: usize) -> Result<Vec<RecordedEvent>, String> {
        let read = LogRead { from: Position::new(from), limit: limit.max(1), ..LogRead::default() };
        self.store.read_log(read).await.map(|page| page.events).map_err(|error| error.to_string())
    }

    /// An append whose events, all or some, are stored already.
    pub(super) async fn append_again(&mut self) -> Result<(), String> {
        if self.stored.is_empty() {
            return Ok(());
        }
        let (batch, first) = self.random.pick(&self.stored).clone();
        if self.random.chance(70) {
            let answer = self.store.append(batch.clone()).await.map_err(|error| format!("again: {error}"))?;
            let ids: Vec<_> = answer.streams.iter().flat_map(|part| part.event_ids.clone()).collect();
            let is = (answer.replayed, answer.first_position.get(), ids);
            self.tally.replays += 1;
            return same("the same append again", &is, &(true, first, ids_of(&batch)));
        }
        // A stored event in another stream, behind a new one.
        let old = self.random.pick(&self.model.events).clone();
        let stream = self.random.name(&STREAMS);
        let mut twice = event(&mut self.random);
        twice.event_id = old.event_id;
        let mut part = part_of(stream, ExpectedVersion::Any, [event(&mut self.random), twice]);
        part.aggregate_type = aggregate_type(type_of(stream));
        let answer = self.store.append(admitted(proposal_of([part]))).await;
        let (event_id, stream, version) = (old.event_id, old.aggregate_id, old.version);
        self.tally.refused += 1;
        same("an event again elsewhere", &answer, &Err(AppendError::DuplicateEvent { event_id, stream, version }))
    }

    /// Appends until one fails, at most a few. What was answered is added; answers what was not.
    pub(super) async fn append_until_the_power_goes(&mut self) -> Result<Vec<Admitted>, String> {
        let mut unknown = Vec::new();
        for _ in 0..4 {
            let stream = self.random.name(&STREAMS);
            let events: Vec<_> = (0..1 + self.random.below(4)).map(|_| event(&mut self.random)).collect();
            let mut part = part_of(stream, ExpectedVersion::Any, events);
            part.aggregate_type = aggregate_type(type_of(stream));
            let batch = admitted(proposal_of([part]));
            // The model learns only after the restart where an answered append is, because reads fail as well now.
            let expected = self.model.expect(&batch);
            match self.store.append(batch.clone()).await {
                Ok(appended) => {
                    let promised = (appended.first_position.get(), appended.position.get());
                    self.promised.push((batch, promised));
                }
                Err(AppendError::Poisoned { .. } | AppendError::ReadOnly { .. } | AppendError::Unavailable { .. }) => {
                    unknown.push(batch);
                }
                Err(error @ AppendError::WrongAggregateType { .. }) => {
                    same("an append", &Expected::Refused(error), &expected)?;
                }
                Err(error) => return Err(format!("without power an append answers {error}")),
            }
        }
        Ok(unknown)
    }

    /// After a restart: what was promised must be there, of the others whole appends in their order.
    pub(super) async fn settle(&mut self, unknown: Vec<Admitted>) -> Result<(), String> {
        let now = self.now();
        for (batch, (first, last)) in std::mem::take(&mut self.promised) {
            same("the place of an answered append", &first, &(self.model.events.len() as u64 + 1))?;
            same("the size of an answered append", &(last + 1 - first), &(batch.event_count() as u64))?;
            self.added(batch, Position::new(first), now).await?;
        }
        for batch in unknown {
            let next = self.model.events.len() as u64;
            let stored = self.read_from(next, batch.event_count()).await?;
            if stored.first().is_some_and(|event| event.event_id == ids_of(&batch)[0]) {
                self.added(batch, Position::new(next + 1), now).await?;
            }
        }
        same("the head after a crash", &self.store.head().get(), &(self.model.events.len() as u64))
    }
}
