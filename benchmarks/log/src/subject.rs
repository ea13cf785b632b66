use std::{fs, future::Future, path::Path, pin::Pin, sync::Arc};

use bench_report::{Fallible, Order};

use crate::{
    bare::BareLog,
    group::GroupWriter,
    lsm::FjallEngine,
    nexus::{Governance, NexusLog},
    sqlite::SqliteEngine,
};

/// A future that is not bound to one thread.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Fallible<T>> + Send + 'a>>;

/// Something that stores events durably.
pub(crate) trait Subject: Send + Sync {
    /// Stores the events all or none; answers once they are flushed to the device.
    fn append(&self, orders: Vec<Order>) -> Answer<'_, ()>;
}

/// Reads of a subject.
pub(crate) trait Reads {
    /// Reads a stream; answers how many events it had.
    fn stream(&self, name: &str) -> Fallible<u64>;

    /// Reads the whole log in order; answers how many events it had.
    fn scan(&self) -> Fallible<u64>;
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The log of Nexus behind JSON Schema and Rego.
    Governed,
    /// The log of Nexus behind JSON Schema; the policy says yes to everything.
    Unpoliced,
    /// The log of Nexus, admitting everything.
    Ungoverned,
    /// One write and one flush for every group into a file of zeros, and nothing else.
    Bare,
    /// fjall, one synced batch for every group.
    Fjall,
    /// SQLite, WAL, synchronous=FULL, one transaction for every group.
    Sqlite,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Governed, Self::Unpoliced, Self::Ungoverned, Self::Bare, Self::Fjall, Self::Sqlite];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Governed => "Nexus, governed",
            Self::Unpoliced => "Nexus, without its policy",
            Self::Ungoverned => "Nexus, admitting everything",
            Self::Bare => "bare log",
            Self::Fjall => "fjall 3",
            Self::Sqlite => "SQLite",
        }
    }

    pub(crate) fn is_own(self) -> bool {
        matches!(self, Self::Governed | Self::Unpoliced | Self::Ungoverned)
    }

    /// Opens it, empty, in `dir`. `record_bytes` is what the bare log writes for an event.
    pub(crate) fn open(self, dir: &Path, record_bytes: usize) -> Fallible<Arc<dyn Subject>> {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::create_dir_all(dir)?;
        Ok(match self {
            Self::Governed => Arc::new(NexusLog::open(dir, Governance::Real)?),
            Self::Unpoliced => Arc::new(NexusLog::open(dir, Governance::Schemas)?),
            Self::Ungoverned => Arc::new(NexusLog::open(dir, Governance::Absent)?),
            Self::Bare => Arc::new(GroupWriter::start(BareLog::create(dir, record_bytes)?)),
            Self::Fjall => Arc::new(GroupWriter::start(FjallEngine::open(dir)?)),
            Self::Sqlite => Arc::new(GroupWriter::start(SqliteEngine::open(dir)?)),
        })
    }
}
