//! The data API of the Open Policy Agent over the policy in force, for programs that speak it.

use std::time::Instant;

use axum::{
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::Response,
};
use nexus_core::Json;
use serde::Deserialize;
use serde_json::{Map, Value, json as value};

use crate::{
    problem::{Code, Problem},
    request::{Caller, Params, read_bytes},
    routes::answer::json,
    state::Api,
};

/// What OPA's clients may add; those that do not apply here are accepted and change nothing.
const PARAMETERS: [&str; 8] =
    ["pretty", "provenance", "explain", "metrics", "instrument", "strict-builtin-errors", "input", "strict"];

#[derive(Deserialize)]
struct Body {
    input: Option<Json>,
}

/// `POST /opa/v1/data/{path}` with `{"input": …}` answers `{"result": …}`, and `{}` where the path is undefined.
pub(crate) async fn opa_post(
    State(api): State<Api>,
    path: Option<Path<String>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let params = Params::of(&parts.uri)?;
    let media_type = parts.headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
    if media_type.is_some_and(|media_type| !media_type.starts_with(b"application/json")) {
        return Err(Problem::new(Code::UnsupportedMediaType, "the Content-Type must be application/json"));
    }
    let bytes = read_bytes(&parts.headers, body, api.config.max_body_bytes).await?;
    let input = if bytes.is_empty() {
        None
    } else {
        let body: Body = Json::parse(bytes)?.to().map_err(|error| Problem::invalid("", "type", error.to_string()))?;
        body.input
    };
    answer(&api, path, &params, input).await
}

/// `GET /opa/v1/data/{path}`, with the input in the query if there is any.
pub(crate) async fn opa_get(
    State(api): State<Api>,
    path: Option<Path<String>>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    let input = params.one("input")?.map(|text| Json::parse(text.to_owned())).transpose()?;
    answer(&api, path, &params, input).await
}

/// `GET /opa/v1/policies` lists the modules in force, as `{"result": [{"id": …, "raw": …}]}`.
pub(crate) async fn opa_policies(State(api): State<Api>, _caller: Caller, params: Params) -> Result<Response, Problem> {
    params.only(&["pretty"])?;
    let bundles = api.node.policy().bundles().await;
    let modules = bundles.iter().flat_map(|bundle| &bundle.modules);
    let result: Vec<Value> = modules.map(|module| value!({ "id": module.name, "raw": module.source })).collect();
    json(StatusCode::OK, &value!({ "result": result }))
}

async fn answer(
    api: &Api,
    path: Option<Path<String>>,
    params: &Params,
    input: Option<Json>,
) -> Result<Response, Problem> {
    params.only(&PARAMETERS)?;
    let (policy, started) = (api.node.policy(), Instant::now());
    let path = path.map(|Path(path)| path).unwrap_or_default();
    let found = policy.value_at(path, input).await;
    let found = found.map_err(|problem| Problem::invalid("", "policy", problem.to_string()))?;
    let mut answer = Map::new();
    answer.insert("decision_id".to_owned(), api.node.ids().decision_id().to_string().into());
    if let Some(found) = found {
        let found: Value = found
            .to_value()
            .map_err(|error| Problem::new(Code::InternalError, "the value cannot be written").caused_by(&error))?;
        answer.insert("result".to_owned(), found);
    }
    if params.flag("provenance")? {
        let mut bundles = Map::new();
        for bundle in policy.bundles().await {
            bundles.insert(bundle.name, value!({ "revision": bundle.revision.to_string() }));
        }
        let provenance = value!({ "version": env!("CARGO_PKG_VERSION"), "bundles": bundles });
        answer.insert("provenance".to_owned(), provenance);
    }
    if params.flag("metrics")? {
        let elapsed = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        answer.insert("metrics".to_owned(), value!({ "timer_rego_query_eval_ns": elapsed }));
    }
    json(StatusCode::OK, &answer)
}
