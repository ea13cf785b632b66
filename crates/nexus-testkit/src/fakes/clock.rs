use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use nexus_core::{
    DecisionId, EventId, Timestamp,
    ports::{Clock, IdSource},
};
use uuid::Uuid;

use crate::fakes::locked::lock;

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl Default for ManualClock {
    /// A clock at 2026-01-31T12:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::UNIX_EPOCH.saturating_add_micros(1_769_860_800_000_000))
    }
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Moves to a moment, in either direction.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.now) = now;
    }

    /// Moves by so many microseconds; a negative number moves back.
    pub fn advance_micros(&self, micros: i64) {
        let mut now = lock(&self.now);
        *now = now.saturating_add_micros(micros);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.now)
    }
}

/// Ids that count up: shaped like UUIDv7, the same in every run.
///
/// Event ids and decision ids count together, so no id is given twice by one source.
#[derive(Debug, Default)]
pub struct SequentialIds {
    given: AtomicU64,
}

impl SequentialIds {
    fn next(&self) -> Uuid {
        let number = self.given.fetch_add(1, Ordering::Relaxed) + 1;
        // Version 7 and the RFC variant around a time of 0 and the count.
        Uuid::from_u128((0x7 << 76) | (0b10 << 62) | u128::from(number))
    }
}

impl IdSource for SequentialIds {
    fn event_id(&self) -> EventId {
        EventId::from_uuid(self.next())
    }

    fn decision_id(&self) -> DecisionId {
        DecisionId::from_uuid(self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_only_when_told() {
        let clock = ManualClock::default();
        assert_eq!(clock.now().to_string(), "2026-01-31T12:00:00Z");
        clock.advance_micros(-1_000_000);
        assert_eq!(clock.now().to_string(), "2026-01-31T11:59:59Z");
    }

    #[test]
    fn sequential_ids_are_ordered_version_7_uuids() {
        let ids = SequentialIds::default();
        let (first, second) = (ids.event_id(), ids.event_id());
        assert_eq!(first.to_string(), "00000000-0000-7000-8000-000000000001");
        assert!(first < second);
        assert_eq!(first.as_uuid().get_version_num(), 7);
    }
}
