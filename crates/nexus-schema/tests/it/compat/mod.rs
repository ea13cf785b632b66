//! Whether versions fit each other.

mod documents;
mod hostile;
mod pairs;
mod random;
mod schemas;
mod soundness;
mod table;
mod verdicts;
