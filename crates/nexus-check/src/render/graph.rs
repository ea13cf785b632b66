use serde_json::json;

use super::{RenderError, Rendering, clean, json};
use crate::ServiceGraph;

/// The ways a graph of services is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GraphRendering {
    /// One JSON document, versioned like that of a report.
    Json,
    /// The text of a Mermaid flowchart.
    Mermaid,
}

/// Tells a graph; the text ends with a line feed.
///
/// # Errors
/// When a writer of a format refuses what it is given.
pub fn render_graph(graph: &ServiceGraph, rendering: GraphRendering) -> Result<String, RenderError> {
    match rendering {
        GraphRendering::Json => {
            let graph = serde_json::to_value(graph).map_err(|error| json::refused(Rendering::Json, &error))?;
            let document = json!({ "version": json::VERSION, "graph": graph });
            Ok(clean::json(&format!("{document:#}\n")))
        }
        GraphRendering::Mermaid => Ok(graph.mermaid().lines().map(|line| clean::one_line(line) + "\n").collect()),
    }
}
