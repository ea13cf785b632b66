//! Who may do what, asked at the doors.

mod service;

pub use service::{Decision, PolicyService};
