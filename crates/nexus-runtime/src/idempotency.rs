//! Idempotency keys: the mark is stored with the events themselves, an index follows the log to find it again.

use std::{collections::HashMap, sync::Arc};

use nexus_core::{
    Digest, EventId, IdempotencyMark, Position, RecordedEvent, Text, Timestamp,
    ports::{EventFilter, EventStore, IdempotencyIndex, IdempotencyRecord, LogRead, ReadError, ReadStoreError},
};
use parking::Mutex;
use tokio_util::sync::CancellationToken;

/// The key a client sent with a request, and the request's digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotent {
    key: Text,
    request: Digest,
}

impl Idempotent {
    /// Longest key in bytes.
    pub const MAX_KEY_BYTES: usize = 255;

    /// The key of one actor for a request made of these parts.
    #[must_use]
    pub fn new(actor: &str, key: &str, request: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in request {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part);
        }
        Self { key: format!("{actor}/{key}").into(), request: Digest::from_bytes(*hasher.finalize().as_bytes()) }
    }

    pub(crate) fn mark(&self) -> IdempotencyMark {
        IdempotencyMark { key: self.key.clone(), request: self.request }
    }
}

/// Why a request with an idempotency key is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyClash {
    /// The same key is being worked on at this moment.
    #[error("a request with this idempotency key is still running")]
    StillRunning,
    /// The key was used for another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// The index cannot be asked, so it is not known whether the request was carried out.
    #[error(transparent)]
    Index(#[from] ReadStoreError),
}

/// Knows which keys are being worked on and which were.
pub(crate) struct KeyRing {
    index: Arc<dyn IdempotencyIndex>,
    /// Keys that are running (`None`) or done but perhaps not yet in the index.
    recent: Mutex<HashMap<Text, Option<IdempotencyRecord>>>,
}

/// What [`KeyRing::begin`] found.
pub(crate) enum Begun {
    /// Nobody has used the key: carry on, and tell the claim how it ended.
    First(Claim),
    /// The request was carried out before, with this result.
    Before(IdempotencyRecord),
}

/// The exclusive right to carry out the request of one key. Dropping it gives the key free.
pub(crate) struct Claim {
    ring: Arc<KeyRing>,
    key: Text,
    open: bool,
}

impl Claim {
    /// The request was carried out: replays are answered with `record`.
    pub(crate) fn done(mut self, record: IdempotencyRecord) {
        self.open = false;
        self.ring.recent.lock().insert(self.key.clone(), Some(record));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.open {
            self.ring.recent.lock().remove(&self.key);
        }
    }
}

impl KeyRing {
    pub(crate) fn new(index: Arc<dyn IdempotencyIndex>) -> Arc<Self> {
        Arc::new(Self { index, recent: Mutex::default() })
    }

    /// Claims a key, or finds what it did before.
    ///
    /// The claim is taken before the index is asked: the follower drops a done key only after the index has it, so one
    /// of the two always knows.
    pub(crate) async fn begin(self: &Arc<Self>, request: &Idempotent) -> Result<Begun, IdempotencyClash> {
        {
            let mut recent = self.recent.lock();
            match recent.get(&request.key) {
                Some(None) => return Err(IdempotencyClash::StillRunning),
                Some(Some(record)) => return same_request(record.clone(), request),
                None => recent.insert(request.key.clone(), None),
            };
        }
        let claim = Claim { ring: Arc::clone(self), key: request.key.clone(), open: true };
        let (index, key) = (Arc::clone(&self.index), request.key.clone());
        let found = tokio::task::spawn_blocking(move || index.find(&key))
            .await
            .map_err(|error| index_task_failed(&error))??;
        match found {
            Some(record) => same_request(record, request),
            None => Ok(Begun::First(claim)),
        }
    }

    /// Follows the log from the index's checkpoint to the head.
    pub(crate) async fn catch_up(&self, store: &dyn EventStore) -> Result<Position, FollowError> {
        let index = Arc::clone(&self.index);
        let mut checkpoint = tokio::task::spawn_blocking(move || index.checkpoint())
            .await
            .map_err(|error| index_task_failed(&error))??;
        loop {
            let read = LogRead { from: checkpoint, limit: 1000, filter: EventFilter::default(), ..LogRead::default() };
            let page = store.read_log(read).await?;
            if page.next <= checkpoint {
                return Ok(checkpoint);
            }
            checkpoint = self.index_page(page.events, page.next, store).await?;
        }
    }

    /// Indexes the appends that begin in a page. An append's last event may lie beyond it, hence the store.
    async fn index_page(
        &self,
        events: Vec<RecordedEvent>,
        next: Position,
        store: &dyn EventStore,
    ) -> Result<Position, FollowError> {
        let mut records = Vec::new();
        for (at, event) in events.iter().enumerate() {
            if let Some(mark) = &event.metadata.idempotency {
                let same_decision = |other: &&RecordedEvent| other.receipt.decision_id == event.receipt.decision_id;
                let mut batch: Vec<_> = events.iter().skip(at).take_while(same_decision).cloned().collect();
                if batch.last().is_some_and(|last| last.position == next) {
                    batch.extend(rest_of_append(store, event, next).await?);
                }
                records.extend(record_of(mark, &batch));
            }
        }
        let index = Arc::clone(&self.index);
        let (records, result) = tokio::task::spawn_blocking(move || {
            let result = index.commit(&records, next);
            (records, result)
        })
        .await
        .map_err(|error| index_task_failed(&error))?;
        result?;
        let mut recent = self.recent.lock();
        for record in records {
            if recent.get(&record.key).is_some_and(Option::is_some) {
                recent.remove(&record.key);
            }
        }
        Ok(next)
    }

    /// Follows the log until cancelled, and forgets keys older than a day.
    pub(crate) async fn follow(self: Arc<Self>, store: Arc<dyn EventStore>, stop: CancellationToken) {
        let mut retry = crate::projector::Backoff::new();
        loop {
            let step = async {
                let checkpoint = self.catch_up(&*store).await?;
                Ok::<_, FollowError>(store.wait_past(checkpoint).await?)
            };
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = step => outcome,
            };
            match outcome {
                Ok(_) => retry.reset(),
                Err(error) => {
                    tracing::warn!(%error, "following the log for idempotency keys failed; it is tried again");
                    if retry.wait(&stop).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Forgets the keys of appends made before `moment`.
    pub(crate) async fn forget_before(&self, moment: Timestamp) -> Result<u64, ReadStoreError> {
        let index = Arc::clone(&self.index);
        tokio::task::spawn_blocking(move || index.forget_before(moment))
            .await
            .map_err(|error| index_task_failed(&error))?
    }
}

/// Why following the log failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error(transparent)]
    Index(#[from] ReadStoreError),
}

fn same_request(record: IdempotencyRecord, request: &Idempotent) -> Result<Begun, IdempotencyClash> {
    if record.request == request.request { Ok(Begun::Before(record)) } else { Err(IdempotencyClash::KeyReused) }
}

/// The record of the append whose events these are.
pub(crate) fn record_of(mark: &IdempotencyMark, batch: &[RecordedEvent]) -> Option<IdempotencyRecord> {
    let last = batch.last()?;
    Some(IdempotencyRecord {
        key: own(&mark.key),
        request: mark.request,
        stream: last.aggregate_id.clone(),
        version: last.version,
        event_ids: batch.iter().map(|event| event.event_id).collect::<Vec<EventId>>(),
        position: last.position,
        decision_id: last.receipt.decision_id,
        recorded_at: last.timestamp,
    })
}

/// A copy that does not hold on to the buffer an event was read into.
fn own(text: &Text) -> Text {
    Text::from(text.to_string())
}

async fn rest_of_append(
    store: &dyn EventStore,
    first: &RecordedEvent,
    mut after: Position,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut rest = Vec::new();
    loop {
        let page = store.read_log(LogRead { from: after, limit: 1000, ..LogRead::default() }).await?;
        if page.events.is_empty() {
            return Ok(rest);
        }
        for event in page.events {
            if event.receipt.decision_id != first.receipt.decision_id {
                return Ok(rest);
            }
            rest.push(event);
        }
        after = page.next;
    }
}

fn index_task_failed(error: &tokio::task::JoinError) -> ReadStoreError {
    ReadStoreError::Unavailable { reason: format!("the index task ended early: {error}") }
}

/// A mutex whose lock cannot be poisoned: what it guards is valid after every statement.
mod parking {
    use std::sync::{MutexGuard, PoisonError};

    #[derive(Default)]
    pub(super) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(super) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
