//! Bugs planted on purpose, to show that the tests would notice them.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use nexus_log::storage::{DirectoryLock, Storage, StorageFile};

use crate::{
    crash_states::{Thoroughness, enumerate},
    device_errors,
    scorecard::seed,
    simulated::{Disk, Fault},
    subject::Subject,
    workload::{Workload, record},
};

/// A bug between the log and its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    /// A flush answers at once and does nothing.
    FlushLies,
    /// Directories are never flushed.
    NoDirectoryFlush,
    /// What becomes the next segment is not flushed before it gets its name.
    NoFlushOfNewSegments,
    /// A flush that failed is tried again, and believed.
    RetriesFlush,
    /// A write that would change nothing that is seen is left out.
    SkipsSameWrites,
    /// A file has one handle, so that who flushes first takes the report of a failure away from all others.
    SharedHandle,
}

struct Buggy {
    disk: Disk,
    bug: Bug,
}

struct BuggyFile {
    file: Arc<dyn StorageFile>,
    path: PathBuf,
    bug: Bug,
}

impl Buggy {
    fn storage(disk: Disk, bug: Bug) -> Arc<dyn Storage> {
        Arc::new(Self { disk, bug })
    }

    fn wrap(&self, file: Arc<dyn StorageFile>, path: &Path) -> Arc<dyn StorageFile> {
        Arc::new(BuggyFile { file, path: path.to_path_buf(), bug: self.bug })
    }
}

impl Storage for Buggy {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.disk.lock(path)
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.disk.open(path)?, path))
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.disk.create(path)?, path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.bug == Bug::NoDirectoryFlush { Ok(()) } else { self.disk.sync_dir(dir) }
    }
}

impl StorageFile for BuggyFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        if self.bug == Bug::SharedHandle {
            self.file.write_all_at(buf, offset)?;
            // Another thread's flush of the same handle: it takes the error that was the writer's to see.
            let _ = self.file.sync_data();
            return Ok(());
        }
        if self.bug == Bug::SkipsSameWrites {
            let mut seen = vec![0; buf.len()];
            if self.file.read_at(&mut seen, offset)? == buf.len() && seen == buf {
                return Ok(());
            }
        }
        self.file.write_all_at(buf, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        let is_new = self.path.ends_with("next.tmp");
        match self.bug {
            Bug::FlushLies => Ok(()),
            Bug::NoFlushOfNewSegments if is_new => Ok(()),
            Bug::RetriesFlush => self.file.sync_data().or_else(|_| self.file.sync_data()),
            _ => self.file.sync_data(),
        }
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

/// What the enumeration of crash states finds.
async fn caught_by_crash_states(subject: Subject, workload: Workload) -> String {
    let how = Thoroughness { stride: 1, extra: 0, second: usize::MAX };
    let recording = record(&subject, workload, seed()).await;
    enumerate(&recording, how, seed()).await.expect_err("the bug is not noticed")
}

#[tokio::test]
async fn an_acknowledgement_before_the_flush_is_caught_by_crash_states() {
    let subject = Subject { storage: |disk| Buggy::storage(disk, Bug::FlushLies), ..Subject::LOG };
    let what = caught_by_crash_states(subject, Workload::Single).await;
    assert!(what.contains("were acknowledged") || what.contains("does not open"), "{what}");
}

#[tokio::test]
async fn a_directory_that_is_not_flushed_is_caught_by_crash_states() {
    let subject = Subject { storage: |disk| Buggy::storage(disk, Bug::NoDirectoryFlush), ..Subject::LOG };
    let what = caught_by_crash_states(subject, Workload::Single).await;
    assert!(what.contains("were acknowledged") || what.contains("verify"), "{what}");
}

#[tokio::test]
async fn a_new_segment_without_a_flush_is_caught_by_crash_states() {
    let subject = Subject { storage: |disk| Buggy::storage(disk, Bug::NoFlushOfNewSegments), ..Subject::LOG };
    let what = caught_by_crash_states(subject, Workload::Roll).await;
    assert!(what.contains("corrupt"), "{what}");
}

/// What a failing device finds, the operation that fails moved on until the bug shows. Which operation is the nth
/// depends on the threads of the log, so the walk over them is repeated.
async fn caught_by_device_errors(subject: Subject) -> String {
    for nth in (0..10).flat_map(|_| 0..60) {
        if let Err(what) = device_errors::run(&subject, (nth, Fault::Device), seed() + nth as u64).await {
            return what;
        }
    }
    panic!("the bug is not noticed");
}

#[tokio::test]
async fn a_flush_tried_again_after_it_failed_is_caught_by_device_errors() {
    let subject = Subject { storage: |disk| Buggy::storage(disk, Bug::RetriesFlush), ..Subject::LOG };
    let what = caught_by_device_errors(subject).await;
    assert!(what.contains("is not there") || what.contains("corrupt"), "{what}");
}

#[tokio::test]
async fn a_recovery_that_does_not_write_again_is_caught_by_device_errors() {
    let subject = Subject { storage: |disk| Buggy::storage(disk, Bug::SkipsSameWrites), ..Subject::LOG };
    let what = caught_by_device_errors(subject).await;
    assert!(what.contains("after a restart"), "{what}");
}

#[tokio::test]
async fn a_failed_flush_hidden_by_another_flush_is_caught_by_device_errors() {
    let subject = Subject { storage: |disk| Buggy::storage(disk, Bug::SharedHandle), ..Subject::LOG };
    let what = caught_by_device_errors(subject).await;
    assert!(what.contains("is not there") || what.contains("corrupt"), "{what}");
}
