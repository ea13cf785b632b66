//! The vocabulary of Nexus: events, streams, versions, positions and receipts; the admission that every
//! stored event passes; the ports that adapters implement; and the framework traits a domain implements.
//!
//! **What belongs here:** types and pure functions that every other crate agrees on. **What does not:**
//! I/O, a runtime, a clock or randomness. Time and ids are handed in through [`ports::Clock`] and
//! [`ports::IdSource`].
//!
//! Reading order: [`name`] and [`event`] (what is stored), [`append`] (what is asked), [`admission`] (what must
//! hold before it is stored), [`ports`] (who stores it), [`framework`] (who decides it), [`upcast`] (how stored events of
//! earlier schemas are read).

pub mod admission;
pub mod append;
pub mod error;
pub mod event;
pub mod framework;
pub mod json;
pub mod name;
mod policy_judge;
pub mod ports;
pub mod time;
pub mod upcast;

pub use admission::{Admission, Admitted, AdmittedEvent, AdmittedStream, Refusal};
pub use append::{AppendCondition, Appended, AppendedStream, ExpectedVersion, Proposal, StreamAppend};
pub use error::ErrorKind;
pub use event::{Actor, Digest, IdempotencyMark, Metadata, NewEvent, Receipt, RecordedEvent};
pub use json::Json;
pub use name::{
    AggregateType, CommandType, DecisionId, EventId, EventType, InvalidName, Position, StreamId, Text, Version,
};
pub use policy_judge::PolicyJudge;
pub use time::Timestamp;

/// What the code written by the macros names; not for people.
#[doc(hidden)]
pub mod __private {
    pub use {schemars, serde, serde_json};
}
