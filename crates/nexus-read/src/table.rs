//! What a read model's file holds: the table `rows` with a typed column per field, and the table `meta`.

use std::{collections::HashSet, fmt::Write as _};

use nexus_core::{
    Position,
    ports::{ColumnKind, ReadStoreError, ResourceSpec},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction};

use crate::{
    database::FileKind,
    error::{corrupt, from_sqlite, invalid},
};

/// "NXRM".
pub(crate) const READ_MODEL: FileKind = FileKind { what: "read model", application_id: 0x4E58_524D, format: 1 };

/// The column that lists the fields a row does not have, as opposed to those that are null; null when it has all.
pub(crate) const ABSENT: &str = "$absent";

const MAX_COLUMNS: usize = 500;

/// The SQL texts of one resource.
pub(crate) struct Statements {
    /// `SELECT` of all columns in the order of the spec, then [`ABSENT`], up to and including `FROM rows`.
    pub(crate) select: String,
    pub(crate) get: String,
    pub(crate) insert: String,
    pub(crate) update: String,
    pub(crate) delete: String,
}

impl Statements {
    pub(crate) fn new(spec: &ResourceSpec) -> Self {
        let names: Vec<String> = spec.columns.iter().map(|column| quoted(&column.name)).collect();
        let key = quoted(&spec.key);
        let absent = quoted(ABSENT);
        let all = format!("{}, {absent}", names.join(", "));
        let places: Vec<String> = (1..=names.len() + 1).map(|place| format!("?{place}")).collect();
        let key_place = 1 + spec.columns.iter().position(|column| column.name == spec.key).unwrap_or(0);
        let assignments: Vec<String> = names
            .iter()
            .chain([&absent])
            .zip(&places)
            .filter(|(name, _)| **name != key)
            .map(|(name, place)| format!("{name} = {place}"))
            .collect();
        Self {
            select: format!("SELECT {all} FROM rows"),
            get: format!("SELECT {all} FROM rows WHERE {key} = ?1"),
            insert: format!("INSERT INTO rows ({all}) VALUES ({}) ON CONFLICT DO NOTHING", places.join(", ")),
            update: format!("UPDATE rows SET {} WHERE {key} = ?{key_place}", assignments.join(", ")),
            delete: format!("DELETE FROM rows WHERE {key} = ?1"),
        }
    }
}

/// A name as an SQL identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Refuses a shape that no table can have.
pub(crate) fn check_spec(spec: &ResourceSpec) -> Result<(), ReadStoreError> {
    check_name(&spec.name)?;
    let name = &spec.name;
    if spec.columns.len() > MAX_COLUMNS {
        return Err(invalid(format!("the resource `{name}` has more than {MAX_COLUMNS} fields")));
    }
    match spec.column(&spec.key).map(|column| column.kind) {
        Some(ColumnKind::Text) => {}
        Some(_) => {
            return Err(invalid(format!("the key `{}` of `{name}` must be of kind text", spec.key)));
        }
        None => {
            return Err(invalid(format!("the key `{}` of `{name}` is not one of its fields", spec.key)));
        }
    }
    let mut seen = HashSet::new();
    for column in &spec.columns {
        let field = &column.name;
        if field.is_empty() || field.len() > 128 || field.starts_with('$') || field.chars().any(char::is_control) {
            return Err(invalid(format!("`{}` cannot be a field of `{name}`", field.escape_debug())));
        }
        // SQLite takes column names for the same when they differ in the case of ASCII letters only.
        if !seen.insert(field.to_ascii_lowercase()) {
            return Err(invalid(format!(
                "the field `{field}` of `{name}` appears twice (upper and lower case count as the same)"
            )));
        }
    }
    Ok(())
}

/// The name becomes a file name.
fn check_name(name: &str) -> Result<(), ReadStoreError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=64).contains(&name.len()) && !name.starts_with('-') && name.chars().all(allowed) {
        return Ok(());
    }
    let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    Err(invalid(format!(
        "`{shown}` cannot be a resource: 1 to 64 lowercase letters, digits and `-`, not starting with `-`"
    )))
}

/// Makes an empty file ready, or empties one that was made for another shape; answers whether it was emptied.
pub(crate) fn prepare(tx: &Transaction<'_>, spec: &ResourceSpec, fresh: bool) -> Result<bool, ReadStoreError> {
    let text = spec_text(spec);
    if !fresh {
        let stored: Option<String> = tx
            .query_row("SELECT value FROM meta WHERE name = 'spec'", (), |row| row.get(0))
            .optional()
            .map_err(from_sqlite)?;
        if stored.as_deref() == Some(text.as_str()) {
            return Ok(false);
        }
    }
    tx.execute_batch("DROP TABLE IF EXISTS rows; DROP TABLE IF EXISTS meta").map_err(from_sqlite)?;
    tx.execute_batch(&create_rows(spec)).map_err(from_sqlite)?;
    tx.execute_batch(
        "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
         INSERT INTO meta VALUES ('checkpoint', 0), ('rows', 0)",
    )
    .map_err(from_sqlite)?;
    tx.execute("INSERT INTO meta VALUES ('spec', ?1), ('resource', ?2)", (&text, &spec.name)).map_err(from_sqlite)?;
    Ok(!fresh)
}

/// Drops the rows together with their indexes, which makes a refill several times faster.
pub(crate) fn empty(tx: &Transaction<'_>, spec: &ResourceSpec) -> Result<(), ReadStoreError> {
    tx.execute_batch("DROP TABLE rows").map_err(from_sqlite)?;
    tx.execute_batch(&create_rows(spec)).map_err(from_sqlite)?;
    set_meta(tx, "rows", 0)?;
    set_meta(tx, "checkpoint", 0)
}

fn create_rows(spec: &ResourceSpec) -> String {
    let mut sql = "CREATE TABLE rows (".to_owned();
    for column in &spec.columns {
        let key = if column.name == spec.key { " NOT NULL PRIMARY KEY" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(sql, "{} {}{key}, ", quoted(&column.name), sql_type(column.kind));
    }
    let _ = write!(sql, "{} TEXT) STRICT", quoted(ABSENT));
    sql
}

fn sql_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text | ColumnKind::Json => "TEXT",
        ColumnKind::Integer | ColumnKind::Boolean => "INTEGER",
        ColumnKind::Real => "REAL",
    }
}

/// The shape as text, to see whether it changed. The text rather than a digest of it: a person can read it.
fn spec_text(spec: &ResourceSpec) -> String {
    let columns: Vec<_> =
        spec.columns.iter().map(|column| serde_json::json!([column.name, format!("{:?}", column.kind)])).collect();
    serde_json::json!({ "name": spec.name, "key": spec.key, "columns": columns }).to_string()
}

/// How far the rows have followed the log.
pub(crate) fn checkpoint(connection: &Connection) -> Result<Position, ReadStoreError> {
    meta(connection, "checkpoint").map(Position::new)
}

/// A number from the table `meta`.
pub(crate) fn meta(connection: &Connection, name: &str) -> Result<u64, ReadStoreError> {
    let value: i64 = connection
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)))
        .map_err(from_sqlite)?;
    u64::try_from(value).map_err(|_| corrupt(format!("the {name} is negative")))
}

/// Writes a number to the table `meta`.
pub(crate) fn set_meta(connection: &Connection, name: &str, value: u64) -> Result<(), ReadStoreError> {
    let value = i64::try_from(value).map_err(|_| invalid(format!("a {name} of {value} is out of range")))?;
    connection
        .prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1")
        .and_then(|mut statement| statement.execute((name, value)))
        .map_err(from_sqlite)?;
    Ok(())
}
