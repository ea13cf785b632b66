//! A resource with a field of every kind, and short ways to write rows and queries.

use std::sync::Arc;

use nexus_core::{
    Position,
    ports::{
        Column, ColumnKind, Filter, FilterOp, ReadStore, ReadStoreError, ResourceSpec, ResourceStore, RowChange,
        RowData, RowQuery, SortKey,
    },
};
use nexus_read::SqliteReadStore;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) fn spec() -> ResourceSpec {
    let kinds = [
        ("id", ColumnKind::Text),
        ("status", ColumnKind::Text),
        ("total", ColumnKind::Integer),
        ("score", ColumnKind::Real),
        ("open", ColumnKind::Boolean),
        ("lines", ColumnKind::Json),
    ];
    ResourceSpec {
        name: "orders".to_owned(),
        key: "id".to_owned(),
        columns: kinds.map(|(name, kind)| Column { name: name.to_owned(), kind }).to_vec(),
    }
}

pub(crate) struct Fixture {
    pub(crate) resource: Arc<dyn ResourceStore>,
    pub(crate) store: SqliteReadStore,
    pub(crate) dir: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteReadStore::open(dir.path()).unwrap();
        let resource = store.open(spec()).unwrap();
        Self { resource, store, dir }
    }

    pub(crate) fn with(rows: impl IntoIterator<Item = Value>) -> Self {
        let fixture = Self::new();
        let changes: Vec<RowChange> = rows.into_iter().map(put).collect();
        fixture.resource.commit(&changes, Position::new(1)).unwrap();
        fixture
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("projections/orders.sqlite")
    }

    /// The keys of all matching rows in order, page by page.
    pub(crate) fn keys(&self, query: &RowQuery) -> Vec<String> {
        let mut query = query.clone();
        let mut keys = Vec::new();
        loop {
            let page = self.resource.list(&query).unwrap();
            keys.extend(page.rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            assert!(page.next.is_none() || page.rows.len() == query.limit);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return keys,
            }
        }
    }
}

pub(crate) fn row(value: Value) -> RowData {
    match value {
        Value::Object(row) => row,
        other => panic!("not a row: {other}"),
    }
}

pub(crate) fn put(value: Value) -> RowChange {
    RowChange::Put(row(value))
}

pub(crate) fn query(filters: &[(&str, FilterOp, &[Value])], sort: &str, limit: usize) -> RowQuery {
    let filter = |(field, op, values): &(&str, FilterOp, &[Value])| Filter {
        field: (*field).to_owned(),
        op: *op,
        values: values.to_vec(),
    };
    let key =
        |field: &str| SortKey { field: field.trim_start_matches('-').to_owned(), descending: field.starts_with('-') };
    RowQuery {
        filters: filters.iter().map(filter).collect(),
        sort: sort.split(',').filter(|field| !field.is_empty()).map(key).collect(),
        limit,
        after: None,
    }
}

pub(crate) fn reason<T: std::fmt::Debug>(result: Result<T, ReadStoreError>) -> String {
    match result {
        Err(ReadStoreError::Invalid { reason }) => reason,
        other => panic!("expected Invalid, got {other:?}"),
    }
}
