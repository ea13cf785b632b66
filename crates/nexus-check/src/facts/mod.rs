//! The facts of a repository: what its files say, with places, before anything is judged.
//!
//! Reading order: `facts` (everything together), `files` (which files count), `text` (places in them), `manifest`,
//! `schemas`, `crates`, `policies` (what is declared), `source` and `sql` (how programs are read), `uses` (what they
//! do), `base` (what there was before).

mod base;
mod crates;
#[expect(clippy::module_inception, reason = "the file is the type, the folder how it is read")]
mod facts;
mod files;
mod git;
mod json;
mod manifest;
mod policies;
mod registry;
mod schemas;
mod source;
mod sql;
mod text;
mod uses;

pub use facts::{FactCounts, Facts};
pub(crate) use files::relative;
pub(crate) use manifest::{At, Endpoint, Limit, Produced, Role, ServiceManifest};
pub(crate) use policies::PolicyBundle;
pub(crate) use schemas::{SchemaFile, Schemas, Versions};
pub(crate) use text::{Text, directory_of, is_below};
pub(crate) use uses::{Known, Seen, TableUse, Target};
