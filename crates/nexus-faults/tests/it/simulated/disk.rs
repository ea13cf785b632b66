//! The simulated disk as a [`Storage`].

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use nexus_log::storage::{DirectoryLock, Storage, StorageFile};

use super::{
    crash::Survival,
    fault::{Fault, Faults},
    image::{Image, Operation},
};
use crate::random::Random;

/// A disk in memory. Clones are the same disk.
#[derive(Clone)]
pub(crate) struct Disk(Arc<Mutex<State>>);

struct State {
    image: Image,
    faults: Faults,
    trace: Vec<Operation>,
    tracing: bool,
    locks: BTreeSet<PathBuf>,
    random: Random,
    next_file: usize,
}

impl Disk {
    pub(crate) fn new(image: Image, seed: u64) -> Self {
        let next_file = image.files.keys().last().map_or(0, |last| last + 1);
        Self(Arc::new(Mutex::new(State {
            image,
            faults: Faults::default(),
            trace: Vec::new(),
            tracing: false,
            locks: BTreeSet::new(),
            random: Random::new(seed),
            next_file,
        })))
    }

    /// An empty disk that writes down every operation.
    pub(crate) fn traced(image: Image, seed: u64) -> Self {
        let disk = Self::new(image, seed);
        disk.state().tracing = true;
        disk
    }

    /// Changes the plan of faults.
    pub(crate) fn plan(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
    }

    /// What went wrong as planned so far.
    pub(crate) fn fired(&self) -> Vec<&'static str> {
        self.state().faults.fired.clone()
    }

    pub(crate) fn trace(&self) -> Vec<Operation> {
        self.state().trace.clone()
    }

    /// Operations written down up to and including the last flush of a file; all when there was none.
    pub(crate) fn flushed(&self) -> usize {
        let trace = &self.state().trace;
        let last = trace.iter().rposition(|operation| matches!(operation, Operation::Flush { .. }));
        last.map_or(trace.len(), |last| last + 1)
    }

    /// Bytes of all files.
    pub(crate) fn used(&self) -> usize {
        self.state().image.used()
    }

    /// The disk as the machine finds it after a crash now.
    pub(crate) fn crash(&self, survival: Survival, random: &mut Random) -> Self {
        Self::new(self.state().image.crash(survival, random), random.next())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no operation panics")
    }

    fn handle(&self, state: &State, file: usize) -> Arc<dyn StorageFile> {
        let reported = AtomicUsize::new(state.image.files[&file].failures);
        Arc::new(OpenFile { disk: self.clone(), file, reported })
    }
}

impl State {
    /// An operation that may be planned to fail; after a device error nobody knows whether it had its effect.
    fn act(&mut self, name: &'static str, operation: Operation) -> io::Result<()> {
        if let Some(fault) = self.faults.next(name)? {
            if fault == Fault::Device && self.random.chance(50) {
                self.apply(operation);
            }
            return Err(fault.error());
        }
        self.apply(operation);
        Ok(())
    }

    fn apply(&mut self, operation: Operation) {
        self.image.apply(&operation);
        if self.tracing {
            self.trace.push(operation);
        }
    }

    fn write(&mut self, file: usize, bytes: &[u8], offset: usize) -> io::Result<()> {
        let (mut len, mut error) = (bytes.len(), None);
        if let Some(fault) = self.faults.next("write")? {
            len = match fault {
                Fault::Short => len / 2,
                Fault::NoRoom => 0,
                Fault::Device => self.random.below(len + 1),
            };
            error = Some(fault.error());
        }
        let old = self.image.files[&file].live.len();
        let room = self.faults.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(self.image.used()));
        if (offset + len).saturating_sub(old) > room {
            len = (old + room).saturating_sub(offset).min(len);
            self.faults.fired.push("full");
            error = Some(Fault::NoRoom.error());
        }
        if len > 0 {
            self.apply(Operation::Write { file, offset, bytes: bytes[..len].to_vec() });
        }
        error.map_or(Ok(()), Err)
    }

    fn flush(&mut self, file: usize) -> io::Result<()> {
        if let Some(fault) = self.faults.next("flush")? {
            let State { image, random, .. } = self;
            image.file(file).fail_to_flush(random);
            return Err(fault.error());
        }
        self.apply(Operation::Flush { file });
        Ok(())
    }
}

impl Storage for Disk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.image.dirs.contains(dir) {
            return Ok(());
        }
        state.act("make a directory", Operation::MakeDir(dir.to_path_buf()))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.faults.next_read()?;
        if !state.image.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = state.image.entries.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        let free = self.state().locks.insert(path.to_path_buf());
        let held = Held { disk: self.clone(), path: path.to_path_buf() };
        if !free {
            std::mem::forget(held);
            return Ok(None);
        }
        Ok(Some(Box::new(held)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let mut state = self.state();
        state.faults.next_read()?;
        let file = state.image.entries.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(&state, file))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let mut state = self.state();
        let existing = state.image.entries.get(path).copied();
        let file = existing.unwrap_or(state.next_file);
        state.act("create", Operation::Create { path: path.to_path_buf(), file })?;
        state.next_file = state.next_file.max(file + 1);
        Ok(self.handle(&state, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.image.entries.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.act("rename", Operation::Rename { from: from.to_path_buf(), to: to.to_path_buf() })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.image.entries.contains_key(path) {
            return Ok(());
        }
        state.act("remove", Operation::Remove { path: path.to_path_buf() })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.state().act("flush a directory", Operation::FlushDir(dir.to_path_buf()))
    }
}

/// A lock on a file of the disk.
struct Held {
    disk: Disk,
    path: PathBuf,
}

impl DirectoryLock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

struct OpenFile {
    disk: Disk,
    file: usize,
    /// How many failures of flushes of the file this handle has reported.
    reported: AtomicUsize,
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("a simulated file fits into memory")
}

impl StorageFile for OpenFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.faults.next_read()?;
        let live = &state.image.files[&self.file].live;
        let rest = live.get(place(offset)..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.disk.state().write(self.file, buf, place(offset))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let flushed = state.flush(self.file);
        let failures = state.image.files[&self.file].failures;
        if self.reported.swap(failures, Ordering::SeqCst) < failures {
            return Err(Fault::Device.error());
        }
        flushed
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().image.files[&self.file].live.len() as u64)
    }
}
