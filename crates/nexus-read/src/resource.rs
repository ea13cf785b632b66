//! The rows of one read model in one file.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use nexus_core::{
    Position,
    ports::{ReadStoreError, ResourceSpec, ResourceStore, RowChange, RowData, RowPage, RowQuery},
};
use rusqlite::{
    CachedStatement, Connection, OptionalExtension as _, Transaction, params_from_iter,
    types::{ToSqlOutput, Value},
};

use crate::{
    database::Database,
    error::{from_sqlite, invalid, unavailable},
    indexes::Indexes,
    plan::{Plan, Sql},
    table::{self, ABSENT, Statements},
    value,
};

pub(crate) struct SqliteResource {
    spec: ResourceSpec,
    statements: Statements,
    database: Database,
    indexes: Indexes,
    /// Set when the file was emptied for another shape while this was open.
    retired: AtomicBool,
}

impl SqliteResource {
    /// Opens or makes the file; empties it when it was made for another shape.
    pub(crate) fn open(path: PathBuf, spec: ResourceSpec) -> Result<Self, ReadStoreError> {
        let mut emptied = false;
        let database = Database::open(path, table::READ_MODEL, |tx, fresh| {
            emptied = table::prepare(tx, &spec, fresh)?;
            Ok(())
        })?;
        if emptied {
            tracing::info!(resource = spec.name, "the read model's shape changed: emptied, to be rebuilt");
        }
        let indexes = database.read(Indexes::load)?;
        Ok(Self { statements: Statements::new(&spec), spec, database, indexes, retired: AtomicBool::new(false) })
    }

    /// Makes every further call fail, and waits for the commit under way.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        self.database.wait_for_writer();
    }

    fn check_current(&self) -> Result<(), ReadStoreError> {
        if self.retired.load(Ordering::SeqCst) {
            return Err(unavailable(format!("`{}` was opened again with another shape; use that one", self.spec.name)));
        }
        Ok(())
    }

    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, ReadStoreError>) -> Result<T, ReadStoreError> {
        self.database.write(|tx| {
            // Inside the lock, so that nothing is written once `retire` has returned.
            self.check_current()?;
            work(tx)
        })
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, ReadStoreError>) -> Result<T, ReadStoreError> {
        self.check_current()?;
        self.database.read(work)
    }

    /// Applies the changes; answers by how much the number of rows grew and shrank.
    fn apply(&self, tx: &Transaction<'_>, changes: &[RowChange]) -> Result<(u64, u64), ReadStoreError> {
        let prepare = |sql: &str| tx.prepare_cached(sql).map_err(from_sqlite);
        let mut insert = prepare(&self.statements.insert)?;
        let mut update = prepare(&self.statements.update)?;
        let mut delete = prepare(&self.statements.delete)?;
        let (mut added, mut removed) = (0, 0);
        for change in changes {
            match change {
                RowChange::Put(row) => {
                    self.bind(&mut insert, row)?;
                    if insert.raw_execute().map_err(from_sqlite)? == 1 {
                        added += 1;
                    } else {
                        self.bind(&mut update, row)?;
                        update.raw_execute().map_err(from_sqlite)?;
                    }
                }
                RowChange::Delete(key) => {
                    let deleted = delete.execute([key]).map_err(from_sqlite)?;
                    removed += u64::try_from(deleted).unwrap_or_default();
                }
            }
        }
        Ok((added, removed))
    }

    /// Binds a row's fields in the order of the columns, then the list of those it does not have.
    fn bind(&self, statement: &mut CachedStatement<'_>, row: &RowData) -> Result<(), ReadStoreError> {
        let mut absent = Vec::new();
        for (index, column) in self.spec.columns.iter().enumerate() {
            let bound = match row.get(&column.name) {
                Some(value) => value::to_sql(column, value)?,
                None => {
                    absent.push(column.name.as_str());
                    ToSqlOutput::Owned(Value::Null)
                }
            };
            if column.name == self.spec.key && !row.get(&column.name).is_some_and(serde_json::Value::is_string) {
                return Err(invalid(format!("the row's key `{}` must be text", self.spec.key)));
            }
            statement.raw_bind_parameter(index + 1, bound).map_err(from_sqlite)?;
        }
        if row.len() + absent.len() != self.spec.columns.len() {
            return Err(self.undeclared(row));
        }
        let absent = (!absent.is_empty()).then(|| serde_json::json!(absent).to_string());
        statement.raw_bind_parameter(self.spec.columns.len() + 1, absent).map_err(from_sqlite)
    }

    fn undeclared(&self, row: &RowData) -> ReadStoreError {
        let field = row.keys().find(|field| self.spec.column(field).is_none());
        let field = field.map_or(ABSENT, String::as_str);
        let shown: String = field.chars().take(64).flat_map(char::escape_debug).collect();
        invalid(format!("`{}` has no field `{shown}` to put", self.spec.name))
    }

    /// Reads the page's pieces until there is one row more than asked, which shows that a next page exists.
    fn page_rows(&self, connection: &Connection, plan: &Plan) -> Result<Vec<RowData>, ReadStoreError> {
        let enough = plan.limit + 1;
        let mut found = Vec::new();
        for Sql { text, mut params } in plan.pieces(&self.statements) {
            let missing = enough - found.len();
            if missing == 0 {
                break;
            }
            params.push(Value::Integer(i64::try_from(missing).unwrap_or(i64::MAX)));
            let mut statement = connection.prepare_cached(&text).map_err(from_sqlite)?;
            let mut rows = statement.query(params_from_iter(params)).map_err(from_sqlite)?;
            while let Some(row) = rows.next().map_err(from_sqlite)? {
                found.push(value::to_row(&self.spec, row)?);
            }
        }
        Ok(found)
    }
}

impl ResourceStore for SqliteResource {
    fn spec(&self) -> &ResourceSpec {
        &self.spec
    }

    fn checkpoint(&self) -> Result<Position, ReadStoreError> {
        self.read(table::checkpoint)
    }

    fn commit(&self, changes: &[RowChange], checkpoint: Position) -> Result<(), ReadStoreError> {
        self.write(|tx| {
            let (added, removed) = self.apply(tx, changes)?;
            if added != removed {
                let rows = table::meta(tx, "rows")?;
                table::set_meta(tx, "rows", (rows + added).saturating_sub(removed))?;
            }
            table::set_meta(tx, "checkpoint", checkpoint.get())
        })
    }

    fn get(&self, key: &str) -> Result<Option<RowData>, ReadStoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.statements.get).map_err(from_sqlite)?;
            let mut rows = statement.query([key]).map_err(from_sqlite)?;
            let row = rows.next().map_err(from_sqlite)?;
            row.map(|row| value::to_row(&self.spec, row)).transpose()
        })
    }

    fn list(&self, query: &RowQuery) -> Result<RowPage, ReadStoreError> {
        let plan = Plan::new(&self.spec, query)?;
        self.check_current()?;
        self.indexes.ensure(&self.database, &self.spec.key, &plan.wanted);
        self.read(|connection| {
            let total = match plan.count() {
                Some(sql) => count(connection, sql)?,
                None => table::meta(connection, "rows")?,
            };
            let mut rows = self.page_rows(connection, &plan)?;
            let more = rows.len() > plan.limit;
            rows.truncate(plan.limit);
            Ok(RowPage {
                next: rows.last().filter(|_| more).map(|last| plan.next(last)),
                rows,
                total,
                position: table::checkpoint(connection)?,
            })
        })
    }

    fn clear(&self) -> Result<(), ReadStoreError> {
        self.write(|tx| {
            self.indexes.forget();
            table::empty(tx, &self.spec)
        })
    }
}

fn count(connection: &Connection, sql: Sql) -> Result<u64, ReadStoreError> {
    let mut statement = connection.prepare_cached(&sql.text).map_err(from_sqlite)?;
    let total: Option<i64> =
        statement.query_row(params_from_iter(sql.params), |row| row.get(0)).optional().map_err(from_sqlite)?;
    Ok(total.and_then(|total| u64::try_from(total).ok()).unwrap_or_default())
}
