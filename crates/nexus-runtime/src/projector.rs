//! Projections: each follows the log on its own and commits rows and checkpoint in one transaction.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use nexus_core::{
    EventType, Position, RecordedEvent, Timestamp,
    framework::{CodecError, Projection},
    ports::{Clock, EventFilter, EventStore, LogRead, ReadError, ReadStoreError, ResourceStore, RowChange, RowData},
    upcast::{UpcastError, Upcasters},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Most events applied in one transaction.
const BATCH: usize = 1000;
/// Longest rest after a step that saw everything there was.
const LONGEST_REST: Duration = Duration::from_millis(4);

/// A projection that is being kept up to date.
#[derive(Clone)]
pub struct RunningProjection {
    projection: Projection,
    store: Arc<dyn ResourceStore>,
    progress: watch::Receiver<Progress>,
}

/// How far a projection is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Everything up to here is in the rows.
    pub checkpoint: Position,
    /// When the last event that was applied had been recorded.
    pub last_event_at: Option<Timestamp>,
    /// What it is doing.
    pub state: ProjectionState,
    /// The last failure, until the next success.
    pub last_error: Option<ProjectionFailure>,
}

/// What a projection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectionState {
    /// It is applying events that were stored earlier.
    CatchingUp,
    /// It has seen everything and waits for more.
    Live,
    /// It failed and tries again; rows stay as they were.
    Retrying,
    /// It met an event that no trying again can bring to the schema it knows. It stands before that event until the
    /// application is started with what is missing.
    Stopped,
}

/// Why a projection could not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionFailure {
    /// What happened.
    pub reason: String,
    /// The event that was being applied, if it was one.
    pub position: Option<Position>,
    /// How often it has been tried in a row.
    pub attempts: u32,
}

impl RunningProjection {
    /// The projection.
    #[must_use]
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> &Arc<dyn ResourceStore> {
        &self.store
    }

    /// How far it is now.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until everything up to `position` is in the rows; false when the node is stopping.
    pub async fn reached(&self, position: Position) -> bool {
        let mut progress = self.progress.clone();
        progress.wait_for(|progress| progress.checkpoint >= position).await.is_ok()
    }
}

/// Why a step of a projection failed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error(transparent)]
    Rows(#[from] ReadStoreError),
    #[error("event at position {position}: {source}")]
    Event { position: Position, source: CodecError },
    #[error(transparent)]
    Upcast(#[from] Box<UpcastError>),
    #[error("the projection panicked: {0}")]
    Panicked(tokio::task::JoinError),
}

impl StepError {
    fn position(&self) -> Option<Position> {
        match self {
            Self::Event { position, .. } => Some(*position),
            Self::Upcast(error) => Some(error.position),
            _ => None,
        }
    }

    /// Whether trying again cannot help.
    fn is_final(&self) -> bool {
        matches!(self, Self::Upcast(_))
    }
}

/// What projections follow, and by which clock.
#[derive(Clone)]
pub struct Followed {
    /// The log.
    pub events: Arc<dyn EventStore>,
    /// What brings stored events to the schemas that projections know.
    pub upcasters: Arc<Upcasters>,
    /// Tells the time, for measuring how far behind they are.
    pub clock: Arc<dyn Clock>,
}

/// Starts following the log; the task ends when `stop` is cancelled.
///
/// # Errors
/// When the checkpoint cannot be read.
pub fn start(
    projection: Projection,
    store: Arc<dyn ResourceStore>,
    followed: Followed,
    stop: CancellationToken,
) -> Result<(RunningProjection, tokio::task::JoinHandle<()>), ReadStoreError> {
    let checkpoint = store.checkpoint()?;
    let progress = Progress { checkpoint, last_event_at: None, state: ProjectionState::CatchingUp, last_error: None };
    let (sender, receiver) = watch::channel(progress);
    let running = RunningProjection { projection, store, progress: receiver };
    let follower = Follower { running: running.clone(), followed, progress: sender };
    Ok((running, tokio::spawn(follower.run(stop))))
}

struct Follower {
    running: RunningProjection,
    followed: Followed,
    progress: watch::Sender<Progress>,
}

impl Follower {
    async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        loop {
            let step = tokio::select! {
                () = stop.cancelled() => return,
                step = self.step() => step,
            };
            match step {
                Ok(rest) => {
                    backoff.reset();
                    if !rest.is_zero() {
                        // At most milliseconds, so stopping can wait for it.
                        tokio::time::sleep(rest).await;
                    }
                }
                Err(error) => {
                    self.report(&error, backoff.attempts() + 1);
                    if error.is_final() {
                        // Those who wait for it are told by their own deadline; the status says why.
                        return stop.cancelled().await;
                    }
                    if backoff.wait(&stop).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Applies the next page, or waits until there is one. Answers how long to rest before the next step.
    ///
    /// A transaction costs more than a row in it. Resting twice as long as a step took, once it has caught
    /// up, makes steps of a busy log larger and leaves the processor to its writers.
    async fn step(&self) -> Result<Duration, StepError> {
        let checkpoint = self.progress.borrow().checkpoint;
        let started = Instant::now();
        let page = self.followed.events.read_log(self.next_page(checkpoint)).await?;
        if page.next <= checkpoint {
            self.progress.send_if_modified(|progress| {
                let settled = progress.state == ProjectionState::Live && progress.last_error.is_none();
                (progress.state, progress.last_error) = (ProjectionState::Live, None);
                !settled
            });
            self.followed.events.wait_past(checkpoint).await?;
            return Ok(Duration::ZERO);
        }
        let caught_up = self.progress.borrow().state == ProjectionState::Live && page.events.len() < BATCH;
        let (running, upcasters) = (self.running.clone(), Arc::clone(&self.followed.upcasters));
        let applied = tokio::task::spawn_blocking(move || apply(&running, &upcasters, &page.events, page.next))
            .await
            .map_err(StepError::Panicked)??;
        if applied.checkpoint > checkpoint {
            self.measure(applied.checkpoint, applied.last_event_at);
            self.progress.send_modify(|progress| {
                progress.checkpoint = applied.checkpoint;
                progress.last_error = None;
                progress.last_event_at = applied.last_event_at.or(progress.last_event_at);
            });
        }
        let rest = if caught_up { (started.elapsed() * 2).min(LONGEST_REST) } else { Duration::ZERO };
        applied.failed.map_or(Ok(rest), Err)
    }

    fn next_page(&self, checkpoint: Position) -> LogRead {
        let wanted = self.running.projection.event_types().iter();
        let event_types: BTreeSet<EventType> = wanted.filter_map(|name| EventType::new(*name).ok()).collect();
        let filter = EventFilter { event_types, ..EventFilter::default() };
        LogRead { from: checkpoint, limit: BATCH, filter, ..LogRead::default() }
    }

    fn measure(&self, checkpoint: Position, last_event_at: Option<Timestamp>) {
        let name = self.running.projection.spec().name.clone();
        let behind = self.followed.events.head().since(checkpoint);
        let seconds = match last_event_at {
            Some(at) if behind > 0 => seconds_between(at, self.followed.clock.now()),
            _ => 0.0,
        };
        metrics::gauge!("nexus_projection_lag_events", "name" => name.clone()).set(precise(behind));
        metrics::gauge!("nexus_projection_lag_seconds", "name" => name).set(seconds);
    }

    fn report(&self, error: &StepError, attempts: u32) {
        let name = &self.running.projection.spec().name;
        let state = if error.is_final() { ProjectionState::Stopped } else { ProjectionState::Retrying };
        tracing::error!(projection = %name, %error, attempts, ?state, "a projection cannot go on");
        metrics::counter!("nexus_projection_errors_total", "name" => name.clone()).increment(1);
        self.progress.send_modify(|progress| {
            progress.state = state;
            progress.last_error =
                Some(ProjectionFailure { reason: error.to_string(), position: error.position(), attempts });
        });
    }
}

/// What became of a page of events.
struct Applied {
    checkpoint: Position,
    last_event_at: Option<Timestamp>,
    /// Why the event after the checkpoint could not be applied, if it was one.
    failed: Option<StepError>,
}

/// Applies events to rows and commits both with the new checkpoint: all of them, or those before the first that fails.
fn apply(
    running: &RunningProjection,
    upcasters: &Upcasters,
    events: &[RecordedEvent],
    next: Position,
) -> Result<Applied, StepError> {
    let mut rows = TouchedRows::new(&running.projection, &*running.store);
    let mut applied = Applied { checkpoint: next, last_event_at: None, failed: None };
    for event in events {
        match rows.apply(event, upcasters) {
            Ok(()) => applied.last_event_at = Some(event.timestamp),
            Err(error) => {
                let Some(position) = error.position() else {
                    return Err(error);
                };
                applied.checkpoint = Position::new(position.get().saturating_sub(1));
                applied.failed = Some(error);
                break;
            }
        }
    }
    running.store.commit(&rows.changes(), applied.checkpoint)?;
    Ok(applied)
}

/// Rows touched in one batch, newest state; a row is read from the store once.
struct TouchedRows<'a> {
    projection: &'a Projection,
    store: &'a dyn ResourceStore,
    rows: HashMap<String, Option<RowData>>,
    /// Their keys, in the order they were first touched.
    order: Vec<String>,
}

impl<'a> TouchedRows<'a> {
    fn new(projection: &'a Projection, store: &'a dyn ResourceStore) -> Self {
        Self { projection, store, rows: HashMap::new(), order: Vec::new() }
    }

    fn apply(&mut self, event: &RecordedEvent, upcasters: &Upcasters) -> Result<(), StepError> {
        let event = upcasters.current(event)?;
        let misfit = |source| StepError::Event { position: event.position, source };
        let Some(key) = self.projection.key(&event).map_err(misfit)? else {
            return Ok(());
        };
        let current = match self.rows.get(&key) {
            Some(row) => row.clone(),
            None => self.store.get(&key)?,
        };
        let changed = match self.projection.project(&event, &key, current).map_err(misfit)? {
            None => return Ok(()),
            Some(RowChange::Put(row)) => Some(row),
            Some(RowChange::Delete(_)) => None,
        };
        if self.rows.insert(key.clone(), changed).is_none() {
            self.order.push(key);
        }
        Ok(())
    }

    fn changes(mut self) -> Vec<RowChange> {
        let change = |key: String| match self.rows.remove(&key).flatten() {
            Some(row) => RowChange::Put(row),
            None => RowChange::Delete(key),
        };
        self.order.into_iter().map(change).collect()
    }
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    let micros = later.as_micros().saturating_sub(earlier.as_micros()).max(0);
    Duration::from_micros(micros.unsigned_abs()).as_secs_f64()
}

/// A count as a gauge's value; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a gauge has no wider type")]
fn precise(count: u64) -> f64 {
    count as f64
}

/// Waits between tries: 1 s, doubling, at most 5 min.
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_mins(5);

    pub(crate) fn new() -> Self {
        Self { attempts: 0 }
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// How long the next wait is.
    pub(crate) fn delay(&self) -> Duration {
        Self::FIRST.saturating_mul(1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX)).min(Self::LONGEST)
    }

    /// Waits; `Err` when cancelled meanwhile.
    pub(crate) async fn wait(&mut self, stop: &CancellationToken) -> Result<(), Stopped> {
        let delay = self.delay();
        self.attempts = self.attempts.saturating_add(1);
        tokio::select! {
            () = stop.cancelled() => Err(Stopped),
            () = tokio::time::sleep(delay) => Ok(()),
        }
    }
}

/// The node is stopping.
pub(crate) struct Stopped;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_a_second_to_five_minutes() {
        let at = |attempts| Backoff { attempts }.delay().as_secs();
        assert_eq!([at(0), at(1), at(2), at(8), at(9), at(40)], [1, 2, 4, 256, 300, 300]);
    }
}
