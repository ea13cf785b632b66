//! Where a node keeps its files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{backup, exit::Failure};

/// A data directory: `log/`, `read/` and a small secret for cursors.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Removes the directory when dropped.
    temporary: Option<TempDir>,
}

impl DataDir {
    /// The name of the log's directory.
    pub(crate) const LOG: &str = "log";

    /// A directory that is kept; made when it does not exist.
    pub(crate) fn kept(path: &Path) -> Result<Self, Failure> {
        let refused = |error: io::Error| {
            Failure::usage(format_args!("the data directory {} cannot be used: {error}", path.display()))
                .hint("choose a directory this user may write with --data DIR")
        };
        fs::create_dir_all(path).map_err(refused)?;
        let path = path.canonicalize().map_err(refused)?;
        if !path.is_dir() {
            return Err(refused(io::Error::from(io::ErrorKind::NotADirectory)));
        }
        if path.join(backup::MARKER).exists() {
            let problem = format!("{} was not restored to its end and may lack events", path.display());
            return Err(Failure::usage(problem).hint("remove the directory and run `backup restore` again"));
        }
        Ok(Self { path, temporary: None })
    }

    /// A directory that a server has kept data in; nothing is made.
    pub(crate) fn existing(path: &Path) -> Result<Self, Failure> {
        if !path.join(Self::LOG).is_dir() {
            return Err(Failure::usage(format_args!("{} holds no data of a server", path.display()))
                .hint("name the directory that the server was started with: --data DIR"));
        }
        Self::kept(path)
    }

    /// A directory of its own that is removed when the node stops.
    pub(crate) fn temporary() -> Result<Self, Failure> {
        let temporary = TempDir::with_prefix("nexus-dev-").map_err(|error| {
            Failure::usage(format_args!("no temporary directory can be made: {error}"))
                .hint("name a directory with --data DIR")
        })?;
        Ok(Self { path: temporary.path().to_owned(), temporary: Some(temporary) })
    }

    /// The same directory, for somebody who does not decide when it is removed.
    pub(crate) fn shared(&self) -> Self {
        Self { path: self.path.clone(), temporary: None }
    }

    /// The log's directory.
    pub(crate) fn log(&self) -> PathBuf {
        log_dir(&self.path)
    }

    /// The directory of the read models.
    pub(crate) fn read(&self) -> PathBuf {
        self.path.join("read")
    }

    /// The files that do not follow from the log, by name: every regular file beside the directories, which are keys.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub(crate) fn underived_files(&self) -> io::Result<Vec<(String, fs::File)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let passing = name.ends_with(".tmp") || !backup::is_plain(&name);
            if entry.file_type()?.is_file() && !passing {
                files.push((name, fs::File::open(entry.path())?));
            }
        }
        files.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(files)
    }

    /// Whether it is removed when the node stops.
    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// What is stored where and whether it is kept, for a person.
    pub(crate) fn describe(&self) -> String {
        let path = self.path.display();
        match self.temporary {
            Some(_) => format!("{path} (temporary: removed on exit; keep it with --data DIR)"),
            None => format!("{path} (kept)"),
        }
    }

    /// The key that seals cursors: made once per data directory, so that cursors outlive a restart.
    pub(crate) fn cursor_key(&self) -> Result<[u8; 32], Failure> {
        let path = self.path.join("cursor.key");
        let unusable = |error: io::Error| {
            Failure::usage(format_args!("the key file {} cannot be used: {error}", path.display()))
                .hint("restore it, or remove it so that a new one is made (open cursors become invalid)")
        };
        match fs::read(&path) {
            Ok(bytes) => bytes.try_into().map_err(|_| unusable(io::Error::other("it is not 32 bytes long"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; 32];
                let (first, second) = key.split_at_mut(16);
                first.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
                second.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
                write_private(&path, &key).map_err(unusable)?;
                Ok(key)
            }
            Err(error) => Err(unusable(error)),
        }
    }
}

/// The log's directory in the data directory `path`.
pub(crate) fn log_dir(path: &Path) -> PathBuf {
    path.join(DataDir::LOG)
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_key_is_made_once_and_kept() {
        let dir = DataDir::temporary().unwrap();
        let first = dir.cursor_key().unwrap();
        assert_eq!(dir.cursor_key().unwrap(), first);
        assert_ne!(first, [0; 32]);
        fs::write(dir.path.join("cursor.key"), b"short").unwrap();
        assert!(dir.cursor_key().is_err());
    }
}
