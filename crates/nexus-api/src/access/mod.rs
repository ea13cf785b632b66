//! Who gets through which door: every route is registered together with what is asked before its handler runs.
//!
//! [`Routes`] takes no route without an [`Access`], so that a route nobody thought about does not compile. The
//! [guard](guard::guard) stands before all of them: it establishes who asks, counts the request against the limits of
//! its client, and asks the policy. What a reader of the whole log may see of it, its handler asks as [`LogView`].

pub(crate) mod guard;
mod limits;
mod routes;
mod rule;
mod view;

pub(crate) use limits::{Client, Limiter};
pub use limits::{RateClass, RateLimit, RateLimits};
pub use routes::AccessRule;
pub(crate) use routes::{AccessTable, Routes};
pub(crate) use rule::{Access, Door};
pub(crate) use view::LogView;
