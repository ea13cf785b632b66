//! Upcasting: single steps, chains of them against a model, and wrong chains that the cases catch.

mod chains;
mod model;
mod random;
mod steps;
mod support;
mod wrong;
