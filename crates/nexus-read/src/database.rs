//! One SQLite file: who made it, one writing connection, a few reading ones.

use std::{
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nexus_core::ports::ReadStoreError;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};

use crate::error::{corrupt, from_sqlite, unavailable};

/// Another process (a shell, a backup) may hold the file for this long before a call gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages in the WAL before a commit copies them back: 64 MiB. The default of 1000 halves bulk speed and puts
/// a copy of 10 ms and more into one of every few hundred small commits.
const WAL_AUTOCHECKPOINT_PAGES: u32 = 16_000;

/// The WAL is cut to this after it was copied back.
const JOURNAL_SIZE_LIMIT_BYTES: u32 = 64 * 1024 * 1024;

/// Memory for pages, of the writer and of each reader.
const WRITER_CACHE_KIB: i32 = 32 * 1024;
const READER_CACHE_KIB: i32 = 4 * 1024;

/// Reading connections per file; a further reader waits for one.
const MAX_READERS: usize = 8;

/// What a kind of file carries in its header, and what makes an empty one into it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileKind {
    /// What it is called in messages: "read model".
    pub(crate) what: &'static str,
    /// SQLite's `application_id`: four ASCII letters.
    pub(crate) application_id: i32,
    /// SQLite's `user_version`: the format this program writes.
    pub(crate) format: i32,
}

/// An open file of a known kind.
pub(crate) struct Database {
    path: PathBuf,
    kind: FileKind,
    // Before the writer, because fields are dropped in this order: only a last connection that can write copies the
    // WAL back and removes it.
    readers: Readers,
    writer: Mutex<Connection>,
}

impl Database {
    /// Opens the file or makes an empty one; `prepare` runs in the first transaction and is told whether the file is new.
    pub(crate) fn open(
        path: PathBuf,
        kind: FileKind,
        prepare: impl FnOnce(&Transaction<'_>, bool) -> Result<(), ReadStoreError>,
    ) -> Result<Self, ReadStoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(&path, flags, WRITER_CACHE_KIB)?;
        // Before anything is written: a file of another program stays as it is.
        let fresh = identify(&connection, kind)? == Identity::Empty;
        set_up_writer(&connection).map_err(from_sqlite)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(from_sqlite)?;
        if fresh {
            mark(&transaction, kind).map_err(from_sqlite)?;
        }
        prepare(&transaction, fresh)?;
        transaction.commit().map_err(from_sqlite)?;
        Ok(Self { path, kind, writer: Mutex::new(connection), readers: Readers::default() })
    }

    /// Runs `work` in one writing transaction; nothing of it remains when it fails.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, ReadStoreError>,
    ) -> Result<T, ReadStoreError> {
        let mut connection = self.writer();
        // An unlinked file would take writes without complaint, and lose them.
        if !matches!(self.path.try_exists(), Ok(true)) {
            return Err(unavailable("the file was removed while in use; restart to have it rebuilt"));
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(from_sqlite)?;
        let answer = work(&transaction)?;
        transaction.commit().map_err(from_sqlite)?;
        Ok(answer)
    }

    /// Runs `work` on one reading connection, in one transaction: it sees one commit's state throughout.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, ReadStoreError>,
    ) -> Result<T, ReadStoreError> {
        let mut reader = Reader::take(&self.readers)?;
        let connection = match &mut reader.connection {
            Some(connection) => connection,
            none => none.insert(self.connect_reader()?),
        };
        let transaction = connection.transaction().map_err(from_sqlite)?;
        work(&transaction)
    }

    /// Returns once the write under way, if any, has ended.
    pub(crate) fn wait_for_writer(&self) {
        drop(self.writer());
    }

    fn connect_reader(&self) -> Result<Connection, ReadStoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(&self.path, flags, READER_CACHE_KIB)?;
        match identify(&connection, self.kind)? {
            Identity::Ours => Ok(connection),
            Identity::Empty => Err(corrupt("the file was replaced while in use")),
        }
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic in the middle of a transaction rolled it back when it unwound.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Identity {
    Empty,
    Ours,
}

fn connect(path: &Path, flags: OpenFlags, cache_kib: i32) -> Result<Connection, ReadStoreError> {
    let connection = Connection::open_with_flags(path, flags).map_err(from_sqlite)?;
    configure(&connection, cache_kib).map_err(from_sqlite)?;
    Ok(connection)
}

/// What every connection is set to. Memory-mapped reading stays off: a file cut short by somebody else would kill the
/// process instead of failing the read.
fn configure(connection: &Connection, cache_kib: i32) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(128);
    // The file may come from anywhere: its schema is not to run anything, and a misspelt name is an error.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.pragma_update(None, "cache_size", -cache_kib)
}

fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", WAL_AUTOCHECKPOINT_PAGES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", JOURNAL_SIZE_LIMIT_BYTES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "analysis_limit", 1000, |_| Ok(()))
}

fn mark(connection: &Connection, kind: FileKind) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", kind.application_id)?;
    connection.pragma_update(None, "user_version", kind.format)
}

fn identify(connection: &Connection, kind: FileKind) -> Result<Identity, ReadStoreError> {
    let number = |sql: &str| -> Result<i32, ReadStoreError> {
        connection.query_row(sql, (), |row| row.get(0)).map_err(from_sqlite)
    };
    let application_id = number("PRAGMA application_id")?;
    let format = number("PRAGMA user_version")?;
    let what = kind.what;
    if application_id == 0 && format == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(Identity::Empty);
    }
    if application_id != kind.application_id {
        return Err(corrupt(format!(
            "the SQLite file belongs to another program, it is not a {what} (application id {application_id:#010x})"
        )));
    }
    if format > kind.format {
        return Err(corrupt(format!(
            "the {what} has format {format}, this program knows up to {}; use a newer program or remove the file \
             to have it rebuilt",
            kind.format
        )));
    }
    Ok(Identity::Ours)
}

/// Reading connections that nobody uses, and how many exist.
#[derive(Default)]
struct Readers {
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    in_use: usize,
}

/// A place among the readers, with a connection once there is one; given back when dropped.
struct Reader<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl<'a> Reader<'a> {
    fn take(readers: &'a Readers) -> Result<Self, ReadStoreError> {
        let pool = readers.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut pool, _) = readers
            .returned
            .wait_timeout_while(pool, BUSY_TIMEOUT, |pool| pool.in_use >= MAX_READERS)
            .unwrap_or_else(PoisonError::into_inner);
        if pool.in_use >= MAX_READERS {
            return Err(unavailable("all readers are busy"));
        }
        pool.in_use += 1;
        let connection = pool.idle.pop();
        Ok(Self { readers, connection })
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.in_use -= 1;
        pool.idle.extend(self.connection.take());
        drop(pool);
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: FileKind = FileKind { what: "test file", application_id: 7, format: 1 };

    fn open(dir: &Path) -> Database {
        let create = |tx: &Transaction<'_>, fresh: bool| {
            let sql = if fresh { "CREATE TABLE t (x BLOB)" } else { "" };
            tx.execute_batch(sql).map_err(from_sqlite)
        };
        Database::open(dir.join("file"), KIND, create).unwrap()
    }

    fn insert(database: &Database, bytes: u32) -> Result<(), ReadStoreError> {
        database.write(|tx| {
            tx.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes]).map_err(from_sqlite)?;
            Ok(())
        })
    }

    fn count(database: &Database) -> i64 {
        let count = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM t", (), |row| row.get(0)).map_err(from_sqlite)
        };
        database.read(count).unwrap()
    }

    #[test]
    fn a_full_disk_is_unavailable_until_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let database = open(dir.path());
        let most_pages = |pages: u32| {
            database.writer().pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        };
        most_pages(10);
        let error = insert(&database, 1_000_000).unwrap_err();
        assert!(matches!(&error, ReadStoreError::Unavailable { reason } if reason.contains("disk is full")), "{error}");
        assert_eq!(count(&database), 0);
        most_pages(100_000);
        insert(&database, 1_000_000).unwrap();
        assert_eq!(count(&database), 1);
    }

    #[test]
    fn a_file_locked_by_another_process_is_unavailable_to_writers_only() {
        let dir = tempfile::tempdir().unwrap();
        let database = open(dir.path());
        database.writer().busy_timeout(Duration::ZERO).unwrap();
        let other = Connection::open(dir.path().join("file")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = insert(&database, 1).unwrap_err();
        assert!(matches!(&error, ReadStoreError::Unavailable { reason } if reason.contains("locked")), "{error}");
        assert_eq!(count(&database), 0);
        other.execute_batch("ROLLBACK").unwrap();
        insert(&database, 1).unwrap();
    }

    #[test]
    fn a_panic_in_the_middle_of_a_write_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let database = open(dir.path());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = database.write(|tx| -> Result<(), ReadStoreError> {
                tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
                panic!("on purpose")
            });
        }));
        assert!(panicked.is_err());
        assert_eq!(count(&database), 0);
        insert(&database, 1).unwrap();
        assert_eq!(count(&database), 1);
    }

    #[test]
    fn more_readers_than_connections_take_turns() {
        let dir = tempfile::tempdir().unwrap();
        let database = open(dir.path());
        let most = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..MAX_READERS * 4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        count(&database);
                        let in_use = database.readers.pool.lock().unwrap().in_use;
                        most.fetch_max(in_use, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
        let pool = database.readers.pool.lock().unwrap();
        assert!(pool.in_use == 0 && pool.idle.len() <= MAX_READERS);
        assert!(most.into_inner() <= MAX_READERS);
    }

    #[test]
    fn closing_leaves_one_complete_file() {
        let dir = tempfile::tempdir().unwrap();
        let database = open(dir.path());
        insert(&database, 5).unwrap();
        assert_eq!(count(&database), 1);
        drop(database);
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["file"]);
        assert_eq!(count(&open(dir.path())), 1);
    }
}
