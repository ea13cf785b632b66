//! The embedded event log: an append-only, checksummed and hash-chained store of events in segment files.
//!
//! [`LogEventStore`] implements [`nexus_core::ports::EventStore`] on one data directory. One thread writes; any number
//! of tasks append and read. An append is acknowledged after one write and one flush that it shares with all appends
//! that were waiting; indexes only follow the log and are never part of what must be durable.
//!
//! **What belongs here:** the format of the log on disk (`docs/formats/log.md`), its recovery, its indexes, its
//! proofs and its verification. **What does not:** schemas, policies, subscriptions and projections; and any other storage.
//!
//! Reading order: [`store`](LogEventStore) (what is offered), `request` and `queue` (how an append gets to the
//! writer), `plan` and `writer` (what happens to it), `prepare` (where room comes from), `format` (the bytes),
//! `recovery`, `load` and `scan` (after a crash), `segment`, `index`, `seal` and `state` (what readers see), `query`,
//! `filter` and `reader` (reads), `merkle` (hashes and proofs, pure) and `history` (the tree over the log,
//! its key and its heads), `verify` (all of it, offline), `prefix` (copies), `storage` (the files).

mod error;
mod filter;
mod format;
mod history;
mod index;
mod load;
mod merkle;
mod options;
mod plan;
mod prefix;
mod prepare;
mod query;
mod queue;
mod read_only;
mod reader;
mod recovery;
mod request;
mod scan;
mod seal;
mod segment;
mod state;
pub mod storage;
mod store;
mod verify;
mod writer;

pub use error::{Damage, OpenError};
pub use history::{
    LogHistoryTree, Unproven, check_consistency, check_head, check_inclusion, checkpoint, key_id, public_key_pem,
    signed_text,
};
pub use options::LogOptions;
pub use prefix::{LogPrefix, PrefixSegment};
pub use read_only::ReadOnlyStorage;
pub use state::WriteState;
pub use store::LogEventStore;
pub use verify::{Progress, Verification, VerifyOptions, verify, verify_on, verify_with};
