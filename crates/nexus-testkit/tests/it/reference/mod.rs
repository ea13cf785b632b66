//! The simplest adapters that pass the suites of the registry and of the policy engine, straight on their libraries,
//! and wrong variants of them. Written for reading, not for speed.

mod policy;
mod schemas;

pub(crate) use policy::{PolicyFlaw, ReferencePolicy};
pub(crate) use schemas::{ReferenceSchemas, SchemaFlaw};
