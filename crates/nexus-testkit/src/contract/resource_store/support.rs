use std::sync::Arc;

use nexus_core::{
    Position,
    ports::{
        Column, ColumnKind, Filter, FilterOp, ReadStoreError, ResourceSpec, ResourceStore, RowChange, RowData, RowPage,
        RowQuery, SortKey,
    },
};
use serde_json::{Value, json};

use crate::contract::{Breach, Outcome, ReadStoreFixture, check};

/// A resource with a field of every kind, and one whose name is a word of SQL.
pub(super) fn spec() -> ResourceSpec {
    let columns = [
        ("id", ColumnKind::Text),
        ("country", ColumnKind::Text),
        ("count", ColumnKind::Integer),
        ("weight", ColumnKind::Real),
        ("paid", ColumnKind::Boolean),
        ("lines", ColumnKind::Json),
        ("order", ColumnKind::Text),
    ];
    ResourceSpec {
        name: "orders".to_owned(),
        key: "id".to_owned(),
        columns: columns.map(|(name, kind)| Column { name: name.to_owned(), kind }).into(),
    }
}

/// A fresh resource.
pub(super) fn open<F: ReadStoreFixture>() -> Result<(F, Arc<dyn ResourceStore>), Breach> {
    let fixture = F::start();
    let resource = fixture.store().open(spec())?;
    Ok((fixture, resource))
}

/// A fresh resource with these rows.
pub(super) fn with_rows<F: ReadStoreFixture>(
    rows: impl IntoIterator<Item = Value>,
) -> Result<(F, Arc<dyn ResourceStore>), Breach> {
    let (fixture, resource) = open::<F>()?;
    let changes: Vec<RowChange> = rows.into_iter().map(put).collect();
    resource.commit(&changes, Position::new(1))?;
    Ok((fixture, resource))
}

/// The row that a JSON object is.
pub(super) fn row(object: Value) -> RowData {
    match object {
        Value::Object(members) => members,
        _ => RowData::new(),
    }
}

/// The change that puts a row.
pub(super) fn put(object: Value) -> RowChange {
    RowChange::Put(row(object))
}

/// A row without its members that are null: a store may answer a field without a value either way.
pub(super) fn bare(mut row: RowData) -> Value {
    row.retain(|_, value| !value.is_null());
    Value::Object(row)
}

/// The row of a key, bare.
pub(super) fn get(resource: &Arc<dyn ResourceStore>, key: &str) -> Result<Option<Value>, Breach> {
    Ok(resource.get(key)?.map(bare))
}

/// A filter on one field.
pub(super) fn filter(field: &str, op: FilterOp, values: impl IntoIterator<Item = Value>) -> Filter {
    Filter { field: field.to_owned(), op, values: values.into_iter().collect() }
}

/// Sort keys; a leading `-` means descending.
pub(super) fn sorted(keys: &[&str]) -> Vec<SortKey> {
    let key = |key: &&str| SortKey { field: key.trim_start_matches('-').to_owned(), descending: key.starts_with('-') };
    keys.iter().map(key).collect()
}

/// The keys of the rows of a page, in order.
pub(super) fn keys(page: &RowPage) -> Vec<String> {
    let key = |row: &RowData| row.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    page.rows.iter().map(key).collect()
}

/// The keys of all rows that a query finds, from pages of `limit`; totals and order of `next` are checked on the way.
pub(super) fn paged(resource: &Arc<dyn ResourceStore>, query: &RowQuery, limit: usize) -> Result<Vec<String>, Breach> {
    let mut found: Vec<String> = Vec::new();
    let mut after = None;
    loop {
        let page = resource.list(&RowQuery { limit, after, ..query.clone() })?;
        check!(page.rows.len() <= limit, "{} rows for a limit of {limit}", page.rows.len());
        let fresh = keys(&page);
        check!(fresh.iter().all(|key| !found.contains(key)), "rows {fresh:?} come after {found:?} had them");
        found.extend(fresh);
        match page.next {
            None => {
                check!(
                    page.total == found.len() as u64,
                    "a total of {} for {} rows in pages of {limit}",
                    page.total,
                    found.len()
                );
                return Ok(found);
            }
            Some(next) => {
                check!(!page.rows.is_empty(), "an empty page says that more follow");
                after = Some(next);
            }
        }
    }
}

/// A query that finds these keys, in this order, in pages of any size.
pub(super) fn finds(resource: &Arc<dyn ResourceStore>, query: &RowQuery, expected: &[&str]) -> Outcome {
    for limit in [1, 2, 3, 100] {
        let found = paged(resource, query, limit)?;
        check!(found == expected, "{query:?} in pages of {limit}: expected {expected:?}, got {found:?}");
    }
    Ok(())
}

/// A query whose filters find these keys, in the order of keys.
pub(super) fn selects(resource: &Arc<dyn ResourceStore>, filters: Vec<Filter>, expected: &[&str]) -> Outcome {
    let query = RowQuery { filters, ..RowQuery::default() };
    finds(resource, &query, expected)
}

/// An answer that must be `Invalid`.
pub(super) fn invalid<T>(answer: Result<T, ReadStoreError>, what: &str) -> Outcome {
    match answer {
        Err(ReadStoreError::Invalid { .. }) => Ok(()),
        Err(other) => Err(Breach::new(format!("{what} must be invalid, not `{other}`"))),
        Ok(_) => Err(Breach::new(format!("{what} must be invalid, it was accepted"))),
    }
}

/// Seven rows with equal values and nulls in every field.
pub(super) fn seven_rows() -> [Value; 7] {
    [
        json!({ "id": "a", "country": "GB", "count": 3, "weight": 1.5, "paid": true, "order": "x" }),
        json!({ "id": "b", "country": "DE", "count": 3, "weight": -0.25, "paid": false }),
        json!({ "id": "c", "country": "GB", "count": -7, "paid": true, "order": null }),
        json!({ "id": "d", "country": null, "count": 3, "weight": 1.5, "order": "x" }),
        json!({ "id": "e", "country": "DE", "weight": 10.5, "paid": false, "order": "y" }),
        json!({ "id": "f", "country": "GBX", "count": 9_007_199_254_740_993_i64, "weight": 1.5 }),
        json!({ "id": "g", "country": "gb", "count": 9_007_199_254_740_992_i64, "paid": null, "order": "X" }),
    ]
}
