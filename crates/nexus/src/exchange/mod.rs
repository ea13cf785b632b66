//! Events on their way out of one log and into another: CloudEvents 1.0 in their JSON format, one a line.
//!
//! `docs/backup.md` says what travels and what cannot. Reading order: `line` (one event as text), `lines` (a file of
//! them), `batch` (what is appended at once), `export` and `import` (the verbs).

mod batch;
mod export;
mod import;
mod line;
mod lines;

pub(crate) use export::{Wanted, create, export};
pub(crate) use import::{Imported, check, import};
pub(crate) use lines::open;
