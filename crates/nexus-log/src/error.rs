//! Why a log cannot be opened or verified. These errors are for the operator of the machine and name files.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Why a log was not opened. Nothing was deleted; what was damaged is still there to look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process (or another store in this one) has the directory open.
    #[error("another process has this data directory open: {}; stop it or choose another directory", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// The directory was written by a newer program.
    #[error(
        "{} has format version {found}, this program reads up to {supported}; use the newer program",
        file.display()
    )]
    NewerFormat {
        /// The file that says so.
        file: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest this program reads.
        supported: u32,
    },
    /// Acknowledged data is damaged. It is not repaired here: restore a backup, or look at it with `verify`.
    #[error("the log is corrupt: {0}")]
    Corrupt(Damage),
    /// An option is out of bounds.
    #[error("{reason}")]
    InvalidOptions {
        /// Which, and its bounds.
        reason: String,
    },
    /// The operating system refused an operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "open", "flush", …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_path_buf(), source }
    }
}

/// A damaged place in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Byte offset in the file where it begins.
    pub offset: u64,
    /// Position of the first event that is damaged or missing.
    pub position: u64,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}, position {}: {}", self.file.display(), self.offset, self.position, self.reason)
    }
}
