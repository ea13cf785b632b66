use std::{
    io,
    path::{Path, PathBuf},
};

use globset::GlobMatcher;
use jiff::civil::Date;

use super::read;
use crate::{Finding, Place};

/// Lets findings of a rule pass at a place, about one thing, or both, until a day.
#[derive(Debug, Clone)]
pub struct Exception {
    /// The rule.
    pub rule: &'static str,
    /// The files, as it is written; every file when absent.
    pub files: Option<String>,
    /// What the finding must be about; anything when absent.
    pub pointer: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why it was made.
    pub reason: String,
    /// The last day it holds.
    pub expires: Date,
    /// Where it is written.
    pub place: Place,
    /// Where its last day is written.
    pub(super) expires_place: Place,
    /// The files.
    pub(super) matcher: Option<GlobMatcher>,
}

impl Exception {
    /// Whether it is about this finding, whatever the day.
    #[must_use]
    pub fn concerns(&self, finding: &Finding) -> bool {
        let here = self.matcher.as_ref().is_none_or(|files| files.is_match(&finding.place.file));
        let about = self.pointer.as_ref().is_none_or(|pointer| *pointer == finding.pointer);
        self.rule == finding.rule && here && about
    }

    /// What names it from one run to the next.
    pub(super) fn name(&self) -> String {
        read::name(Some(self.rule), self.files.as_deref(), self.pointer.as_deref())
    }
}

/// All exceptions of a repository.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    /// Those that are complete, in the order they are written.
    pub entries: Vec<Exception>,
    /// What is wrong with the others, which are not in force.
    pub findings: Vec<Finding>,
}

impl Exceptions {
    /// Their file, in the root of the repository.
    pub const FILE: &'static str = "nexus.exceptions.toml";

    /// Reads those of a repository; none when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read or is no TOML: what it excepts is then unknown.
    pub fn read(root: &Path) -> Result<Self, ExceptionsError> {
        let path = root.join(Self::FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(Self::FILE, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ExceptionsError::Unreadable { path, source }),
        }
    }

    /// Reads the text of a file of this name.
    ///
    /// # Errors
    /// When it is no TOML.
    pub fn parse(file: &str, text: &str) -> Result<Self, ExceptionsError> {
        read::exceptions(file, text)
    }
}

/// Why exceptions could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionsError {
    /// The file is there and cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{file}:{line}:{column}: {reason}")]
    NotToml {
        /// The file.
        file: String,
        /// 1-based line.
        line: u32,
        /// 1-based column, in characters.
        column: u32,
        /// What the parser said.
        reason: String,
    },
}
