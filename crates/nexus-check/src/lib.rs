//! The gate: reads the facts of a repository, holds rules against them, and reports what it finds.
//!
//! What belongs here: facts (manifests, sources, SQL, schema files, policies), the rules, exceptions and the baseline,
//! and every rendering of a finding. What does not: a server, a log, anything that writes into the repository it checks
//! except its baseline.
//!
//! Read [`Finding`] first, then `run` (what a check is), `facts`, `rules` and [`RULES`], which tells about them, `graph`. A
//! [`GateReport`] is what remains of the findings after [`Exceptions`] and the [`Baseline`], and [`render()`] tells it.

mod baseline;
mod catalogue;
mod error;
mod exceptions;
mod facts;
mod finding;
mod graph;
mod render;
mod report;
mod rules;
mod run;

pub use baseline::{Baseline, BaselineError};
pub use catalogue::{Needs, RULES, RuleDescription, rule};
pub use error::CheckError;
pub use exceptions::{Exception, Exceptions, ExceptionsError};
pub use facts::{FactCounts, Facts};
pub use finding::{Evidence, Finding, Level, Place, Point};
pub use graph::{CallEdge, EventEdge, ServiceGraph, ServiceNode, graph};
pub use render::{GraphRendering, RenderError, Rendering, Sources, one_line, render, render_graph, step_summary};
pub use report::{Excepted, GateReport, Scope};
pub use run::{AccessToken, Against, CheckOptions, Checked, Subject, check, check_facts};
