//! Schemas of a remote registry that speaks Confluent's interface.
//!
//! **What belongs here:** asking such a registry, and answering the port [`SchemaRegistry`](nexus_core::ports::SchemaRegistry)
//! from what it said. **What does not:** checking documents, which the registry does that this one stands over, and
//! changing the remote registry: its subjects are somebody else's.
//!
//! **Nothing waits for the network.** The port answers from memory. What is not known is fetched in the background and
//! refused meanwhile as not known yet, so that a client tries again; [`ConfluentSchemaRegistry::resolve`] waits, for
//! whoever wants to warm up before. What was fetched is asked for again when its lifetime is over and used as it is until
//! the answer is there: when the registry is down, the last that was known stays in force, which a metric and a line in
//! the log say. Versions never change, so nothing stale is ever wrong; it may only not be the newest.
//!
//! Reading order: `options`, `remote` (one request, with its limits and retries), `kept` (what is known),
//! `registry` (the port), `fetch` (from an answer to a schema that checks).

mod fetch;
mod kept;
mod options;
mod registry;
mod remote;

pub use options::{RemoteOptions, SubjectNames};
pub use registry::{ConfluentSchemaRegistry, ResolveError};
pub use remote::RemoteError;
