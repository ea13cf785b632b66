//! Sixteen writers with random delays, and readers that follow, go away and come back.

use std::{
    io,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nexus_core::{
    ExpectedVersion, Position,
    ports::{EventStore, LogRead},
};
use nexus_log::storage::{DirectoryLock, FileStorage, Storage, StorageFile};
use nexus_log::{LogEventStore, LogOptions};
use nexus_testkit::{
    fakes::ManualClock,
    fixture::{admitted, proposal},
};

use crate::{
    random::Random,
    scorecard::{amount, report, seed},
};

const WRITERS: usize = 16;
const READERS: usize = 4;

/// Real files whose flushes take a random while longer.
struct Slow(Mutex<Random>);

struct SlowFile {
    file: Arc<dyn StorageFile>,
    random: Mutex<Random>,
}

impl Slow {
    fn wrap(&self, file: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        let random = Mutex::new(Random::new(self.0.lock().unwrap().next()));
        Arc::new(SlowFile { file, random })
    }
}

impl Storage for Slow {
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

impl StorageFile for SlowFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(buf, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        let micros = self.random.lock().unwrap().next() % 1_500;
        // waits: as long as a device may, between the write of a group and its being durable
        std::thread::sleep(Duration::from_micros(micros));
        self.file.sync_data()
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

/// What the readers came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: usize,
    pub(crate) reconnects: usize,
}

/// Appends `total` events and follows them through `readers`, a view of the store.
///
/// # Errors
/// The first event that was skipped, seen twice or out of order.
pub(crate) async fn tail(
    store: Arc<dyn EventStore>,
    readers: Arc<dyn EventStore>,
    total: usize,
) -> Result<Tally, String> {
    let written = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| tokio::spawn(write(Arc::clone(&store), Arc::clone(&written), (number, total))))
        .collect();
    let followers: Vec<_> =
        (0..READERS).map(|number| tokio::spawn(follow(Arc::clone(&readers), (number, total as u64)))).collect();
    for writer in writers {
        writer.await.expect("a writer does not panic");
    }
    let mut tally = Tally::default();
    for follower in followers {
        let found = follower.await.expect("a reader does not panic")?;
        tally.events += found.events;
        tally.reconnects += found.reconnects;
    }
    Ok(tally)
}

async fn write(store: Arc<dyn EventStore>, written: Arc<AtomicUsize>, (number, total): (usize, usize)) {
    let mut random = Random::new(seed() + number as u64);
    loop {
        let count = 1 + random.below(12);
        if written.fetch_add(count, Ordering::SeqCst) >= total {
            return;
        }
        // waits: so that appends of different writers meet in ever other ways
        tokio::time::sleep(Duration::from_micros(random.next() % 3_000)).await;
        let stream = format!("order-{}", random.below(40));
        store.append(admitted(proposal(&stream, ExpectedVersion::Any, count))).await.expect("nothing is in the way");
    }
}

/// Follows the log as a subscription does: a checkpoint after every event, and a new start from it now and then.
async fn follow(store: Arc<dyn EventStore>, (number, total): (usize, u64)) -> Result<Tally, String> {
    let mut random = Random::new(seed() ^ number as u64);
    let mut checkpoint = Position::START;
    let mut tally = Tally::default();
    while checkpoint.get() < total {
        store.wait_past(checkpoint).await.map_err(|error| error.to_string())?;
        let (mut from, limit) = (checkpoint, 1 + random.below(60));
        tally.reconnects += 1;
        for _ in 0..1 + random.below(5) {
            let page = store.read_log(LogRead { from, limit, ..LogRead::default() }).await;
            let page = page.map_err(|error| error.to_string())?;
            // Some connections break in the middle of a page.
            let seen = if random.chance(30) { random.below(page.events.len() + 1) } else { page.events.len() };
            for event in page.events.iter().take(seen) {
                if event.position != checkpoint.next() {
                    return Err(format!("after {checkpoint} a reader got {}", event.position));
                }
                checkpoint = event.position;
                tally.events += 1;
            }
            if seen < page.events.len() {
                break;
            }
            if page.next.get() > checkpoint.get() {
                return Err(format!("a page says that everything up to {} was seen", page.next));
            }
            from = page.next;
        }
    }
    Ok(tally)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_that_reconnect_skip_nothing_under_sixteen_writers() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Arc::new(Slow(Mutex::new(Random::new(seed()))));
    let options = LogOptions { segment_bytes: 1 << 20, initial_bytes: 64 << 10, ..LogOptions::default() };
    let store = LogEventStore::open_on(storage, dir.path(), options, Arc::new(ManualClock::default())).unwrap();
    let store: Arc<dyn EventStore> = Arc::new(store);
    let total = amount(4_000, 120_000);
    let tally = tail(Arc::clone(&store), store, total).await.unwrap_or_else(|what| panic!("{what}"));
    assert!(tally.events >= total * READERS);
    let injected = [
        ("events appended by 16 writers", total),
        ("events delivered to 4 readers", tally.events),
        ("reconnections", tally.reconnects),
    ];
    report("tailing", &injected, "0 skipped, 0 twice, 0 out of order");
}
