//! Files that are foreign, newer, damaged, locked, removed or full are reported, and no message names a path.

use std::fs;

use nexus_core::{
    Position,
    ports::{ReadStore as _, ReadStoreError},
};
use nexus_read::{SqliteIdempotencyIndex, SqliteReadStore};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Fixture, put, query, spec};

/// A data directory whose read model file is what `make` leaves at the path it is given.
fn with_file(make: impl FnOnce(&std::path::Path)) -> (TempDir, ReadStoreError) {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteReadStore::open(dir.path()).unwrap();
    make(&dir.path().join("projections/orders.sqlite"));
    let error = store.open(spec()).map(|_| ()).unwrap_err();
    assert!(!error.to_string().contains(dir.path().to_str().unwrap()), "{error}");
    (dir, error)
}

#[test]
fn a_file_that_is_not_sqlite_is_refused_and_left_alone() {
    let (dir, error) = with_file(|path| fs::write(path, "not a database at all".repeat(100)).unwrap());
    assert!(matches!(&error, ReadStoreError::Corrupt { reason } if reason.contains("not an SQLite")), "{error}");
    let content = fs::read(dir.path().join("projections/orders.sqlite")).unwrap();
    assert!(content.starts_with(b"not a database"));
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let (dir, error) = with_file(|path| {
        Connection::open(path)
            .unwrap()
            .execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
            .unwrap();
    });
    assert!(matches!(&error, ReadStoreError::Corrupt { reason } if reason.contains("another program")), "{error}");
    let theirs = Connection::open(dir.path().join("projections/orders.sqlite")).unwrap();
    let mode: String = theirs.query_row("PRAGMA journal_mode", (), |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete", "not even the journal mode is touched");
}

#[test]
fn a_newer_format_and_a_file_of_the_other_kind_are_refused() {
    let (_dir, error) = with_file(|path| {
        let file = Connection::open(path).unwrap();
        file.execute_batch("PRAGMA application_id = 0x4E58524D; PRAGMA user_version = 2; CREATE TABLE x (y)").unwrap();
    });
    assert!(error.to_string().contains("format 2, this program knows up to 1"), "{error}");
    let (_dir, error) = with_file(|path| {
        let other = tempfile::tempdir().unwrap();
        drop(SqliteIdempotencyIndex::open(other.path()).unwrap());
        fs::copy(other.path().join("idempotency.sqlite"), path).unwrap();
    });
    assert!(error.to_string().contains("not a read model"), "{error}");
}

#[test]
fn a_file_with_our_mark_but_without_our_tables_is_refused() {
    let (_dir, error) = with_file(|path| {
        let file = Connection::open(path).unwrap();
        file.execute_batch("PRAGMA application_id = 0x4E58524D; PRAGMA user_version = 1; CREATE TABLE x (y)").unwrap();
    });
    assert!(matches!(&error, ReadStoreError::Corrupt { reason } if reason.contains("no such table")), "{error}");
}

#[test]
fn overwritten_pages_are_an_error_and_never_a_panic() {
    let fixture = Fixture::with((0..500).map(|n| json!({ "id": format!("k{n:04}"), "status": "x".repeat(100) })));
    let path = fixture.file();
    let Fixture { resource, store, dir } = fixture;
    drop((resource, store));
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    for page in 0..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0xA5);
        fs::write(&path, &damaged).unwrap();
        let store = SqliteReadStore::open(dir.path()).unwrap();
        let rows = store.open(spec()).and_then(|resource| resource.list(&query(&[], "status", 1000)));
        match rows {
            Err(ReadStoreError::Corrupt { .. }) => refused += 1,
            // An index page that this query does not read.
            Ok(page) => assert_eq!(page.rows.len(), 500),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 3, "{refused}");
}

#[test]
fn a_value_of_another_kind_in_the_table_is_corruption() {
    let fixture = Fixture::with([json!({ "id": "a", "lines": [1], "open": true })]);
    let shell = Connection::open(fixture.file()).unwrap();
    for (change, expected) in [
        ("UPDATE rows SET lines = '[1'", "`lines`"),
        ("UPDATE rows SET lines = NULL, open = 2", "`open`"),
        ("UPDATE rows SET open = NULL, \"$absent\" = '{'", "absent"),
        ("UPDATE meta SET value = -1 WHERE name = 'checkpoint'; UPDATE rows SET \"$absent\" = NULL", "checkpoint"),
        ("ALTER TABLE rows DROP COLUMN lines", "not as this program made"),
    ] {
        shell.execute_batch(change).unwrap();
        let error = fixture.resource.list(&query(&[], "", 5)).unwrap_err();
        assert!(matches!(&error, ReadStoreError::Corrupt { reason } if reason.contains(expected)), "{change}: {error}");
    }
}

#[test]
fn another_program_can_read_the_file_while_it_is_in_use() {
    let fixture = Fixture::with([json!({ "id": "a", "total": 5, "open": true, "lines": { "x": 1 } })]);
    let shell = Connection::open(fixture.file()).unwrap();
    let row: (String, i64, bool, i64) =
        shell.query_row("SELECT id, total, open, lines ->> 'x' FROM rows", (), |row| row.try_into()).unwrap();
    assert_eq!(row, ("a".to_owned(), 5, true, 1));
    let checkpoint: i64 =
        shell.query_row("SELECT value FROM meta WHERE name = 'checkpoint'", (), |row| row.get(0)).unwrap();
    assert_eq!(checkpoint, 1);
}

#[test]
fn a_removed_file_stops_commits_before_they_are_lost() {
    let fixture = Fixture::with([json!({ "id": "a" })]);
    fs::remove_dir_all(fixture.dir.path().join("projections")).unwrap();
    let error = fixture.resource.commit(&[put(json!({ "id": "b" }))], Position::new(2)).unwrap_err();
    assert!(matches!(&error, ReadStoreError::Unavailable { reason } if reason.contains("removed")), "{error}");
    // What is open may still be read; what must be opened anew may not. Neither panics.
    let _ = fixture.resource.get("a");
    drop(fixture.resource);
    let error = fixture.store.open(spec()).map(|_| ()).unwrap_err();
    assert!(matches!(error, ReadStoreError::Unavailable { .. }), "{error}");
}

#[test]
fn a_directory_that_cannot_be_made_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for error in [SqliteReadStore::open(&file).unwrap_err(), SqliteIdempotencyIndex::open(&file).unwrap_err()] {
        assert!(matches!(error, ReadStoreError::Unavailable { .. }), "{error}");
        assert!(!error.to_string().contains("file/"), "{error}");
    }
}
