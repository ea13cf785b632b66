//! JSON values as column values and back.

use nexus_core::ports::{Column, ColumnKind, ReadStoreError, ResourceSpec, RowData};
use rusqlite::{
    Row,
    types::{ToSqlOutput, Value as SqlValue, ValueRef},
};
use serde_json::{Number, Value};

use crate::error::{corrupt, from_sqlite, invalid};

/// A field's value as its column keeps it.
pub(crate) fn to_sql<'a>(column: &Column, value: &'a Value) -> Result<ToSqlOutput<'a>, ReadStoreError> {
    let borrowed = match (column.kind, value) {
        (_, Value::Null) => ValueRef::Null,
        (ColumnKind::Json, value) => return Ok(ToSqlOutput::Owned(SqlValue::Text(value.to_string()))),
        (ColumnKind::Text, Value::String(text)) => ValueRef::Text(text.as_bytes()),
        (ColumnKind::Integer, Value::Number(number)) => {
            ValueRef::Integer(number.as_i64().ok_or_else(|| misfit(column, value))?)
        }
        (ColumnKind::Real, Value::Number(number)) => {
            ValueRef::Real(number.as_f64().ok_or_else(|| misfit(column, value))?)
        }
        (ColumnKind::Boolean, Value::Bool(flag)) => ValueRef::Integer(i64::from(*flag)),
        _ => return Err(misfit(column, value)),
    };
    Ok(ToSqlOutput::Borrowed(borrowed))
}

/// [`to_sql`] as an owned value, for a query.
pub(crate) fn to_owned_sql(column: &Column, value: &Value) -> Result<SqlValue, ReadStoreError> {
    Ok(match to_sql(column, value)? {
        ToSqlOutput::Owned(value) => value,
        ToSqlOutput::Borrowed(ValueRef::Integer(number)) => SqlValue::Integer(number),
        ToSqlOutput::Borrowed(ValueRef::Real(number)) => SqlValue::Real(number),
        ToSqlOutput::Borrowed(ValueRef::Text(_)) => SqlValue::Text(value.as_str().unwrap_or_default().to_owned()),
        _ => SqlValue::Null,
    })
}

/// Says what a field takes and what it was given, cut short.
fn misfit(column: &Column, value: &Value) -> ReadStoreError {
    let wanted = match column.kind {
        ColumnKind::Text => "text",
        ColumnKind::Integer => "a whole number from -2^63 to 2^63-1",
        ColumnKind::Real => "a number",
        ColumnKind::Boolean => "true or false",
        ColumnKind::Json => "JSON",
    };
    let shown: String = value.to_string().chars().take(64).collect();
    invalid(format!("the field `{}` takes {wanted}, not {shown}", column.name))
}

/// A row of `SELECT` over all columns and the absent list as the document that was put.
pub(crate) fn to_row(spec: &ResourceSpec, row: &Row<'_>) -> Result<RowData, ReadStoreError> {
    let absent = absent_fields(row.get_ref(spec.columns.len()).map_err(from_sqlite)?)?;
    let mut data = RowData::new();
    for (index, column) in spec.columns.iter().enumerate() {
        let value = to_json(column, row.get_ref(index).map_err(from_sqlite)?)?;
        if !absent.contains(&column.name) {
            data.insert(column.name.clone(), value);
        }
    }
    Ok(data)
}

fn absent_fields(value: ValueRef<'_>) -> Result<Vec<String>, ReadStoreError> {
    match value {
        ValueRef::Null => Ok(Vec::new()),
        ValueRef::Text(bytes) => {
            serde_json::from_slice(bytes).map_err(|_| corrupt("the list of absent fields is not a JSON array"))
        }
        _ => Err(corrupt("the list of absent fields is not text")),
    }
}

fn to_json(column: &Column, value: ValueRef<'_>) -> Result<Value, ReadStoreError> {
    let foreign = || corrupt(format!("the column `{}` holds a value of another kind", column.name));
    Ok(match (column.kind, value) {
        (_, ValueRef::Null) => Value::Null,
        (ColumnKind::Text, ValueRef::Text(bytes)) => std::str::from_utf8(bytes).map_err(|_| foreign())?.into(),
        (ColumnKind::Json, ValueRef::Text(bytes)) => serde_json::from_slice(bytes).map_err(|_| foreign())?,
        (ColumnKind::Integer, ValueRef::Integer(number)) => number.into(),
        (ColumnKind::Boolean, ValueRef::Integer(flag @ (0 | 1))) => (flag == 1).into(),
        (ColumnKind::Real, ValueRef::Real(number)) => {
            Number::from_f64(number).map(Value::Number).ok_or_else(foreign)?
        }
        _ => return Err(foreign()),
    })
}
