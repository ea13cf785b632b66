//! Every way a [`GateReport`](crate::GateReport) is told. One module per rendering; all of them pass what comes from the
//! repository through [`clean`], so that no file name or message is read as more than text.

mod clean;
mod exception_line;
mod github;
mod graph;
mod json;
mod junit;
mod rendering;
mod sarif;
mod snippet;
mod sources;
mod text;

pub use clean::one_line;
pub use github::step_summary;
pub use graph::{GraphRendering, render_graph};
pub use rendering::{RenderError, Rendering, render};
pub use sources::Sources;
