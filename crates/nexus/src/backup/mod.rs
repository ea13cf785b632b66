//! Backups of a data directory: the log up to a position, what cannot be derived from it, and a manifest of both.
//!
//! The layout is described in `docs/formats/backup.md`. Read models, idempotency keys and log indexes follow from the
//! log and are left out; a server builds them again when it first opens a restored directory.
//!
//! Reading order: `manifest` (what a backup says about itself), `source` (where its files come from), `target` and
//! `archive` (where they go), `create`, `check` and `restore` (the verbs).

mod archive;
mod check;
mod create;
mod manifest;
mod restore;
mod source;
mod target;

pub(crate) use check::{Finding, Report, check};
pub(crate) use create::{from_data, from_server};
pub(crate) use manifest::{Manifest, is_plain};
pub(crate) use restore::{MARKER, restore};
pub(crate) use source::ServerBackups;
