//! Checking, filtering and ordering of rows, one at a time and by the letter of the port.

use std::{cmp::Ordering, collections::BTreeMap};

use nexus_core::ports::{ColumnKind, Filter, FilterOp, ReadStoreError, ResourceSpec, RowData, RowQuery};
use serde_json::Value;

pub(super) struct Selected {
    pub(super) rows: Vec<RowData>,
    pub(super) total: u64,
    pub(super) next: Option<Vec<Value>>,
}

/// A resource whose key is not a text field cannot be kept.
pub(super) fn check_spec(spec: &ResourceSpec) -> Result<(), ReadStoreError> {
    match spec.column(&spec.key) {
        Some(column) if column.kind == ColumnKind::Text => Ok(()),
        _ => Err(invalid(format!("the key `{}` of `{}` is not a text field", spec.key, spec.name))),
    }
}

/// The key of a row and the row, when it fits its resource.
pub(super) fn checked(spec: &ResourceSpec, row: &RowData) -> Result<(String, RowData), ReadStoreError> {
    for (field, value) in row {
        if !value.is_null() && !fits(kind_of(spec, field)?, value) {
            return Err(invalid(format!("`{field}` of `{}` cannot hold {value}", spec.name)));
        }
    }
    let Some(Value::String(key)) = row.get(&spec.key) else {
        return Err(invalid(format!("a row of `{}` has no key `{}`", spec.name, spec.key)));
    };
    Ok((key.clone(), row.clone()))
}

/// The page of rows that a query asks for.
pub(super) fn select(
    spec: &ResourceSpec,
    rows: &BTreeMap<String, RowData>,
    query: &RowQuery,
) -> Result<Selected, ReadStoreError> {
    check_query(spec, query)?;
    let wanted = |row: &&RowData| query.filters.iter().all(|filter| passes(filter, row));
    let mut found: Vec<&RowData> = rows.values().filter(wanted).collect();
    let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
    found.sort_by(|a, b| compare(query, &place(spec, query, a), &place(spec, query, b)));
    if let Some(after) = &query.after {
        found.retain(|row| compare(query, &place(spec, query, row), after).is_gt());
    }
    let limit = query.limit.max(1);
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    Ok(Selected { next: last.map(|row| place(spec, query, row)), rows: found.into_iter().cloned().collect(), total })
}

fn check_query(spec: &ResourceSpec, query: &RowQuery) -> Result<(), ReadStoreError> {
    for filter in &query.filters {
        check_filter(comparable(spec, &filter.field)?, filter)?;
    }
    let mut kinds = Vec::with_capacity(query.sort.len() + 1);
    for key in &query.sort {
        kinds.push(comparable(spec, &key.field)?);
    }
    kinds.push(ColumnKind::Text);
    let Some(after) = &query.after else { return Ok(()) };
    let typed = |(kind, value): (&ColumnKind, &Value)| value.is_null() || fits(*kind, value);
    let keyed = after.last().is_some_and(Value::is_string);
    if after.len() == kinds.len() && keyed && kinds.iter().zip(after).all(typed) {
        Ok(())
    } else {
        Err(invalid("the place to go on from does not fit the query".to_owned()))
    }
}

fn check_filter(kind: ColumnKind, filter: &Filter) -> Result<(), ReadStoreError> {
    let field = &filter.field;
    let equality = matches!(filter.op, FilterOp::Eq | FilterOp::In);
    if filter.op != FilterOp::In && filter.values.len() != 1 {
        return Err(invalid(format!("the filter on `{field}` takes one value")));
    }
    if filter.op == FilterOp::Prefix && kind != ColumnKind::Text {
        return Err(invalid(format!("`{field}` is not text and has no prefix")));
    }
    match filter.values.iter().find(|value| !(fits(kind, value) || value.is_null() && equality)) {
        Some(value) => Err(invalid(format!("`{field}` cannot be compared with {value}"))),
        None => Ok(()),
    }
}

fn kind_of(spec: &ResourceSpec, field: &str) -> Result<ColumnKind, ReadStoreError> {
    let column = spec.column(field);
    column.map(|column| column.kind).ok_or_else(|| invalid(format!("`{}` has no field `{field}`", spec.name)))
}

fn comparable(spec: &ResourceSpec, field: &str) -> Result<ColumnKind, ReadStoreError> {
    match kind_of(spec, field)? {
        ColumnKind::Json => Err(invalid(format!("`{field}` holds JSON and cannot be compared"))),
        kind => Ok(kind),
    }
}

fn fits(kind: ColumnKind, value: &Value) -> bool {
    match kind {
        ColumnKind::Text => value.is_string(),
        ColumnKind::Integer => value.is_i64(),
        ColumnKind::Real => value.is_number(),
        ColumnKind::Boolean => value.is_boolean(),
        ColumnKind::Json => true,
    }
}

fn passes(filter: &Filter, row: &RowData) -> bool {
    let value = row.get(&filter.field).unwrap_or(&Value::Null);
    let holds = |wanted: &Value| match filter.op {
        FilterOp::Eq | FilterOp::In => order(value, wanted).is_eq(),
        FilterOp::Gte => !value.is_null() && order(value, wanted).is_ge(),
        FilterOp::Lte => !value.is_null() && order(value, wanted).is_le(),
        FilterOp::Prefix => {
            let (text, prefix) = (value.as_str(), wanted.as_str());
            text.zip(prefix).is_some_and(|(text, prefix)| text.starts_with(prefix))
        }
    };
    filter.values.iter().any(holds)
}

/// Where a row stands in the order of a query: its sort values and its key.
fn place(spec: &ResourceSpec, query: &RowQuery, row: &RowData) -> Vec<Value> {
    let fields = query.sort.iter().map(|key| &key.field).chain([&spec.key]);
    fields.map(|field| row.get(field).cloned().unwrap_or_default()).collect()
}

fn compare(query: &RowQuery, a: &[Value], b: &[Value]) -> Ordering {
    let descending = query.sort.iter().map(|key| key.descending).chain([false]);
    let orders = a.iter().zip(b).zip(descending);
    orders
        .map(|((a, b), descending)| if descending { order(b, a) } else { order(a, b) })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Null before everything, then by the value; both are of one kind.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(x), Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        },
        _ => b.is_null().cmp(&a.is_null()),
    }
}

fn invalid(reason: String) -> ReadStoreError {
    ReadStoreError::Invalid { reason }
}
