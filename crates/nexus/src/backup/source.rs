use std::{
    fs::File,
    io::{self, Read, Write},
    sync::Arc,
};

use nexus_api::BackupSource;
use nexus_core::{Timestamp, ports::ReadError};
use nexus_log::{LogEventStore, LogPrefix};

use super::{
    archive::TarTarget,
    manifest::{FileEntry, Manifest},
};
use crate::data_dir::DataDir;

/// Takes the files of a backup one after the other.
pub(crate) trait Target {
    /// Takes a file of exactly `bytes` bytes. `path` is [plain](super::manifest::is_plain).
    fn file(&mut self, path: &str, bytes: u64, content: &mut dyn Read) -> io::Result<()>;
}

/// What a backup is made of, fixed at one moment.
pub(crate) struct Source {
    prefix: LogPrefix,
    /// The log's key and its signed heads, with their contents.
    history: Vec<(String, Vec<u8>)>,
    kept: Vec<(String, File)>,
    begun: Timestamp,
}

impl Source {
    /// The log of `data` up to its head of now, and the files that do not follow from it.
    pub(crate) fn new(data: &DataDir, log: &LogEventStore, now: Timestamp) -> Result<Self, io::Error> {
        let unreadable = |error: ReadError| io::Error::other(error.to_string());
        // Heads first: none of them may be over more events than are copied.
        let history = history_files(data)?;
        let prefix = log.prefix().map_err(unreadable)?;
        Ok(Self { prefix, history, kept: data.underived_files()?, begun: now })
    }

    /// Copies all files into `target` and answers the manifest of what was copied.
    pub(crate) fn copy_to(&self, target: &mut dyn Target) -> io::Result<Manifest> {
        let mut files = Vec::new();
        for segment in self.prefix.segments() {
            let path = format!("{}/{}", DataDir::LOG, segment.path().to_string_lossy());
            files.push(copy(target, path, segment.bytes(), &mut segment.reader())?);
        }
        for (path, content) in &self.history {
            files.push(copy(target, path.clone(), content.len() as u64, &mut content.as_slice())?);
        }
        for (name, file) in &self.kept {
            files.push(copy(target, name.clone(), file.metadata()?.len(), &mut &*file)?);
        }
        let (position, hash) = (self.prefix.position().get(), self.prefix.hash().to_string());
        Ok(Manifest::new(position, hash, self.begun, files))
    }

    /// Bytes that [`copy_to`](Self::copy_to) will copy out of the log.
    pub(crate) fn bytes(&self) -> u64 {
        self.prefix.segments().iter().map(nexus_log::PrefixSegment::bytes).sum()
    }
}

/// Without its key and heads a restored log would be another one to whoever kept a head of it.
fn history_files(data: &DataDir) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for name in LogEventStore::HISTORY_FILES {
        match std::fs::read(data.log().join(name)) {
            Ok(content) => files.push((format!("{}/{name}", DataDir::LOG), content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

fn copy(target: &mut dyn Target, path: String, bytes: u64, content: &mut dyn Read) -> io::Result<FileEntry> {
    let mut hashing = Hashing::new(content.take(bytes));
    target.file(&path, bytes, &mut hashing)?;
    let (read, blake3) = hashing.finish();
    if read != bytes {
        return Err(io::Error::other(format!("{path} changed while it was copied")));
    }
    Ok(FileEntry { path, bytes, blake3 })
}

/// Hashes and counts what is read through it.
pub(crate) struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Hashing<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, hasher: blake3::Hasher::new() }
    }

    /// How many bytes were read, and their hash in hexadecimal.
    pub(crate) fn finish(self) -> (u64, String) {
        (self.hasher.count(), self.hasher.finalize().to_hex().to_string())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buf)?;
        self.hasher.update(buf.get(..got).unwrap_or_default());
        Ok(got)
    }
}

/// The backups that a running server hands out.
pub(crate) struct ServerBackups {
    pub(crate) data: DataDir,
    pub(crate) log: Arc<LogEventStore>,
    pub(crate) clock: Arc<dyn nexus_core::ports::Clock>,
}

impl BackupSource for ServerBackups {
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let source = Source::new(&self.data, &self.log, self.clock.now())?;
        let mut archive = TarTarget::new(out, self.clock.now());
        let manifest = source.copy_to(&mut archive)?;
        archive.finish(&manifest)
    }
}
