//! The schema registry: knows the JSON Schema of every event and command type, in every version, and checks
//! documents against them.
//!
//! **What belongs here:** judging schemas (are they usable, bounded, self-contained?), closing them for writers,
//! compiling and caching them, and explaining violations. **What does not:** storing registrations (the runtime
//! keeps them as events and calls `SubjectRegistry::apply`), HTTP, and deciding who may register.
//!
//! **Writer-closed.** A schema that declares `properties` and says nothing about other members refuses undeclared
//! ones. The rule is applied to the compiled form; the stored document and its digest are those of the original.
//! `additionalProperties: true` opens an object again.
//!
//! **Self-contained and bounded.** Nothing is fetched: references stay inside the document, or lead to schemas that
//! are registered and are copied into it. Patterns run on an
//! engine whose time is linear in the text. A schema whose branches multiply with the depth of a document gets a
//! depth limit that keeps a check cheap.
//!
//! Reading order: `registry` (what is offered), `subjects` and `upcaster` (how it changes), `state` (what is known), `bundle` (one
//! document from several), `compile` (what a schema goes through), `flat` (what is checked), `cache` (what is kept
//! compiled), `graph` and `close` (writer-closed), `limits` (what is refused and bounded), `explain` (what a person is
//! told), `compat` (whether a new version fits the earlier ones).

mod bundle;
mod cache;
mod canonical;
mod close;
pub mod compat;
mod compile;
#[cfg(test)]
mod conformance;
mod explain;
mod flat;
mod graph;
mod limits;
mod registry;
mod state;
mod subjects;
mod upcaster;

pub use registry::JsonSchemaRegistry;
