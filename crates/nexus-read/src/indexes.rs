//! Secondary indexes, made when a query first wants one.
//!
//! Which fields are sorted and filtered by is not known in advance. An index on every field would cost every write
//! (see the figures in `examples/read_bench.rs`); so a field gets one when a query on more than [`SMALL`] rows first sorts
//! or filters by it, and keeps it until the rows are cleared for a rebuild. There can never be more than two for a field.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use nexus_core::ports::{ColumnKind, ReadStoreError, ResourceSpec};
use rusqlite::{Connection, Transaction};

use crate::{
    database::Database,
    error::from_sqlite,
    table::{meta, quoted},
};

/// Up to so many rows are sorted and searched without an index, in about a millisecond.
const SMALL: u64 = 1000;

/// An index that would help a query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    field: String,
    descending: bool,
}

impl Wanted {
    /// For rows in the order of a field, ties by key.
    pub(crate) fn for_sort(spec: &ResourceSpec, field: &str, descending: bool) -> Option<Self> {
        let column = spec.column(field).filter(|column| column.name != spec.key)?;
        let useful = column.kind != ColumnKind::Json;
        useful.then(|| Self { field: column.name.clone(), descending })
    }

    /// For the rows with certain values of a field. Two values select half of the rows: no index for those.
    pub(crate) fn for_filter(spec: &ResourceSpec, field: &str) -> Option<Self> {
        let boolean = spec.column(field)?.kind == ColumnKind::Boolean;
        Self::for_sort(spec, field, false).filter(|_| !boolean)
    }

    fn name(&self) -> String {
        let direction = if self.descending { "desc" } else { "asc" };
        format!("by {} {direction}", self.field)
    }

    /// The key follows the field, so that ties come in the order of the key without sorting them.
    fn create(&self, key: &str) -> String {
        let direction = if self.descending { "DESC" } else { "ASC" };
        format!(
            "CREATE INDEX IF NOT EXISTS {} ON rows ({} {direction}, {})",
            quoted(&self.name()),
            quoted(&self.field),
            quoted(key)
        )
    }
}

/// The names of the indexes that need not be made: they exist, or could not be made.
#[derive(Debug, Default)]
pub(crate) struct Indexes {
    settled: RwLock<HashSet<String>>,
}

impl Indexes {
    /// What the file has already.
    pub(crate) fn load(connection: &Connection) -> Result<Self, ReadStoreError> {
        let names = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'rows'")
            .and_then(|mut statement| statement.query_map((), |row| row.get(0))?.collect())
            .map_err(from_sqlite)?;
        Ok(Self { settled: RwLock::new(names) })
    }

    /// Makes the indexes that are missing, unless there are few rows. A failure costs speed alone, so the query goes on.
    pub(crate) fn ensure(&self, database: &Database, key: &str, wanted: &[Wanted]) {
        let missing: Vec<&Wanted> = {
            let settled = self.settled.read().unwrap_or_else(PoisonError::into_inner);
            wanted.iter().filter(|index| !settled.contains(&index.name())).collect()
        };
        if missing.is_empty() || !matches!(database.read(|connection| meta(connection, "rows")), Ok(SMALL..)) {
            return;
        }
        let settle = || {
            let mut settled = self.settled.write().unwrap_or_else(PoisonError::into_inner);
            settled.extend(missing.iter().map(|index| index.name()));
        };
        let made = database.write(|tx| {
            // Under the writer's lock, as is `forget`: an index that is dropped is never taken for made.
            settle();
            missing.iter().try_for_each(|index| make(tx, key, index))
        });
        if let Err(error) = made {
            settle();
            tracing::warn!(%error, "queries go on without an index that could not be made");
        }
    }

    /// The rows are being emptied and lose their indexes; called inside that transaction.
    pub(crate) fn forget(&self) {
        self.settled.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Statistics come with the index, in one transaction: other connections read both when they see the schema change,
/// and without statistics SQLite takes every equality for a selective one.
fn make(tx: &Transaction<'_>, key: &str, index: &Wanted) -> Result<(), ReadStoreError> {
    tx.execute_batch(&index.create(key)).map_err(from_sqlite)?;
    tx.execute_batch(&format!("ANALYZE main.{}", quoted(&index.name()))).map_err(from_sqlite)
}
