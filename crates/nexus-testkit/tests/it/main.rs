//! The suites against the fakes of this crate, and against fakes that are wrong on purpose.

#[cfg(test)]
mod memory;
