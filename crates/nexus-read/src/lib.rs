//! The embedded read side on SQLite: [`SqliteReadStore`] keeps the rows of read models, one file for each, and
//! [`SqliteIdempotencyIndex`] finds the result of an earlier request by its key.
//!
//! **What belongs here:** what follows the log and can be rebuilt from it, on a local file. **What does not:** the
//! log itself, and who feeds these stores or serves queries from them (`nexus-runtime`, `nexus-api`).
//!
//! Reading order: `database` (one file: identity, one writer, several readers), `table` (what the file holds), `value`
//! (JSON to columns and back), `plan` (a checked query), `resource` and `store` (the ports), `idempotency`.
//!
//! # Durability
//! Files are in WAL mode with `synchronous=NORMAL`: a commit is not flushed by itself, so a power cut may lose the
//! newest ones. Rows and checkpoint are one transaction and go back together, and the log, which is the truth and is
//! flushed, still has the events; the projection repeats them.

mod database;
mod error;
mod idempotency;
mod indexes;
mod plan;
mod resource;
mod store;
mod table;
mod value;

pub use idempotency::SqliteIdempotencyIndex;
pub use store::SqliteReadStore;
