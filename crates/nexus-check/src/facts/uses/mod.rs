//! What the sources of a repository do that rules speak about: whom they call, which tables they touch, what they
//! import, which events they make. Only uses of what the repository knows are kept.
//!
//! Reading order: `known` (the names that count, with the `packages` of Java and Kotlin), `seen` (what is found in one file), then a module for each kind.

mod calls;
mod deploy;
mod events;
mod imports;
mod known;
mod packages;
mod seen;
mod tables;

pub(crate) use imports::Target;
pub(crate) use known::Known;
pub(crate) use packages::Packages;
pub(crate) use seen::{Seen, TableUse};
