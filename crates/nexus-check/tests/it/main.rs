//! The gate over whole repositories: the demonstration and its repaired twin, planted violations, hostile files.

mod demonstration;
mod support;
