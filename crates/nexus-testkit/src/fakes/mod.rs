//! The ports, kept in memory: right in what they promise, small enough to be read, and deterministic.

mod authenticator;
mod clock;
mod event_store;
mod idempotency;
mod locked;
mod policy;
mod policy_server;
mod read_store;
mod rows;
mod schemas;
mod subjects;

pub use authenticator::MemoryAuthenticator;
pub use clock::{ManualClock, SequentialIds};
pub use event_store::MemoryEventStore;
pub use idempotency::MemoryIdempotencyIndex;
pub use policy::FixedPolicy;
pub use policy_server::{Asked, MemoryPolicyLedger, ScriptedPolicyServer};
pub use read_store::MemoryReadStore;
pub use schemas::PermissiveSchemas;
pub use subjects::MemorySubjects;
