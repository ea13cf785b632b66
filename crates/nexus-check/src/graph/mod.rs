//! Which services there are and how they hang together, as data and as a picture.

#[expect(clippy::module_inception, reason = "the file is the type, the folder how it is drawn")]
mod graph;
mod mermaid;

pub use graph::{CallEdge, EventEdge, ServiceGraph, ServiceNode, graph};
