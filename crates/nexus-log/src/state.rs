//! What the writer publishes and everybody else reads.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
    mpsc::{Receiver, Sender, channel},
};

use nexus_core::{EventId, StreamId};
use tokio::sync::watch;

use crate::{
    index::{IndexError, Key, StreamSpan},
    segment::Segment,
};

/// The segments, oldest first; the last one is written to.
pub(crate) type Segments = Arc<Vec<Arc<Segment>>>;

/// The published state of a log.
pub(crate) struct State {
    segments: RwLock<Segments>,
    head: AtomicU64,
    changed: watch::Sender<Head>,
    write_state: Mutex<WriteState>,
    /// Told whenever a segment was started.
    rolled: Mutex<Option<Sender<()>>>,
}

/// Whether a log takes appends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteState {
    /// It does.
    Writable,
    /// There was no room for the last append; the next one tries again.
    ReadOnly {
        /// Why, for a person.
        reason: String,
    },
    /// A write or flush failed, so that nothing more is accepted until the log is opened again.
    Poisoned {
        /// Why, for a person.
        reason: String,
    },
    /// The log was closed.
    Closed,
}

/// The newest durable position, and whether it will ever change again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) position: u64,
    pub(crate) closed: bool,
}

impl State {
    pub(crate) fn new(segments: Vec<Arc<Segment>>, position: u64) -> Self {
        let closed = false;
        Self {
            segments: RwLock::new(Arc::new(segments)),
            head: AtomicU64::new(position),
            changed: watch::Sender::new(Head { position, closed }),
            write_state: Mutex::new(WriteState::Writable),
            rolled: Mutex::new(None),
        }
    }

    /// The newest durable position.
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Follows the head.
    pub(crate) fn watch(&self) -> watch::Receiver<Head> {
        self.changed.subscribe()
    }

    /// Makes everything up to `position`, which the index already holds, visible to those who wait.
    pub(crate) fn publish(&self, position: u64) {
        self.head.store(position, Ordering::Release);
        self.changed.send_modify(|head| head.position = position);
    }

    /// Whether appends are taken.
    pub(crate) fn write_state(&self) -> WriteState {
        self.write_state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_write_state(&self, state: WriteState) {
        *self.write_state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Follows the starts of segments; ends when the log is closed. There is one follower: the newest.
    pub(crate) fn on_roll(&self) -> Receiver<()> {
        let (sender, receiver) = channel();
        let closed = self.write_state() == WriteState::Closed;
        *self.rolled() = Some(sender).filter(|_| !closed);
        receiver
    }

    fn rolled(&self) -> std::sync::MutexGuard<'_, Option<Sender<()>>> {
        self.rolled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait that nothing more will come.
    pub(crate) fn close(&self) {
        self.set_write_state(WriteState::Closed);
        *self.rolled() = None;
        self.changed.send_modify(|head| head.closed = true);
    }

    /// The segments as they are now.
    pub(crate) fn segments(&self) -> Segments {
        Arc::clone(&self.segments.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a segment, which becomes the one written to.
    pub(crate) fn push(&self, segment: Arc<Segment>) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        let mut list = Vec::clone(&segments);
        list.push(segment);
        *segments = Arc::new(list);
        drop(segments);
        if let Some(rolled) = &*self.rolled() {
            // Without a follower nobody needs to know.
            let _ = rolled.send(());
        }
    }
}

/// What the newest segment that knows a stream says about it.
pub(crate) fn find_stream(
    segments: &[Arc<Segment>],
    stream: &Key<&StreamId>,
) -> Result<Option<StreamSpan>, IndexError> {
    for segment in segments.iter().rev() {
        if let Some(span) = segment.index().stream(stream)? {
            return Ok(Some(span));
        }
    }
    Ok(None)
}

/// The segment and ordinal of an event.
pub(crate) fn find_event(segments: &[Arc<Segment>], id: EventId) -> Result<Option<(Arc<Segment>, u32)>, IndexError> {
    let id = Key::event(id);
    for segment in segments.iter().rev() {
        if let Some(ordinal) = segment.index().event(&id)? {
            return Ok(Some((Arc::clone(segment), ordinal)));
        }
    }
    Ok(None)
}

/// The place in `segments` of the one that holds `position`.
pub(crate) fn segment_of(segments: &[Arc<Segment>], position: u64) -> usize {
    segments.partition_point(|segment| segment.first <= position).saturating_sub(1)
}
