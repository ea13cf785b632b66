//! Whether versions fit each other.

mod documents;
mod pairs;
mod random;
mod schemas;
mod soundness;
mod table;
