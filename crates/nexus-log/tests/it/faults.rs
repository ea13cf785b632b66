//! A storage that fails on purpose: what is acknowledged stays true.

use std::{
    io,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use nexus_core::{ExpectedVersion, ports::AppendError};
use nexus_log::{
    LogEventStore, WriteState,
    storage::{DirectoryLock, FileStorage, Storage, StorageFile},
};
use nexus_testkit::{fakes::ManualClock, fixture::proposal};

use crate::support::{add, append, open, read_all, scratch, tiny};

/// Which operations fail now, and how.
#[derive(Default)]
struct Faults {
    /// Flushes of segments in use.
    sync: AtomicBool,
    /// Writes to segments in use.
    write: AtomicBool,
    /// Growth of any file: zeros ahead and new segments.
    grow: AtomicBool,
    /// How many failures there were.
    failed: Mutex<Vec<&'static str>>,
}

impl Faults {
    fn check(&self, fault: &AtomicBool, name: &'static str, kind: io::ErrorKind) -> io::Result<()> {
        if fault.load(Ordering::SeqCst) {
            self.failed.lock().unwrap().push(name);
            return Err(kind.into());
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.failed.lock().unwrap().len()
    }
}

struct FaultyStorage(Arc<Faults>);

struct FaultyFile {
    file: Arc<dyn StorageFile>,
    faults: Arc<Faults>,
}

impl FaultyStorage {
    fn wrap(&self, file: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(FaultyFile { file, faults: Arc::clone(&self.0) })
    }
}

impl Storage for FaultyStorage {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        FileStorage.create_dir(dir)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        FileStorage.list(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        FileStorage.lock(path)
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(FileStorage.open(path)?))
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.0.check(&self.0.grow, "create", io::ErrorKind::StorageFull)?;
        Ok(self.wrap(FileStorage.create(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FileStorage.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        FileStorage.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        FileStorage.sync_dir(dir)
    }
}

impl StorageFile for FaultyFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        if offset + buf.len() as u64 > self.file.len()? {
            self.faults.check(&self.faults.grow, "grow", io::ErrorKind::StorageFull)?;
        }
        self.faults.check(&self.faults.write, "write", io::ErrorKind::Other)?;
        self.file.write_all_at(buf, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.faults.check(&self.faults.sync, "sync", io::ErrorKind::Other)?;
        self.file.sync_data()
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

fn open_faulty(dir: &Path) -> (LogEventStore, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    let storage = Arc::new(FaultyStorage(Arc::clone(&faults)));
    let store = LogEventStore::open_on(storage, dir, tiny(), Arc::new(ManualClock::default())).unwrap();
    (store, faults)
}

async fn one(store: &LogEventStore) -> Result<nexus_core::Appended, AppendError> {
    append(store, proposal("order-1", ExpectedVersion::Any, 1)).await
}

#[tokio::test]
async fn after_a_failed_flush_nothing_is_acknowledged_until_the_log_is_reopened() {
    let dir = scratch();
    let (store, faults) = open_faulty(dir.path());
    add(&store, "order-1", 2).await;
    faults.sync.store(true, Ordering::SeqCst);
    let failed = one(&store).await.unwrap_err();
    assert!(matches!(failed, AppendError::Poisoned { .. }), "{failed}");
    assert_eq!(faults.count(), 1);
    // The device seems to have recovered; that proves nothing.
    faults.sync.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        let failed = one(&store).await.unwrap_err();
        assert!(matches!(failed, AppendError::Poisoned { .. }), "{failed}");
    }
    assert!(matches!(store.write_state(), WriteState::Poisoned { .. }));
    assert_eq!(read_all(&store).await.len(), 2, "what was acknowledged is served, nothing else");
    drop(store);
    let store = open(dir.path());
    let events = read_all(&store).await.len();
    assert!(events == 2 || events == 3, "{events}");
    add(&store, "order-1", 1).await;
}

#[tokio::test]
async fn a_failed_write_poisons_as_well() {
    let dir = scratch();
    let (store, faults) = open_faulty(dir.path());
    add(&store, "order-1", 2).await;
    faults.write.store(true, Ordering::SeqCst);
    assert!(matches!(one(&store).await, Err(AppendError::Poisoned { .. })));
    faults.write.store(false, Ordering::SeqCst);
    assert!(matches!(one(&store).await, Err(AppendError::Poisoned { .. })));
    drop(store);
    assert_eq!(read_all(&open(dir.path())).await.len(), 2);
}

#[tokio::test]
async fn a_full_disk_makes_the_log_read_only_until_there_is_room() {
    let dir = scratch();
    let (store, faults) = open_faulty(dir.path());
    let mut stored = add(&store, "order-1", 1).await.position.get();
    for episode in 0..5 {
        faults.grow.store(true, Ordering::SeqCst);
        let refused = loop {
            match append(&store, proposal("order-1", ExpectedVersion::Any, 10)).await {
                Ok(appended) => stored = appended.position.get(),
                Err(refused) => break refused,
            }
        };
        assert!(matches!(refused, AppendError::ReadOnly { .. }), "episode {episode}: {refused}");
        assert!(matches!(store.write_state(), WriteState::ReadOnly { .. }));
        assert_eq!(read_all(&store).await.len() as u64, stored, "reads go on");
        assert!(matches!(
            append(&store, proposal("order-1", ExpectedVersion::Any, 10)).await,
            Err(AppendError::ReadOnly { .. })
        ));
        faults.grow.store(false, Ordering::SeqCst);
        stored = add(&store, "order-1", 10).await.position.get();
        assert_eq!(store.write_state(), WriteState::Writable);
    }
    drop(store);
    assert_eq!(read_all(&open(dir.path())).await.len() as u64, stored);
    assert!(faults.count() >= 5);
}

#[tokio::test]
async fn a_log_opens_on_a_full_disk() {
    let dir = scratch();
    let store = open(dir.path());
    for _ in 0..40 {
        add(&store, "order-1", 20).await;
    }
    let events = read_all(&store).await;
    drop(store);
    for file in crate::support::segment_files(dir.path()) {
        let _ = std::fs::remove_file(file.with_extension("nxidx"));
    }
    let faults = Arc::new(Faults::default());
    faults.grow.store(true, Ordering::SeqCst);
    let storage = Arc::new(FaultyStorage(Arc::clone(&faults)));
    let store = LogEventStore::open_on(storage, dir.path(), tiny(), Arc::new(ManualClock::default())).unwrap();
    assert_eq!(read_all(&store).await, events);
    assert!(faults.count() > 0);
}
