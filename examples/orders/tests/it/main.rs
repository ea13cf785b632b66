//! The rules of the Order domain, its read model and its policy.

mod decisions;
mod policy;
mod rows;
mod schemas;
