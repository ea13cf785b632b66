use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use nexus_core::ports::RegisteredSchema;
use serde_json::json;
use uuid::Uuid;

use super::{
    message::{MEDIA_TYPE, SchemaAnswer, answer, flag, has_guid, page, text_of},
    refused::Refused,
    subject::{context_of, name_of},
    subjects::{all, has_prefix, shown},
};
use crate::{
    request::{Caller, Params, PathArgs},
    routes::answer::json_bytes,
    state::Api,
};

pub(super) async fn root(_caller: Caller) -> Result<Response, Refused> {
    answer(&json!({}))
}

pub(super) async fn types(_caller: Caller) -> Result<Response, Refused> {
    answer(&json!(["JSON"]))
}

pub(super) async fn list(State(api): State<Api>, _caller: Caller, params: Params) -> Result<Response, Refused> {
    let mut found = Vec::new();
    for info in all(&api) {
        if !has_prefix(&name_of(&info.subject), &params)? {
            continue;
        }
        let wanted = info.versions.iter().filter(|known| shown(known, &params));
        if flag(&params, "latestOnly") {
            found.extend(wanted.last().cloned());
        } else {
            found.extend(wanted.cloned());
        }
    }
    let page = page(found, &params)?;
    answer(&page.iter().map(|known| SchemaAnswer::of(known)).collect::<Vec<_>>())
}

/// The schema of an id, deleted or not: data that carries it must stay readable.
fn find(api: &Api, id: &str) -> Result<Arc<RegisteredSchema>, Refused> {
    let number = id.parse::<u32>().map_err(|_| Refused::new(404, "HTTP 404 Not Found: an id is a whole number"))?;
    api.node.schemas().by_id(number).ok_or_else(|| Refused::schema_not_found(id))
}

pub(super) async fn by_id(
    State(api): State<Api>,
    PathArgs(id): PathArgs<String>,
    _caller: Caller,
) -> Result<Response, Refused> {
    answer(&SchemaAnswer::of(&*find(&api, &id)?))
}

pub(super) async fn text_by_id(
    State(api): State<Api>,
    PathArgs(id): PathArgs<String>,
    _caller: Caller,
) -> Result<Response, Refused> {
    Ok(json_bytes(StatusCode::OK, MEDIA_TYPE, text_of(&*find(&api, &id)?).into()))
}

pub(super) async fn subjects_of_id(
    State(api): State<Api>,
    PathArgs(id): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    let known = find(&api, &id)?;
    let names: Vec<String> =
        Some(known).into_iter().filter(|known| shown(known, &params)).map(|known| name_of(&known.subject())).collect();
    answer(&page(names, &params)?)
}

pub(super) async fn versions_of_id(
    State(api): State<Api>,
    PathArgs(id): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    let known = find(&api, &id)?;
    let version = |known: Arc<RegisteredSchema>| json!({ "subject": name_of(&known.subject()), "version": known.reference.version });
    let versions: Vec<_> = Some(known).into_iter().filter(|known| shown(known, &params)).map(version).collect();
    answer(&page(versions, &params)?)
}

/// The schemas of a guid, by id.
fn with_guid(api: &Api, guid: &str) -> Result<Vec<Arc<RegisteredSchema>>, Refused> {
    let not_found = || Refused::schema_not_found(&guid.chars().take(64).collect::<String>());
    let wanted = Uuid::try_parse(guid).map_err(|_| not_found())?;
    let mut found: Vec<_> =
        all(api).into_iter().flat_map(|info| info.versions).filter(|known| has_guid(known, wanted)).collect();
    found.sort_by_key(|known| known.reference.id);
    if found.is_empty() { Err(not_found()) } else { Ok(found) }
}

pub(super) async fn by_guid(
    State(api): State<Api>,
    PathArgs(guid): PathArgs<String>,
    _caller: Caller,
) -> Result<Response, Refused> {
    let found = with_guid(&api, &guid)?;
    answer(&found.first().map(|known| SchemaAnswer::of(known)))
}

pub(super) async fn ids_of_guid(
    State(api): State<Api>,
    PathArgs(guid): PathArgs<String>,
    _caller: Caller,
) -> Result<Response, Refused> {
    let id = |known: &Arc<RegisteredSchema>| json!({ "context": context_of(&name_of(&known.subject())), "schemaId": known.reference.id });
    answer(&with_guid(&api, &guid)?.iter().map(id).collect::<Vec<_>>())
}
