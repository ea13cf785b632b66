//! The baseline: findings that were there when the gate was introduced. It can only shrink.

mod file;
mod known;

pub use file::BaselineError;
pub use known::Baseline;
