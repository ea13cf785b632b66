use std::path::PathBuf;

/// The gate could not do its work. It blocks: what was not looked at is not known to be well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There is nothing that rules speak about.
    #[error("nothing to check below {}: no `nexus.service.toml`, no schema files, no policies", root.display())]
    Nothing {
        /// Where it was looked for.
        root: PathBuf,
    },
    /// A file or directory cannot be read.
    #[error("{file} cannot be read: {reason}")]
    Unreadable {
        /// Relative to the root where it is below it.
        file: String,
        /// What the operating system says.
        reason: String,
    },
    /// A file is larger than what is looked at.
    #[error("{file} has {size} bytes, more than the {limit} that are checked")]
    TooLarge {
        /// Relative to the root.
        file: String,
        /// Its size in bytes.
        size: u64,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// There are more files than what is looked at.
    #[error("more than {limit} files to check")]
    TooMany {
        /// The most that are read.
        limit: usize,
    },
    /// A manifest, a lock or a crate manifest is not what it has to be.
    #[error("{file}:{line}:{column}: {reason}")]
    Malformed {
        /// Relative to the root.
        file: String,
        /// 1-based.
        line: u32,
        /// 1-based, in characters.
        column: u32,
        /// What is wrong.
        reason: String,
        /// What mends it.
        fix: String,
    },
    /// What to compare with cannot be had.
    #[error("cannot compare with {base}: {reason}")]
    Base {
        /// The revision, directory or address.
        base: String,
        /// What went wrong.
        reason: String,
    },
    /// The server to compare with does not let whoever asks read its schemas.
    #[error("cannot compare with {base}: {reason}")]
    NotLetIn {
        /// Its address.
        base: String,
        /// What it answers.
        reason: String,
    },
}

impl CheckError {
    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::Nothing { .. } => "check the root of a repository, or describe its services in `nexus.service.toml`",
            Self::Unreadable { .. } => "make it readable to whoever runs the check, or name it in `.nexusignore`",
            Self::TooLarge { .. } => "split it, or name it in `.nexusignore` when no rule is about it",
            Self::TooMany { .. } => "name what is not written by hand in `.gitignore` or `.nexusignore`",
            Self::Malformed { fix, .. } => fix,
            Self::NotLetIn { .. } => {
                "give a token that the server accepts and that may read schemas, such as one with the role reader: \
                 NEXUS_TOKEN, or --token-file"
            }
            Self::Base { .. } => "name a revision that is fetched, a checkout, or a server that answers",
        }
        .to_owned()
    }
}
