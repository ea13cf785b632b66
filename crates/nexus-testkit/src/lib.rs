//! What tests of Nexus stand on: [`fixture`] builds valid events and batches, [`fakes`] keeps the ports in memory, and
//! [`contract`] holds one list of cases per port that every adapter passes.
//!
//! **What belongs here:** anything that more than one crate's tests need and that knows the ports only. **What does
//! not:** a technology, an adapter, or a test of one crate's own inner workings. Deliberately wrong fakes, which prove
//! that the cases catch what they are there for, live in this crate's own tests.
//!
//! An adapter instantiates a suite with one line per port:
//!
//! ```
//! mod memory_event_store {
//!     use std::sync::Arc;
//!
//!     use nexus_core::ports::EventStore;
//!     use nexus_testkit::{contract::EventStoreFixture, fakes::{ManualClock, MemoryEventStore}};
//!
//!     struct Memory(MemoryEventStore);
//!
//!     impl EventStoreFixture for Memory {
//!         async fn start() -> Self {
//!             Self(MemoryEventStore::new(Arc::new(ManualClock::default())))
//!         }
//!         fn store(&self) -> Arc<dyn EventStore> {
//!             Arc::new(self.0.clone())
//!         }
//!         async fn restart(self) -> Self {
//!             Self(self.0.reopened())
//!         }
//!     }
//!
//!     nexus_testkit::event_store_contract!(Memory);
//! }
//! ```

pub mod contract;
pub mod fakes;
pub mod fixture;

pub use fixture::permissive_admission;
