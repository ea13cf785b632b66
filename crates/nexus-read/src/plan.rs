//! A [`RowQuery`] checked against the resource's fields and written as SQL.
//!
//! # Order
//! Null is smaller than every value: first when ascending, last when descending. Ties are broken by key, ascending.
//!
//! # Pages
//! "After this row" over several sort keys is usually one condition with `OR`, which no index can seek. Here it is a
//! list of [`Segment`]s, read one after the other until the page is full. For `sort=status,-total` after
//! `(placed, 5, k)`:
//!
//! 1. `status = placed AND total = 5 AND key > k`, 2. `status = placed AND total < 5`,
//! 3. `status = placed AND total IS NULL`, 4. `status > placed`.
//!
//! Each is a plain conjunction that an index answers at any depth, and nulls need no special comparison.

use std::cmp::Ordering;

use nexus_core::ports::{
    Column, ColumnKind, Filter, FilterOp, ReadStoreError, ResourceSpec, RowData, RowQuery, SortKey,
};
use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use crate::{
    error::invalid,
    indexes::Wanted,
    table::{Statements, quoted},
    value::to_owned_sql,
};

const MAX_FILTERS: usize = 20;
const MAX_SORT_KEYS: usize = 5;
const MAX_IN_VALUES: usize = 100;
const MAX_LIMIT: usize = 1000;
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// A query that names only known fields and fitting values.
pub(crate) struct Plan {
    /// Conditions of all filters; empty when there are none.
    filters: Condition,
    /// Fields of the sort keys as asked, for [`Plan::next`].
    sort_fields: Vec<String>,
    key: String,
    order: String,
    segments: Vec<Segment>,
    /// Indexes that would help.
    pub(crate) wanted: Vec<Wanted>,
    /// Most rows to answer.
    pub(crate) limit: usize,
}

/// A stretch of the ordered rows, all of it after the row the page starts behind.
type Segment = Condition;

/// SQL terms that must all hold, with their parameters in order.
#[derive(Debug, Clone, Default)]
struct Condition {
    terms: Vec<String>,
    params: Vec<SqlValue>,
}

/// An SQL text with its parameters.
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) params: Vec<SqlValue>,
}

impl Condition {
    fn add(&mut self, term: String, params: impl IntoIterator<Item = SqlValue>) {
        self.terms.push(term);
        self.params.extend(params);
    }

    fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.terms.extend_from_slice(&other.terms);
        both.params.extend_from_slice(&other.params);
        both
    }

    fn into_sql(self, before: &str, behind: &str) -> Sql {
        let text = if self.terms.is_empty() {
            format!("{before} {behind}")
        } else {
            format!("{before} WHERE {} {behind}", self.terms.join(" AND "))
        };
        Sql { text, params: self.params }
    }
}

impl Plan {
    pub(crate) fn new(spec: &ResourceSpec, query: &RowQuery) -> Result<Self, ReadStoreError> {
        check_limits(query)?;
        let mut filters = Condition::default();
        let mut wanted = Vec::new();
        for filter in &query.filters {
            add_filter(&mut filters, spec, filter)?;
            wanted.extend(Wanted::for_filter(spec, &filter.field));
        }
        let sort = checked_sort(spec, &query.sort)?;
        if let Some((column, descending)) = sort.first() {
            wanted.extend(Wanted::for_sort(spec, &column.name, *descending));
        }
        let levels = levels(spec, &sort)?;
        let order: Vec<String> = levels.iter().map(Level::order).collect();
        let segments = match &query.after {
            None => vec![Segment::default()],
            Some(values) => segments(&levels, &after_values(spec, &sort, values)?),
        };
        Ok(Self {
            filters,
            sort_fields: query.sort.iter().map(|key| key.field.clone()).collect(),
            key: spec.key.clone(),
            order: format!("ORDER BY {} LIMIT ?", order.join(", ")),
            segments,
            wanted,
            limit: query.limit,
        })
    }

    /// The counting of all rows that match; `None` when that is all rows there are.
    pub(crate) fn count(&self) -> Option<Sql> {
        let filtered = !self.filters.terms.is_empty();
        filtered.then(|| self.filters.clone().into_sql("SELECT count(*) FROM rows", ""))
    }

    /// The pages' pieces in order; each takes the number of rows still wanted as its last parameter.
    pub(crate) fn pieces(&self, statements: &Statements) -> impl Iterator<Item = Sql> {
        self.segments.iter().map(|segment| self.filters.and(segment).into_sql(&statements.select, &self.order))
    }

    /// Where the page after this last row goes on.
    pub(crate) fn next(&self, last: &RowData) -> Vec<Value> {
        let fields = self.sort_fields.iter().chain([&self.key]);
        fields.map(|field| last.get(field).cloned().unwrap_or(Value::Null)).collect()
    }
}

fn check_limits(query: &RowQuery) -> Result<(), ReadStoreError> {
    let over = |what: &str, most: usize| Err(invalid(format!("a query has at most {most} {what}")));
    if query.filters.len() > MAX_FILTERS {
        return over("filters", MAX_FILTERS);
    }
    if query.sort.len() > MAX_SORT_KEYS {
        return over("sort keys", MAX_SORT_KEYS);
    }
    if !(1..=MAX_LIMIT).contains(&query.limit) {
        return Err(invalid(format!("the limit is a number from 1 to {MAX_LIMIT}")));
    }
    Ok(())
}

/// The field as a column that can be compared.
fn comparable<'a>(spec: &'a ResourceSpec, field: &str) -> Result<&'a Column, ReadStoreError> {
    let shown = || field.chars().take(64).flat_map(char::escape_debug).collect::<String>();
    match spec.column(field) {
        Some(column) if column.kind != ColumnKind::Json => Ok(column),
        Some(_) => Err(invalid(format!("the field `{}` holds JSON and cannot be filtered or sorted by", shown()))),
        None => {
            let known: Vec<&str> = spec.columns.iter().map(|column| column.name.as_str()).collect();
            Err(invalid(format!("`{}` has no field `{}`; its fields are {}", spec.name, shown(), known.join(", "))))
        }
    }
}

fn checked_sort<'a>(spec: &'a ResourceSpec, sort: &[SortKey]) -> Result<Vec<(&'a Column, bool)>, ReadStoreError> {
    sort.iter().map(|key| Ok((comparable(spec, &key.field)?, key.descending))).collect()
}

fn query_value(column: &Column, value: &Value) -> Result<SqlValue, ReadStoreError> {
    if value.as_str().is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
        return Err(invalid(format!(
            "the value for the field `{}` is longer than {MAX_TEXT_BYTES} bytes",
            column.name
        )));
    }
    to_owned_sql(column, value)
}

fn add_filter(condition: &mut Condition, spec: &ResourceSpec, filter: &Filter) -> Result<(), ReadStoreError> {
    let column = comparable(spec, &filter.field)?;
    if filter.op == FilterOp::In {
        return add_in(condition, column, &filter.values);
    }
    let [value] = filter.values.as_slice() else {
        return Err(invalid(format!("the filter on `{}` takes one value, not {}", column.name, filter.values.len())));
    };
    let name = quoted(&column.name);
    let bound = query_value(column, value)?;
    match (filter.op, value) {
        (FilterOp::Eq, Value::Null) => condition.add(format!("{name} IS NULL"), []),
        (_, Value::Null) => {
            return Err(invalid(format!("the filter on `{}` cannot compare with null", column.name)));
        }
        (FilterOp::Gte, _) => condition.add(format!("{name} >= ?"), [bound]),
        (FilterOp::Lte, _) => condition.add(format!("{name} <= ?"), [bound]),
        (FilterOp::Prefix, Value::String(prefix)) if column.kind == ColumnKind::Text => {
            condition.add(format!("{name} >= ?"), [bound]);
            if let Some(end) = after_prefix(prefix) {
                condition.add(format!("{name} < ?"), [SqlValue::Text(end)]);
            }
        }
        (FilterOp::Prefix, _) => {
            return Err(invalid(format!("the field `{}` is not text and has no prefix", column.name)));
        }
        _ => condition.add(format!("{name} = ?"), [bound]),
    }
    Ok(())
}

fn add_in(condition: &mut Condition, column: &Column, values: &[Value]) -> Result<(), ReadStoreError> {
    if values.len() > MAX_IN_VALUES {
        return Err(invalid(format!("the filter on `{}` has more than {MAX_IN_VALUES} values", column.name)));
    }
    let name = quoted(&column.name);
    let mut params = Vec::with_capacity(values.len());
    for value in values.iter().filter(|value| !value.is_null()) {
        params.push(query_value(column, value)?);
    }
    let places = vec!["?"; params.len()].join(", ");
    let or_null = if params.len() < values.len() { format!(" OR {name} IS NULL") } else { String::new() };
    condition.add(format!("({name} IN ({places}){or_null})"), params);
    Ok(())
}

/// The smallest text greater than every text with this prefix; `None` when there is none. Comparing UTF-8 byte by
/// byte is comparing code points.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // A range of characters steps over the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

/// One level of the order: the sort keys that matter, then the key.
struct Level {
    /// Index into the sort keys as asked; the key's value follows the last of them.
    source: usize,
    name: String,
    descending: bool,
    nullable: bool,
}

impl Level {
    fn order(&self) -> String {
        let direction = if self.descending { "DESC" } else { "ASC" };
        format!("{} {direction}", self.name)
    }

    fn equal(&self, condition: &mut Condition, value: &SqlValue) {
        match value {
            SqlValue::Null => condition.add(format!("{} IS NULL", self.name), []),
            value => condition.add(format!("{} = ?", self.name), [value.clone()]),
        }
    }

    /// The stretches behind `value` on this level, nearest first.
    fn behind(&self, equal_so_far: &Condition, value: &SqlValue) -> Vec<Segment> {
        let with = |term: &str, params: Option<SqlValue>| {
            let mut segment = equal_so_far.clone();
            segment.add(format!("{} {term}", self.name), params);
            segment
        };
        match (value, self.descending) {
            (SqlValue::Null, false) => vec![with("IS NOT NULL", None)],
            (SqlValue::Null, true) => Vec::new(),
            (value, false) => vec![with("> ?", Some(value.clone()))],
            (value, true) if self.nullable => vec![with("< ?", Some(value.clone())), with("IS NULL", None)],
            (value, true) => vec![with("< ?", Some(value.clone()))],
        }
    }
}

/// The sort keys up to the key, each field once; then the key. What follows the key, or repeats a field, cannot
/// change the order.
fn levels(spec: &ResourceSpec, sort: &[(&Column, bool)]) -> Result<Vec<Level>, ReadStoreError> {
    let mut levels: Vec<Level> = Vec::with_capacity(sort.len() + 1);
    let key = comparable(spec, &spec.key)?;
    for (source, (column, descending)) in sort.iter().copied().chain([(key, false)]).enumerate() {
        let name = quoted(&column.name);
        let is_key = column.name == spec.key;
        if levels.iter().all(|level| level.name != name) {
            levels.push(Level { source, name, descending, nullable: !is_key });
        }
        if is_key {
            break;
        }
    }
    Ok(levels)
}

/// The values to go on after. They come from a client: number and types are checked.
fn after_values(
    spec: &ResourceSpec,
    sort: &[(&Column, bool)],
    values: &[Value],
) -> Result<Vec<SqlValue>, ReadStoreError> {
    let mismatch = || invalid("the cursor does not belong to this query; start from the first page");
    let key = comparable(spec, &spec.key)?;
    let columns = sort.iter().map(|(column, _)| *column).chain([key]);
    if values.len().cmp(&(sort.len() + 1)) != Ordering::Equal {
        return Err(mismatch());
    }
    columns
        .zip(values)
        .map(|(column, value)| match value {
            Value::Null if column.name == spec.key => Err(mismatch()),
            // A row may hold text of any length, and so may its cursor.
            value => to_owned_sql(column, value).map_err(|_| mismatch()),
        })
        .collect()
}

/// The stretches behind a row, nearest first: those that share most of its values come first.
fn segments(levels: &[Level], after: &[SqlValue]) -> Vec<Segment> {
    let mut equal = Condition::default();
    let mut outward = Vec::with_capacity(levels.len());
    for level in levels {
        let value = after.get(level.source).unwrap_or(&SqlValue::Null);
        outward.push(level.behind(&equal, value));
        level.equal(&mut equal, value);
    }
    outward.into_iter().rev().flatten().collect()
}
