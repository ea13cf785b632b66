//! [`LogEventStore`]: opening, closing and appending.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use nexus_core::{
    Admitted, Appended, EventId, Position, RecordedEvent,
    ports::{
        AppendError, BoxFuture, Clock, EventStore, LogPage, LogRead, ReadError, StreamList, StreamListPage, StreamPage,
        StreamRead,
    },
};
use tokio::sync::{Semaphore, oneshot};

use crate::{
    error::OpenError,
    history::{LogHistoryTree, Shared},
    options::LogOptions,
    prefix::LogPrefix,
    prepare::Preparer,
    query,
    queue::Queue,
    recovery::{Recovered, recover},
    request::{EncodedBatch, Request},
    seal::Sealer,
    segment::{LOCK_FILE, LOG_DIR, NEXT_FILE},
    state::{State, WriteState},
    storage::{DirectoryLock, FileStorage, Storage},
    writer::{Buffer, Writer},
};

/// Bytes of queue that one permit stands for.
const PERMIT: usize = 1024;

/// The event log of one data directory, as an [`EventStore`].
///
/// One store per directory, held by a lock. An append is answered once it is flushed to the device. Appends go on
/// when the future that waits for them is dropped; their outcome is then unknown to the caller, who may append the
/// same event ids again to learn it.
///
/// Dropping the store closes it, see [`close`](Self::close).
pub struct LogEventStore {
    state: Arc<State>,
    queue: Arc<Queue>,
    /// One permit per [`PERMIT`] bytes that may wait in the queue.
    room: Arc<Semaphore>,
    max_batch_bytes: usize,
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    running: Mutex<Option<Running>>,
}

struct Running {
    writer: JoinHandle<()>,
    /// The history tree and the thread that keeps it, once somebody asked for it.
    history: Option<(LogHistoryTree, JoinHandle<()>)>,
    _lock: Box<dyn DirectoryLock>,
}

impl LogEventStore {
    /// Files of a data directory that do not follow from its events: the key that signs heads of its history, and the
    /// saved heads. A copy of the log without them is a log of its own.
    pub const HISTORY_FILES: [&str; 3] = ["log.key", "log.pub", "log/heads.nxheads"];

    /// Opens the log in the data directory `dir`, making it when there is none. Blocks while it reads the log.
    ///
    /// A write that a crash tore before it was acknowledged is dropped; damage to acknowledged events is an error.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way. Nothing is deleted then.
    pub fn open(dir: impl AsRef<Path>, options: LogOptions, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(FileStorage), dir, options, clock)
    }

    /// [`open`](Self::open) on another [`Storage`], which tests use to make files fail.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(
        storage: Arc<dyn Storage>,
        dir: impl AsRef<Path>,
        options: LogOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        if let Some(reason) = options.problem() {
            return Err(OpenError::InvalidOptions { reason });
        }
        let dir = dir.as_ref();
        storage.create_dir(dir).map_err(OpenError::io("create", dir))?;
        let lock_path = dir.join(LOCK_FILE);
        let lock = storage.lock(&lock_path).map_err(OpenError::io("lock", &lock_path))?;
        let lock = lock.ok_or_else(|| OpenError::Locked { dir: dir.to_path_buf() })?;
        let initial = options.initial_bytes.min(options.segment_bytes);
        let recovered = recover(&*storage, dir, initial, clock.now())?;
        let max_batch_bytes = options.max_batch_bytes;
        let permits = options.queue_bytes.max(max_batch_bytes).div_ceil(PERMIT);
        let queue = Arc::new(Queue::default());
        let state = Arc::new(State::new(recovered.segments.clone(), recovered.tail.head));
        tracing::info!(position = recovered.tail.head, segments = recovered.segments.len(), "opened the event log");
        let shared = (Arc::clone(&queue), Arc::clone(&state));
        let started = (options, Arc::clone(&clock));
        let writer = start_writer(Arc::clone(&storage), dir, recovered, started, shared)?;
        Ok(Self {
            state,
            queue,
            room: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
            max_batch_bytes,
            storage,
            dir: dir.to_path_buf(),
            clock,
            running: Mutex::new(Some(Running { writer, history: None, _lock: lock })),
        })
    }

    /// The Merkle tree over this log; from the first call on, the heads of full segments are signed and saved. Makes the
    /// key of the log when there is none.
    ///
    /// # Errors
    /// When key or saved heads cannot be read or made, or are not those of this log, or the store is closed.
    pub fn history_tree(&self) -> Result<LogHistoryTree, OpenError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = &mut *running else {
            let error = std::io::Error::other("the log is closed");
            return Err(OpenError::io("open the history of", &self.dir)(error));
        };
        if let Some((tree, _)) = &running.history {
            return Ok(tree.clone());
        }
        let (storage, clock) = (Arc::clone(&self.storage), Arc::clone(&self.clock));
        let shared = Arc::new(Shared::open(storage, &self.dir, clock, Arc::clone(&self.state))?);
        let tree = LogHistoryTree::new(Arc::clone(&shared));
        let rolled = self.state.on_roll();
        let thread = thread::Builder::new().name("nexus-log-tree".to_owned());
        let follower = thread.spawn(move || shared.follow(&rolled));
        let follower = follower.map_err(OpenError::io("start a thread for", &self.dir))?;
        running.history = Some((tree.clone(), follower));
        Ok(tree)
    }

    /// Stops taking appends, finishes those that wait, and gives the directory free. Blocks meanwhile.
    ///
    /// Reads go on afterwards; appends and waits answer that the store is unavailable. Closing twice is fine.
    pub fn close(&self) {
        self.queue.close();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(running) = running else { return };
        if running.writer.join().is_err() {
            tracing::error!("the log writer ended with a panic");
            self.state.close();
        }
        if let Some((_, follower)) = running.history
            && follower.join().is_err()
        {
            tracing::error!("the thread of the history tree ended with a panic");
        }
    }

    /// The log up to its head of now, as files to copy. Nobody waits for it, the writer least of all.
    ///
    /// # Errors
    /// [`ReadError`] when the index or the last event is damaged or cannot be read.
    pub fn prefix(&self) -> Result<LogPrefix, ReadError> {
        LogPrefix::of(&self.state)
    }

    /// Whether appends are taken, for readiness checks.
    #[must_use]
    pub fn write_state(&self) -> WriteState {
        self.state.write_state()
    }

    async fn enqueue(&self, batch: Admitted) -> Result<Appended, AppendError> {
        let bytes = EncodedBatch::size_of(&batch);
        let limit = self.max_batch_bytes;
        if bytes > limit {
            return Err(AppendError::TooLarge { bytes, limit });
        }
        let permits = u32::try_from(bytes.div_ceil(PERMIT)).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.room).acquire_many_owned(permits).await;
        let share = share.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        let request = Request { batch: EncodedBatch::new(&batch, bytes)?, size: bytes as u64, reply, _share: share };
        self.queue.put(request).map_err(|_| closed())?;
        let lost = "the log writer ended before it answered".to_owned();
        answer.await.unwrap_or(Err(AppendError::Poisoned { reason: lost }))
    }

    async fn wait(&self, seen: Position) -> Result<Position, ReadError> {
        let mut head = self.state.watch();
        let reached = head.wait_for(|head| head.position > seen.get() || head.closed).await;
        match reached.as_deref() {
            Ok(head) if head.position > seen.get() => Ok(Position::new(head.position)),
            _ => Err(ReadError::Unavailable { reason: "the log is closed".to_owned() }),
        }
    }
}

fn closed() -> AppendError {
    AppendError::Unavailable { reason: "the log is closed".to_owned() }
}

fn start_writer(
    storage: Arc<dyn Storage>,
    dir: &Path,
    recovered: Recovered,
    (options, clock): (LogOptions, Arc<dyn Clock>),
    (queue, state): (Arc<Queue>, Arc<State>),
) -> Result<JoinHandle<()>, OpenError> {
    let log = dir.join(LOG_DIR);
    let Recovered { mut segments, tail } = recovered;
    let active =
        segments.pop().ok_or_else(|| OpenError::InvalidOptions { reason: "the log has no segment".to_owned() })?;
    let second = storage.open(&active.path).map_err(OpenError::io("open", &active.path))?;
    let len = second.len().map_err(OpenError::io("read", &active.path))?;
    let preparer = Preparer::start(Arc::clone(&storage), log.join(NEXT_FILE), second, len)
        .map_err(OpenError::io("start a thread for", &log))?;
    let sealer = Sealer::new(Arc::clone(&storage), log.clone());
    let writer = Writer {
        storage,
        log: log.clone(),
        options,
        clock,
        queue,
        state,
        preparer,
        active,
        tail,
        buf: Buffer::default(),
        sealer,
        marked: 0,
    };
    thread::Builder::new()
        .name("nexus-log-write".to_owned())
        .spawn(move || writer.run())
        .map_err(OpenError::io("start a thread for", &log))
}

impl Drop for LogEventStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for LogEventStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogEventStore")
            .field("head", &self.state.head())
            .field("write_state", &self.state.write_state())
            .finish_non_exhaustive()
    }
}

impl EventStore for LogEventStore {
    fn append(&self, batch: Admitted) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.enqueue(batch))
    }

    fn read_stream(&self, read: StreamRead) -> BoxFuture<'_, Result<StreamPage, ReadError>> {
        let (state, limit) = (Arc::clone(&self.state), read.limit);
        Box::pin(query::run(limit, move || query::read_stream(&state, &read)))
    }

    fn read_log(&self, read: LogRead) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        let (state, limit) = (Arc::clone(&self.state), read.limit);
        Box::pin(query::run(limit, move || query::read_log(&state, &read)))
    }

    fn event(&self, id: EventId) -> BoxFuture<'_, Result<Option<RecordedEvent>, ReadError>> {
        let state = Arc::clone(&self.state);
        Box::pin(query::run(1, move || query::read_event(&state, id)))
    }

    fn streams(&self, list: StreamList) -> BoxFuture<'_, Result<StreamListPage, ReadError>> {
        let (state, limit) = (Arc::clone(&self.state), list.limit);
        Box::pin(query::run(limit, move || query::list_streams(&state, &list)))
    }

    fn head(&self) -> Position {
        Position::new(self.state.head())
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(self.wait(seen))
    }
}
