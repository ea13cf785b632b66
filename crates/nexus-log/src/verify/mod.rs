//! Reads a whole log and checks everything it says about itself, and everything that was signed about it.

mod derived;
mod expected;
mod report;
mod run;
mod walk;

pub use report::{Progress, Verification, VerifyOptions};
pub use run::{verify, verify_on, verify_with};
