use crate::{
    name::{DecisionId, EventId},
    time::Timestamp,
};

/// Tells the time. Handed in, so that tests decide what time it is.
pub trait Clock: Send + Sync + 'static {
    /// The current moment. It may jump either way; nothing orders events by it.
    fn now(&self) -> Timestamp;
}

/// Makes ids. Handed in, so that tests decide what they are.
pub trait IdSource: Send + Sync + 'static {
    /// A new event id, time-ordered.
    fn event_id(&self) -> EventId;
    /// A new decision id, time-ordered.
    fn decision_id(&self) -> DecisionId;
}
