//! The gate over whole repositories: the demonstration and its repaired twin, planted violations, a state before,
//! hostile files.

mod against;
mod demonstration;
mod graph;
mod hostile;
mod planted;
mod support;
