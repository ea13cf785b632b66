use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use nexus_core::{Position, ports::RowData};

use crate::{
    dto::{PageInfo, RowList},
    problem::{Code, Problem},
    request::{Caller, Params, PathArgs},
    routes::{
        answer::{PROJECTION_POSITION, encoded, header_value, is_known, json_bytes, next_link, to_bytes, weak_tag},
        queries::{
            consistency::consistent_with,
            parse::{ListQuery, fields},
        },
    },
    state::Api,
};

/// Lists rows of a read model.
///
/// Filters are written `filter[field]=value` or `filter[field][gte|lte|in|prefix]=value`; all of them must hold.
#[utoipa::path(
    get,
    path = "/api/queries/{resourceType}",
    tag = "queries",
    params(
        ("resourceType" = String, Path, description = "The read model, such as `orders`."),
        ("filter[field]" = Option<String>, Query, description = "Only rows whose field has this value."),
        ("sort" = Option<String>, Query, description = "Fields separated by commas, `-` before one for descending."),
        ("limit" = Option<u32>, Query, description = "Most rows on a page, 1 to 1000; 50 when not given."),
        ("cursor" = Option<String>, Query, description = "`nextToken` of the page before; with the same filters and sort."),
        ("fields" = Option<String>, Query, description = "Only these fields, separated by commas."),
        ("consistentWith" = Option<u64>, Query, description = "Wait until everything up to this position is in the rows."),
        ("Nexus-Consistent-With" = Option<u64>, Header, description = "The same as a header."),
        ("Prefer" = Option<String>, Header, description = "`wait=<seconds>`: how long to wait, at most 30; 2 when not given."),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` the client has."),
    ),
    responses(
        (status = 200, description = "The rows.", body = RowList, headers(
            ("ETag" = String, description = "Weak tag of the page."),
            ("Link" = String, description = "The next page, with `rel=next`."),
            ("Nexus-Projection-Position" = u64, description = "The rows correspond to the log up to here."),
        )),
        (status = 304, description = "The client has this page."),
    )
)]
pub(crate) async fn query_rows(
    State(api): State<Api>,
    PathArgs(resource): PathArgs<String>,
    _caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::of(&uri)?;
    let spec = api.node.queries().projection(&resource)?.projection().spec();
    let mut list = ListQuery::of(&params, spec)?;
    let identity: Vec<&str> = list.identity.iter().map(String::as_str).collect();
    if let Some(cursor) = &list.cursor {
        list.query.after = Some(api.cursors.open(&identity, cursor)?);
    }
    let consistent = consistent_with(&params, &headers, &api.config)?;
    let limit = list.query.limit;
    let page = api.node.queries().list(&resource, list.query, consistent).await?;
    let next = page.next.as_ref().map(|values| api.cursors.issue(&identity, values));
    let count = u64::try_from(page.rows.len()).unwrap_or(u64::MAX);
    let body = RowList {
        items: page.rows.into_iter().map(|row| cut(row, list.fields.as_deref())).collect(),
        total: page.total,
        next_token: next.clone(),
        pagination: PageInfo {
            limit: u64::try_from(limit).unwrap_or(u64::MAX),
            count,
            total: page.total,
            has_more: next.is_some(),
            next_cursor: next.clone(),
        },
    };
    let mut response = conditional(&headers, to_bytes(&body)?, page.position);
    if let Some(cursor) = next {
        let target = next_target(&resource, &params, &cursor);
        response.headers_mut().insert(header::LINK, next_link(&target));
    }
    Ok(response)
}

/// Reads one row of a read model.
#[utoipa::path(
    get,
    path = "/api/queries/{resourceType}/{id}",
    tag = "queries",
    params(
        ("resourceType" = String, Path, description = "The read model, such as `orders`."),
        ("id" = String, Path, description = "The row's key."),
        ("fields" = Option<String>, Query, description = "Only these fields, separated by commas."),
        ("consistentWith" = Option<u64>, Query, description = "Wait until everything up to this position is in the rows."),
        ("Nexus-Consistent-With" = Option<u64>, Header, description = "The same as a header."),
        ("Prefer" = Option<String>, Header, description = "`wait=<seconds>`: how long to wait, at most 30; 2 when not given."),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` the client has."),
    ),
    responses(
        (status = 200, description = "The row.", body = serde_json::Value, headers(
            ("ETag" = String, description = "Weak tag of the row."),
            ("Nexus-Projection-Position" = u64, description = "The row corresponds to the log up to here."),
        )),
        (status = 304, description = "The client has this row."),
    )
)]
pub(crate) async fn query_row(
    State(api): State<Api>,
    PathArgs((resource, id)): PathArgs<(String, String)>,
    _caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["fields", "consistentWith"])?;
    let spec = api.node.queries().projection(&resource)?.projection().spec();
    let wanted = fields(&params, spec)?;
    let consistent = consistent_with(&params, &headers, &api.config)?;
    let missing = || {
        let shown: String = id.chars().take(255).collect();
        Problem::new(Code::NotFound, format!("`{resource}` has no row `{shown}`"))
    };
    let missing = missing();
    let (row, position) = api.node.queries().get(&resource, id, consistent).await?;
    let row = cut(row.ok_or(missing)?, wanted.as_deref());
    Ok(conditional(&headers, to_bytes(&row)?, position))
}

/// The fields wanted of a row.
fn cut(row: RowData, fields: Option<&[String]>) -> RowData {
    match fields {
        None => row,
        Some(fields) => row.into_iter().filter(|(name, _)| fields.contains(name)).collect(),
    }
}

/// The body, or 304 when the client has it.
fn conditional(headers: &HeaderMap, body: Bytes, position: Position) -> Response {
    let tag = weak_tag(&body);
    let mut response = if is_known(headers, &tag) {
        (StatusCode::NOT_MODIFIED, Body::empty()).into_response()
    } else {
        json_bytes(StatusCode::OK, "application/json", body)
    };
    let out = response.headers_mut();
    out.insert(header::ETAG, header_value(&tag));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    out.insert(PROJECTION_POSITION, HeaderValue::from(position.get()));
    response
}

/// The same query with another cursor. `consistentWith` is left out: the next page continues what was seen.
fn next_target(resource: &str, params: &Params, cursor: &str) -> String {
    let mut target = format!("/api/queries/{}?cursor={}", encoded(resource), encoded(cursor));
    for (name, value) in params.iter().filter(|(name, _)| !matches!(*name, "cursor" | "consistentWith")) {
        target.push_str(&format!("&{}={}", encoded(name), encoded(value)));
    }
    target
}
