//! From a query string to a query of the read store.

use nexus_core::ports::{Column, ColumnKind, Filter, FilterOp, ResourceSpec, RowQuery, SortKey};
use serde_json::{Number, Value};

use crate::{
    problem::Problem,
    request::{Params, unknown},
};

/// Parameters of lists besides `filter[…]`.
const LIST_PARAMS: [&str; 5] = ["sort", "limit", "cursor", "fields", "consistentWith"];
const MAX_FILTERS: usize = 20;
const MAX_VALUES: usize = 100;

/// A query and what of it a cursor is bound to.
pub(crate) struct ListQuery {
    pub(crate) query: RowQuery,
    pub(crate) fields: Option<Vec<String>>,
    pub(crate) cursor: Option<String>,
    /// The resource, filters and sort, in a form that two equal queries share.
    pub(crate) identity: Vec<String>,
}

impl ListQuery {
    pub(crate) fn of(params: &Params, spec: &ResourceSpec) -> Result<Self, Problem> {
        let mut filters = Vec::new();
        let mut identity = vec![spec.name.clone()];
        for (name, value) in params.iter() {
            if let Some(target) = name.strip_prefix("filter[") {
                filters.push(filter(target, value, spec)?);
                identity.push(format!("{name}={value}"));
            } else if !LIST_PARAMS.contains(&name) {
                return Err(unknown(name, &["filter[field]", "sort", "limit", "cursor", "fields", "consistentWith"]));
            }
        }
        if filters.len() > MAX_FILTERS {
            return Err(Problem::parameter("filter", format!("a query has at most {MAX_FILTERS} filters")));
        }
        identity.sort_unstable();
        identity.push(format!("sort={}", params.one("sort")?.unwrap_or_default()));
        let query = RowQuery { filters, sort: sort(params, spec)?, limit: params.limit(50)?, after: None };
        let cursor = params.one("cursor")?.map(str::to_owned);
        Ok(Self { query, fields: fields(params, spec)?, cursor, identity })
    }
}

/// The fields wanted; `None` is all of them.
pub(crate) fn fields(params: &Params, spec: &ResourceSpec) -> Result<Option<Vec<String>>, Problem> {
    if params.one("fields")?.is_none() {
        return Ok(None);
    }
    let names = params.list("fields")?;
    if names.is_empty() {
        return Err(Problem::parameter("fields", "`fields` names no field"));
    }
    let known = |name: &str| column(spec, name, "fields").map(|column| column.name.clone());
    names.into_iter().map(known).collect::<Result<_, _>>().map(Some)
}

fn sort(params: &Params, spec: &ResourceSpec) -> Result<Vec<SortKey>, Problem> {
    let mut keys: Vec<SortKey> = Vec::new();
    for name in params.list("sort")? {
        let (name, descending) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
        let column = comparable(spec, name, "sort")?;
        if keys.iter().any(|key| key.field == column.name) {
            return Err(Problem::parameter("sort", format!("`{name}` is given more than once")));
        }
        keys.push(SortKey { field: column.name.clone(), descending });
    }
    Ok(keys)
}

/// `target` is what follows `filter[`: `country]` or `country][prefix]`.
fn filter(target: &str, value: &str, spec: &ResourceSpec) -> Result<Filter, Problem> {
    let malformed = || {
        let shown: String = target.chars().take(64).collect();
        Problem::parameter(
            &format!("filter[{shown}"),
            "a filter is written filter[field] or filter[field][gte|lte|in|prefix]",
        )
    };
    let inner = target.strip_suffix(']').ok_or_else(malformed)?;
    let (field, op) = match inner.split_once("][") {
        None => (inner, FilterOp::Eq),
        Some((field, "gte")) => (field, FilterOp::Gte),
        Some((field, "lte")) => (field, FilterOp::Lte),
        Some((field, "in")) => (field, FilterOp::In),
        Some((field, "prefix")) => (field, FilterOp::Prefix),
        Some(_) => return Err(malformed()),
    };
    let column = comparable(spec, field, "filter")?;
    if op == FilterOp::Prefix && column.kind != ColumnKind::Text {
        return Err(Problem::parameter(&format!("filter[{field}]"), "only a text field can be filtered by prefix"));
    }
    let values = if op == FilterOp::In { value.split(',').collect() } else { vec![value] };
    if values.len() > MAX_VALUES {
        return Err(Problem::parameter(&format!("filter[{field}]"), format!("`in` takes at most {MAX_VALUES} values")));
    }
    let values = values.into_iter().map(|value| typed(column, value)).collect::<Result<_, _>>()?;
    Ok(Filter { field: column.name.clone(), op, values })
}

/// A filter value as the column's kind.
fn typed(column: &Column, text: &str) -> Result<Value, Problem> {
    let (value, expected) = match column.kind {
        ColumnKind::Text => (Some(Value::from(text)), "a text"),
        ColumnKind::Integer => (text.parse::<i64>().ok().map(Value::from), "a whole number of 64 bits"),
        ColumnKind::Real => (text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number), "a finite number"),
        ColumnKind::Boolean => (text.parse::<bool>().ok().map(Value::from), "true or false"),
        ColumnKind::Json => (None, "something that cannot be filtered by"),
    };
    value.ok_or_else(|| {
        Problem::parameter(&format!("filter[{}]", column.name), format!("`{}` is {expected}", column.name))
    })
}

fn comparable<'a>(spec: &'a ResourceSpec, name: &str, parameter: &str) -> Result<&'a Column, Problem> {
    let column = column(spec, name, parameter)?;
    if column.kind == ColumnKind::Json {
        let detail = format!("`{name}` holds a document and cannot be filtered or sorted by");
        return Err(Problem::parameter(parameter, detail));
    }
    Ok(column)
}

fn column<'a>(spec: &'a ResourceSpec, name: &str, parameter: &str) -> Result<&'a Column, Problem> {
    spec.column(name).ok_or_else(|| {
        let shown: String = name.chars().take(64).collect();
        let known: Vec<&str> = spec.columns.iter().map(|column| column.name.as_str()).collect();
        Problem::parameter(parameter, format!("`{}` has no field `{shown}`; known: {}", spec.name, known.join(", ")))
    })
}
