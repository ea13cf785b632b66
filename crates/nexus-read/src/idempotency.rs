//! The index of idempotency keys.

use std::{fmt, path::Path};

use nexus_core::{
    DecisionId, Digest, EventId, Position, StreamId, Text, Timestamp, Version,
    ports::{IdempotencyIndex, IdempotencyRecord, ReadStoreError},
};
use rusqlite::{Row, Transaction};
use uuid::Uuid;

use crate::{
    database::{Database, FileKind},
    error::{corrupt, from_sqlite, invalid},
    store::make_directory,
    table,
};

/// "NXID".
const IDEMPOTENCY_INDEX: FileKind = FileKind { what: "idempotency index", application_id: 0x4E58_4944, format: 1 };

const CREATE: &str = "
    CREATE TABLE records (
        key TEXT NOT NULL PRIMARY KEY,
        request BLOB NOT NULL,
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        event_ids BLOB NOT NULL,
        position INTEGER NOT NULL,
        decision_id BLOB NOT NULL,
        recorded_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX records_by_time ON records (recorded_at);
    CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('checkpoint', 0);";

const PUT: &str = "
    INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT DO UPDATE SET request = ?2, stream = ?3, version = ?4, event_ids = ?5, position = ?6,
        decision_id = ?7, recorded_at = ?8
    WHERE ?6 >= position";

const FIND: &str = "
    SELECT key, request, stream, version, event_ids, position, decision_id, recorded_at
    FROM records WHERE key = ?1";

/// Bounds how long one transaction of forgetting keeps commits waiting.
const FORGET_AT_ONCE: u64 = 5_000;

const FORGET: &str = "
    DELETE FROM records WHERE key IN (SELECT key FROM records WHERE recorded_at < ?1 LIMIT ?2)";

/// Idempotency keys in the SQLite file `idempotency.sqlite` of a data directory.
///
/// A key that is recorded again keeps the record with the greater position: it was used anew after it was forgotten.
/// Ids and digests are stored as their bytes, times as microseconds since the Unix epoch.
pub struct SqliteIdempotencyIndex {
    database: Database,
}

impl SqliteIdempotencyIndex {
    /// Opens the index in `dir`, the data directory, making both when they do not exist.
    ///
    /// # Errors
    /// [`ReadStoreError::Corrupt`] when the file is damaged, of another program or of a newer format;
    /// [`ReadStoreError::Unavailable`] when it cannot be opened or made.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, ReadStoreError> {
        make_directory(dir.as_ref())?;
        let path = dir.as_ref().join("idempotency.sqlite");
        let database = Database::open(path, IDEMPOTENCY_INDEX, |tx, fresh| {
            if fresh {
                tx.execute_batch(CREATE).map_err(from_sqlite)?;
            }
            Ok(())
        })?;
        // A file with our mark and other tables is found out now, not at the first request.
        database.read(table::checkpoint)?;
        Ok(Self { database })
    }
}

impl fmt::Debug for SqliteIdempotencyIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteIdempotencyIndex").finish_non_exhaustive()
    }
}

impl IdempotencyIndex for SqliteIdempotencyIndex {
    fn checkpoint(&self) -> Result<Position, ReadStoreError> {
        self.database.read(table::checkpoint)
    }

    fn commit(&self, records: &[IdempotencyRecord], checkpoint: Position) -> Result<(), ReadStoreError> {
        self.database.write(|tx| {
            records.iter().try_for_each(|record| put(tx, record))?;
            table::set_meta(tx, "checkpoint", checkpoint.get())
        })
    }

    fn find(&self, key: &str) -> Result<Option<IdempotencyRecord>, ReadStoreError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached(FIND).map_err(from_sqlite)?;
            let mut rows = statement.query([key]).map_err(from_sqlite)?;
            rows.next().map_err(from_sqlite)?.map(to_record).transpose()
        })
    }

    fn forget_before(&self, moment: Timestamp) -> Result<u64, ReadStoreError> {
        let mut forgotten = 0;
        loop {
            let count = self.database.write(|tx| {
                let limit = i64::try_from(FORGET_AT_ONCE).unwrap_or(i64::MAX);
                let mut statement = tx.prepare_cached(FORGET).map_err(from_sqlite)?;
                let count = statement.execute((moment.as_micros(), limit)).map_err(from_sqlite)?;
                Ok(u64::try_from(count).unwrap_or_default())
            })?;
            forgotten += count;
            if count < FORGET_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }
}

fn put(tx: &Transaction<'_>, record: &IdempotencyRecord) -> Result<(), ReadStoreError> {
    let number = |value: u64| {
        i64::try_from(value).map_err(|_| invalid(format!("the number {value} of a record is out of range")))
    };
    let ids = record.event_ids.iter().flat_map(|id| *id.as_uuid().as_bytes());
    let mut statement = tx.prepare_cached(PUT).map_err(from_sqlite)?;
    statement
        .execute((
            &*record.key,
            record.request.as_bytes(),
            record.stream.as_str(),
            number(record.version.get())?,
            ids.collect::<Vec<u8>>(),
            number(record.position.get())?,
            record.decision_id.as_uuid().as_bytes(),
            record.recorded_at.as_micros(),
        ))
        .map_err(from_sqlite)?;
    Ok(())
}

fn to_record(row: &Row<'_>) -> Result<IdempotencyRecord, ReadStoreError> {
    let damaged = |what: &str| corrupt(format!("a record's {what} is not one"));
    let text = |index: usize| row.get::<_, String>(index).map_err(from_sqlite);
    let count = |index: usize, what: &str| {
        let value: i64 = row.get(index).map_err(from_sqlite)?;
        u64::try_from(value).map_err(|_| damaged(what))
    };
    let ids: Vec<u8> = row.get(4).map_err(from_sqlite)?;
    let (ids, rest) = ids.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(damaged("list of event ids"));
    }
    let recorded_at = Timestamp::from_micros(row.get(7).map_err(from_sqlite)?);
    Ok(IdempotencyRecord {
        key: Text::from(text(0)?),
        request: Digest::from_bytes(row.get(1).map_err(from_sqlite)?),
        stream: StreamId::new(text(2)?).map_err(|_| damaged("stream"))?,
        version: Version::new(count(3, "version")?),
        event_ids: ids.iter().map(|id| EventId::from_uuid(Uuid::from_bytes(*id))).collect(),
        position: Position::new(count(5, "position")?),
        decision_id: DecisionId::from_uuid(Uuid::from_bytes(row.get(6).map_err(from_sqlite)?)),
        recorded_at: recorded_at.ok_or_else(|| damaged("time"))?,
    })
}
