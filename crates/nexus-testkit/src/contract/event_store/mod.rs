//! The contract of [`EventStore`](nexus_core::ports::EventStore).
//!
//! Cases are grouped by what they look at: appends, what an event keeps, stream reads, log reads, the list of
//! streams, concurrency, waiting, restarts.

mod appends;
mod concurrency;
mod contents;
mod durability;
mod fixture;
mod log_reads;
mod replays;
mod stream_list;
mod stream_reads;
mod suite;
mod support;
mod waiting;

pub use appends::*;
pub use concurrency::*;
pub use contents::*;
pub use durability::*;
pub use fixture::EventStoreFixture;
pub use log_reads::*;
pub use replays::*;
pub use stream_list::*;
pub use stream_reads::*;
pub use suite::CASES;
pub use waiting::*;
