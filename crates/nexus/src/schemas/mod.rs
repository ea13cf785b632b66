//! Schemas in a repository: a directory of files, one for each version ever published, and a lock that keeps them from
//! being changed afterwards. Checked without a server, by the same rules that a server applies.

mod asyncapi;
mod check;
mod declared;
mod files;
mod lock;
mod report;
mod typescript;

pub(crate) use asyncapi::asyncapi;
pub(crate) use check::check;
pub(crate) use declared::{Declared, declared};
pub(crate) use files::{SchemaFiles, digest_of};
pub(crate) use lock::Lock;
pub(crate) use report::{change_document, changes_text, finding_document, findings_text};
pub(crate) use typescript::typescript;
