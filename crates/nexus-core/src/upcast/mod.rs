//! Upcasting: stored payloads of earlier schema versions, brought to the version that a reader knows.
//!
//! The log never changes, so a reader meets payloads of every version an event type ever had. [`Upcasters`] is the one
//! seam between the two: it takes a [`RecordedEvent`](crate::RecordedEvent) as stored and hands out a [`CurrentEvent`],
//! the only thing that aggregates and projections fold. A reader that forgets to upcast does not compile.
//!
//! An [`Upcaster`] leads from one version to the next, by declared [`Steps`] or by a function. Versions are numbers and
//! are compared as numbers. What cannot be brought to its version is an [`UpcastError`] with its place, never skipped.

mod chain;
mod change;
mod error;
mod pointer;
mod steps;
mod upcaster;
mod upcasters;

pub use chain::{Chain, ChainError, DeclaredUpcaster};
pub use change::{Change, JsonType, Others};
pub use error::{UpcastError, UpcastFault};
pub use pointer::{Pattern, Pointer};
pub use steps::{Step, Steps};
pub use upcaster::{UpcastFailure, UpcastOutput, Upcaster};
pub use upcasters::{CurrentEvent, PayloadCheck, Upcasters};
