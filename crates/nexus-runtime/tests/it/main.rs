//! Whole nodes over ports in memory.

mod domain;
mod evolution;
