use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use bytes::Bytes;
use nexus_core::ports::AppendError;
use nexus_runtime::Node;

use crate::{
    access::{AccessTable, Limiter},
    config::ApiConfig,
    cursor::Cursors,
    request::RefusalLog,
};

/// What every handler needs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) node: Arc<Node>,
    pub(crate) config: Arc<ApiConfig>,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) writes: Arc<WriteHealth>,
    pub(crate) document: Arc<Document>,
    pub(crate) access: Arc<AccessTable>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) refusals: RefusalLog,
}

/// The served OpenAPI document and the routes in it.
pub(crate) struct Document {
    pub(crate) json: Bytes,
    pub(crate) routes: Vec<String>,
}

/// Whether the store took the last write. It has no question for that, so its answers to writes are remembered.
#[derive(Default)]
pub(crate) struct WriteHealth(AtomicU8);

impl WriteHealth {
    const OK: u8 = 0;
    const READ_ONLY: u8 = 1;
    const POISONED: u8 = 2;

    pub(crate) fn succeeded(&self) {
        if self.0.load(Ordering::Relaxed) == Self::READ_ONLY {
            self.0.store(Self::OK, Ordering::Relaxed);
        }
    }

    pub(crate) fn failed(&self, error: &AppendError) {
        match error {
            AppendError::Poisoned { .. } => self.0.store(Self::POISONED, Ordering::Relaxed),
            AppendError::ReadOnly { .. } if self.0.load(Ordering::Relaxed) == Self::OK => {
                self.0.store(Self::READ_ONLY, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Why the store takes no writes, as far as is known.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        match self.0.load(Ordering::Relaxed) {
            Self::READ_ONLY => Some("the last write was refused: the store is read-only"),
            Self::POISONED => Some("a write failed; the store takes no more until it is restarted"),
            _ => None,
        }
    }
}
