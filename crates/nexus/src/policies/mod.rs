//! Policies in a repository or a directory: reading them, watching them, and asking what they would have decided.
//!
//! Reading order: `directory` reads modules and follows their changes; `candidate` puts them beside what the
//! application declares; `history` asks them about what is stored.

mod candidate;
mod directory;
mod history;

pub(crate) use candidate::Candidate;
pub(crate) use directory::{LOCAL, read, watch};
pub(crate) use history::{Difference, History};
