//! `cargo xtask tidy`: the rules of the repository that no compiler checks. One module per rule; each takes the
//! [`Repository`] as data and answers findings, so that every rule is tested with planted violations.

mod codes;
mod example;
mod finding;
mod glossary;
mod layers;
mod layout;
mod links;
mod manifests;
mod markdown;
mod proofs;
mod report;
mod repository;
mod root;
mod sizes;
mod syntax;
mod tests_rule;

use finding::Finding;
pub(crate) use report::run;
use repository::{Member, Repository};
