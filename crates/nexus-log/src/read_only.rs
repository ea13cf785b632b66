//! Files that are only looked at.

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::Arc,
};

use crate::storage::{DirectoryLock, FileStorage, Storage, StorageFile};

/// The file system, for looking only: nothing is made, changed or locked, so that a copy of a log can be verified on a
/// medium that cannot be written.
///
/// Nothing keeps another process from opening the same log, so it is for copies that nobody opens.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOnlyStorage;

struct Unlocked;

impl DirectoryLock for Unlocked {}

fn refuse<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "this log is only looked at"))
}

impl Storage for ReadOnlyStorage {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() { Ok(()) } else { refuse() }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        FileStorage.list(dir)
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        Ok(Some(Box::new(Unlocked)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        // Writing to a file that is open for reading fails.
        Ok(Arc::new(File::open(path)?))
    }

    fn create(&self, _path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        refuse()
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        refuse()
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        refuse()
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        refuse()
    }
}
