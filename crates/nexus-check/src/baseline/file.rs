use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::known::{Baseline, Known};

/// The version of the file's form.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    findings: Vec<Known>,
}

/// Why a baseline could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file cannot be read or written.
    #[error("the baseline {} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no baseline.
    #[error("the baseline {} cannot be read: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with the line.
        reason: String,
    },
    /// There is one already, and a baseline does not grow.
    #[error("there is a baseline already: {}", .0.display())]
    Exists(PathBuf),
}

impl Baseline {
    /// Reads a file; `name` is what findings about it call it, relative to the root of the repository.
    ///
    /// # Errors
    /// When it cannot be read or is no baseline.
    pub fn read(path: &Path, name: &str) -> Result<Self, BaselineError> {
        let text = fs::read_to_string(path).map_err(|source| BaselineError::Io { path: path.to_owned(), source })?;
        let malformed = |reason: String| BaselineError::Malformed { path: path.to_owned(), reason };
        let document: Document = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if document.version != VERSION {
            return Err(malformed(format!("its version is {}, this program knows {VERSION}", document.version)));
        }
        let mut baseline = Self::default();
        for known in document.findings {
            if let Some(twice) = baseline.entries.insert(known.fingerprint.clone(), known) {
                return Err(malformed(format!("it has {} twice", twice.fingerprint)));
            }
        }
        baseline.file = Some((name.to_owned(), text));
        Ok(baseline)
    }

    /// Writes a first one.
    ///
    /// # Errors
    /// When there is one already, or it cannot be written.
    pub fn create(&self, path: &Path) -> Result<(), BaselineError> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => BaselineError::Exists(path.to_owned()),
            _ => BaselineError::Io { path: path.to_owned(), source },
        };
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(refused)?;
        file.write_all(self.text()?.as_bytes()).map_err(refused)
    }

    /// Writes what is left of one over the earlier one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace(&self, path: &Path) -> Result<(), BaselineError> {
        let refused = |source: io::Error| BaselineError::Io { path: path.to_owned(), source };
        fs::write(path, self.text()?).map_err(refused)
    }

    /// The text of the file: sorted by file, rule and pointer, so that a change shows what it is about.
    ///
    /// # Errors
    /// Never in practice: texts and numbers can always be written.
    fn text(&self) -> Result<String, BaselineError> {
        let mut findings: Vec<Known> = self.entries.values().cloned().collect();
        findings.sort_by(|a, b| (&a.file, &a.rule, &a.pointer).cmp(&(&b.file, &b.rule, &b.pointer)));
        let text = serde_json::to_string_pretty(&Document { version: VERSION, findings });
        let text =
            text.map_err(|error| BaselineError::Malformed { path: PathBuf::new(), reason: error.to_string() })?;
        Ok(text + "\n")
    }
}
