use nexus_core::{
    DecisionId, EventId, Timestamp,
    ports::{Clock, IdSource},
};
use uuid::Uuid;

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
}

/// Time-ordered ids (UUIDv7, RFC 9562) from the machine's clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidIds;

impl IdSource for UuidIds {
    fn event_id(&self) -> EventId {
        EventId::from_uuid(Uuid::now_v7())
    }

    fn decision_id(&self) -> DecisionId {
        DecisionId::from_uuid(Uuid::now_v7())
    }
}

/// Bytes that nobody can guess; `None` when the system has none.
pub(crate) fn random<const BYTES: usize>() -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
}
