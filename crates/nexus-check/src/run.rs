use std::path::PathBuf;

use serde::Serialize;

use crate::Finding;

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// The root of the repository.
    pub root: PathBuf,
    /// Only these parts of it; everything when empty.
    pub paths: Vec<PathBuf>,
    /// What to compare with.
    pub against: Option<Against>,
    /// Only these files, as git has them staged.
    pub changed_only: Option<Vec<PathBuf>>,
    /// The digest of the bundle that will be in force at run time.
    pub bundle_digest: Option<String>,
}

/// What a repository is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// A revision of its own history.
    Revision(String),
    /// Another checkout.
    Directory(PathBuf),
    /// The registry of a server.
    Url(String),
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// What they looked at.
    pub subjects: Vec<Subject>,
    /// How much was read.
    pub facts: FactCounts,
}

/// One thing that a rule looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// The rule.
    pub rule: &'static str,
    /// The thing.
    pub name: String,
    /// How many findings it has.
    pub findings: usize,
}

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FactCounts {
    /// Service manifests.
    pub manifests: usize,
}

/// Why the gate itself failed.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is nothing to check.
    #[error("there is nothing to check in {}", .0.display())]
    NothingToCheck(PathBuf),
}

/// Reads the facts of a repository and holds the rules against them.
///
/// # Errors
/// When the gate itself fails.
pub fn check(options: &CheckOptions) -> Result<Checked, CheckError> {
    Err(CheckError::NothingToCheck(options.root.clone()))
}
