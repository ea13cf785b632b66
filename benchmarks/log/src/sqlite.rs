use std::path::Path;

use bench_report::{Fallible, Order};
use rusqlite::{Connection, TransactionBehavior, params};

use crate::{group::Engine, subject::Reads};

/// An event store on SQLite: one table with unique (stream, version) and unique event ids.
pub(crate) struct SqliteEngine {
    connection: Connection,
}

impl SqliteEngine {
    pub(crate) fn open(dir: &Path) -> Fallible<Self> {
        let connection = Connection::open(dir.join("events.db"))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144;
             CREATE TABLE events (
                 position INTEGER PRIMARY KEY, stream TEXT NOT NULL, version INTEGER NOT NULL, id BLOB NOT NULL UNIQUE,
                 type TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (stream, version));",
        )?;
        Ok(Self { connection })
    }
}

impl Engine for SqliteEngine {
    fn commit(&mut self, group: &[Vec<Order>]) -> Fallible<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let sql = "INSERT INTO events (stream, version, id, type, data) VALUES (?1, ?2, ?3, 'OrderPlaced', ?4)";
            let mut insert = transaction.prepare_cached(sql)?;
            for order in group.iter().flatten() {
                let version = i64::try_from(order.version)?;
                insert.execute(params![order.stream, version, order.id.as_bytes(), &*order.payload])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Reads for SqliteEngine {
    fn stream(&self, name: &str) -> Fallible<u64> {
        let sql = "SELECT version, id, type, data FROM events WHERE stream = ?1 ORDER BY version LIMIT 10";
        self.count(sql, params![name])
    }

    fn scan(&self) -> Fallible<u64> {
        self.count("SELECT version, id, type, data FROM events ORDER BY position", params![])
    }
}

impl SqliteEngine {
    fn count(&self, sql: &str, parameters: &[&dyn rusqlite::ToSql]) -> Fallible<u64> {
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query(parameters)?;
        let mut events = 0;
        while let Some(row) = rows.next()? {
            events += u64::from(!row.get_ref(3)?.as_str()?.is_empty());
        }
        Ok(events)
    }
}
