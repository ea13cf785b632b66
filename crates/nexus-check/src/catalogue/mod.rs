//! The rules of the gate as texts: the one source for `nexus check --explain`, SARIF and the pages in `docs/rules`.

mod description;
mod table;

pub use description::{Needs, RuleDescription, rule};
pub use table::RULES;
