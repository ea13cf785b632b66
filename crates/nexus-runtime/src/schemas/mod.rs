//! The schema registry as part of the log: every change is a governed event in `$schemas` before it holds.
//!
//! Reading order: `service` (registering, configuring, deleting), `stored` (how changes are written in events),
//! `proving` (upcasters that come with a version), `seam` (what readers are given once a change is in force), `scan` (what
//! the log says about a schema), `failure` (why not).

mod failure;
mod proving;
mod scan;
mod seam;
mod service;
mod stored;

pub use failure::SchemaFailure;
pub use scan::{DryRunFailure, LogDryRun, ScanRange, SchemaUsage, VersionUsage};
pub use service::{Changed, RegisteredNow, SchemaService};
pub(crate) use service::{Declared, SchemaParts};
pub(crate) use stored::{SCHEMA_REGISTERED, SCHEMAS, change_of, event_of, own_schemas, schema_registered_schema};
