//! The gate: reads the facts of a repository, holds rules against them, and reports what it finds.
//!
//! What belongs here: facts (manifests, sources, SQL, schema files, policies), the rules, exceptions and the baseline,
//! and every rendering of a finding. What does not: a server, a log, anything that writes into the repository it checks
//! except its baseline.
//!
//! Read [`Finding`] first, then `run` (what a check is), `facts`, `rules`, `graph`.

mod error;
mod facts;
mod finding;
mod graph;
mod rules;
mod run;

pub use error::CheckError;
pub use facts::{FactCounts, Facts};
pub use finding::{Evidence, Finding, Level, Place, Point};
pub use graph::{CallEdge, EventEdge, ServiceGraph, ServiceNode, graph};
pub use run::{Against, CheckOptions, Checked, Subject, check, check_facts};
