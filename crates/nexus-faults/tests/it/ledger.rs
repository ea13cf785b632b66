//! What was asked of a log and what it answered, to compare with what it holds.

use std::collections::HashMap;

use nexus_core::{Admitted, Appended, EventId, RecordedEvent, ports::AppendError};

/// Every append that was submitted, in order.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    appends: Vec<(Vec<EventId>, Option<Appended>)>,
}

/// The ids of an append, in order.
pub(crate) fn ids_of(batch: &Admitted) -> Vec<EventId> {
    let events = batch.streams().iter().flat_map(|part| part.events());
    events.map(|event| event.event().event_id).collect()
}

impl Ledger {
    /// Notes an append and its answer.
    pub(crate) fn note(&mut self, ids: Vec<EventId>, answer: &Result<Appended, AppendError>) {
        self.appends.push((ids, answer.as_ref().ok().cloned()));
    }

    /// How many were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.appends.iter().filter(|(_, answer)| answer.is_some()).count()
    }

    /// Checks that `events` are whole appends, each once, with all that were acknowledged where they were said to be.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(&self, events: &[RecordedEvent]) -> Result<(), String> {
        let by_first: HashMap<EventId, usize> =
            self.appends.iter().enumerate().map(|(append, (ids, _))| (ids[0], append)).collect();
        let mut found = HashMap::new();
        let mut rest = events;
        while let Some(first) = rest.first() {
            let at = first.position;
            if at.get() != (events.len() - rest.len()) as u64 + 1 {
                return Err(format!("position {at} follows a gap"));
            }
            let append = by_first.get(&first.event_id).ok_or_else(|| format!("nobody stored what is at {at}"))?;
            let ids = &self.appends[*append].0;
            let stored = rest.iter().map(|event| event.event_id).take(ids.len());
            if !stored.eq(ids.iter().copied()) {
                return Err(format!("the append at {at} is not whole"));
            }
            if found.insert(*append, at).is_some() {
                return Err(format!("the append at {at} is stored twice"));
            }
            rest = &rest[ids.len()..];
        }
        for (append, (_, answer)) in self.appends.iter().enumerate() {
            if let Some(answer) = answer
                && found.get(&append) != Some(&answer.first_position)
            {
                return Err(format!("what was acknowledged at {} is not there", answer.first_position));
            }
        }
        Ok(())
    }
}
