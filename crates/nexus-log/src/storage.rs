//! The few file operations the log is built on, as a trait, so that tests can make them fail.
//!
//! [`FileStorage`] is the real one. Everything the log promises after a crash rests on what is documented here.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Keeps a directory locked until it is dropped.
pub trait DirectoryLock: Send + Sync {}

/// A directory tree that can lose power.
pub trait Storage: Send + Sync + 'static {
    /// Makes `dir` and what is missing above it, so that they survive a power loss.
    ///
    /// # Errors
    /// When a directory cannot be made or flushed.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Names of the entries of `dir`, in any order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Takes the exclusive lock on the file at `path`, making the file; `None` when somebody else holds it.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DirectoryLock>>>;

    /// Opens an existing regular file for reading and writing.
    ///
    /// # Errors
    /// When it does not exist, is not a regular file (links included) or cannot be opened.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>>;

    /// Makes an empty file, emptying one that exists.
    ///
    /// # Errors
    /// When it cannot be made.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>>;

    /// [`create`](Self::create), where only the owner may read the file if the system knows owners.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    fn create_private(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.create(path)
    }

    /// Renames a file within one directory. Durable only after [`sync_dir`](Self::sync_dir).
    ///
    /// # Errors
    /// When it cannot be renamed.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Durable only after [`sync_dir`](Self::sync_dir).
    ///
    /// # Errors
    /// When it exists and cannot be removed.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the entries of `dir` survive a power loss.
    ///
    /// # Errors
    /// When the flush fails; what is durable is then unknown.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file, shared by one writer and many readers.
pub trait StorageFile: Send + Sync {
    /// Reads at `offset` as much as there is, up to `buf`; 0 at the end of the file.
    ///
    /// # Errors
    /// When the device cannot deliver the bytes.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `buf` at `offset`, extending the file where needed. Durable only after
    /// [`sync_data`](Self::sync_data).
    ///
    /// # Errors
    /// When it fails; any part may have been written.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;

    /// Makes contents and length survive a power loss.
    ///
    /// # Errors
    /// When the flush fails. What is durable is then unknown and stays unknown: a later success proves nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// When it cannot be determined.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// When the length cannot be determined.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }
}

impl dyn StorageFile + '_ {
    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// As [`read_at`](StorageFile::read_at); `UnexpectedEof` when the file ends before.
    pub(crate) fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            let got = self.read_at(buf, offset)?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buf = buf.get_mut(got..).unwrap_or_default();
            offset += got as u64;
        }
        Ok(())
    }
}

/// The file system of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileStorage;

impl DirectoryLock for File {}

impl Storage for FileStorage {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        self.create_dir(&parent)?;
        match fs::create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.sync_dir(&parent)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(file))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path)?;
        Ok(Arc::new(file))
    }

    fn create_private(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).read(true).write(true).mode(0o600);
        Ok(Arc::new(options.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl StorageFile for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match FileExt::read_at(self, buf, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn len(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }
}
