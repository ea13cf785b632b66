//! The contract of [`ReadStore`](nexus_core::ports::ReadStore) and
//! [`ResourceStore`](nexus_core::ports::ResourceStore).
//!
//! Null is smaller than every value: first in ascending order, last in descending. `Eq` and `In` may look for null;
//! the other operators refuse it and never find it.

mod commits;
mod filters;
mod fixture;
mod paging;
mod reopening;
mod suite;
mod support;

pub use commits::*;
pub use filters::*;
pub use fixture::ReadStoreFixture;
pub use paging::*;
pub use reopening::*;
pub use suite::CASES;
