use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nexus_core::ports::LogRead;
use rust_embed::RustEmbed;

use crate::{
    dto::{Readiness, ReadinessCheck, VersionInfo},
    problem::{Code, Problem},
    request::{Params, PathArgs},
    routes::{
        answer::{header_value, is_known, json, json_bytes},
        projections::status,
    },
    state::Api,
};

/// Says that the process runs. Looks at nothing else.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "operations",
    responses((status = 200, description = "It runs.", content((String = "text/plain"))))
)]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Says whether the server should get traffic, and why not.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    params(("verbose" = Option<bool>, Query, description = "List everything that was looked at.")),
    responses(
        (status = 200, description = "It should.", body = Readiness),
        (status = 503, description = "It should not; the problem says why."),
    )
)]
pub(crate) async fn readyz(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    params.only(&["verbose"])?;
    let verbose = params.flag("verbose")?;
    let checks = checks(&api).await;
    let failed = |check: &&ReadinessCheck| check.required && !check.ok;
    if let Some(first) = checks.iter().find(failed) {
        let problem = Problem::new(Code::NotReady, format!("{}: {}", first.name, first.detail)).with_retry_after(5);
        return Err(checks
            .iter()
            .filter(failed)
            .fold(problem, |problem, check| problem.with_error("", &check.name, check.detail.clone())));
    }
    let checks = if verbose { checks } else { Vec::new() };
    json(StatusCode::OK, &Readiness { status: "ready".to_owned(), checks })
}

/// Renders the metrics in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "The metrics.", content((String = "text/plain"))))
)]
pub(crate) async fn metrics_text(State(api): State<Api>) -> Result<Response, Problem> {
    let Some(metrics) = &api.config.metrics else {
        return Err(Problem::new(Code::NotFound, "this server records no metrics"));
    };
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, content_type)], metrics.render()).into_response())
}

/// Says what is running and where its data is.
#[utoipa::path(
    get,
    path = "/version",
    tag = "operations",
    responses((status = 200, description = "What is running.", body = VersionInfo))
)]
pub(crate) async fn version(State(api): State<Api>) -> Result<Response, Problem> {
    let build = api.config.build.clone();
    let info = VersionInfo {
        service: api.node.service().to_string(),
        environment: api.node.environment().to_string(),
        version: build.version,
        revision: build.revision,
        storage: api.config.storage.clone(),
    };
    json(StatusCode::OK, &info)
}

/// The OpenAPI 3.1 document of this server.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operations",
    responses((status = 200, description = "The document.", body = serde_json::Value))
)]
pub(crate) async fn openapi_json(State(api): State<Api>, headers: HeaderMap) -> Response {
    let body = api.document.json.clone();
    let tag = format!("\"{}\"", blake3::hash(&body).to_hex());
    let mut response = if is_known(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json_bytes(StatusCode::OK, "application/json", body)
    };
    response.headers_mut().insert(header::ETAG, header_value(&tag));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The pages that explain the codes of problems.
#[derive(RustEmbed)]
#[folder = "../../docs/errors"]
struct ErrorPages;

/// Explains the code of a problem.
#[utoipa::path(
    get,
    path = "/docs/errors/{code}",
    tag = "operations",
    params(("code" = String, Path, description = "The code as in a problem's `docs`, such as `validation-error`.")),
    responses((status = 200, description = "The page, in Markdown.", content((String = "text/plain"))))
)]
pub(crate) async fn error_page(PathArgs(code): PathArgs<String>) -> Result<Response, Problem> {
    let page = Code::of_slug(&code).and_then(|code| ErrorPages::get(&format!("{}.md", code.slug())));
    let Some(page) = page else {
        return Err(Problem::new(Code::NotFound, "there is no error of this code"));
    };
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, content_type)], page.data).into_response())
}

async fn checks(api: &Api) -> Vec<ReadinessCheck> {
    let required = |name: &str, trouble: Option<String>, fine: String| ReadinessCheck {
        name: name.to_owned(),
        ok: trouble.is_none(),
        required: true,
        detail: trouble.unwrap_or(fine),
    };
    let stopping = api.node.stopping().is_cancelled().then(|| "the server is shutting down".to_owned());
    let head = api.node.head();
    let read = api.node.events().read_log(LogRead { limit: 1, ..LogRead::default() }).await;
    let unreadable = read.err().map(|error| format!("the log cannot be read ({})", error.kind()));
    let writes = api.writes.trouble().map(str::to_owned);
    let mut checks = vec![
        required("server", stopping, "running".to_owned()),
        required("log", unreadable, format!("readable, head at position {head}")),
        required("writes", writes, "no write has failed".to_owned()),
    ];
    checks.extend(api.node.queries().projections().map(|running| {
        let status = status(api, running);
        let detail = match &status.last_error {
            Some(error) => format!("{} after {} attempts: {}", status.state, error.attempts, error.reason),
            None => format!("{}, {} events behind", status.state, status.lag_events),
        };
        let (name, ok) = (format!("projection {}", status.name), status.last_error.is_none());
        ReadinessCheck { name, ok, required: false, detail }
    }));
    // The server is asked for every request; a look at it here would tell nothing more than the last one did.
    checks.extend(api.node.policy().server().map(|server| ReadinessCheck {
        name: "policy server".to_owned(),
        ok: server.last_error.is_none(),
        required: false,
        detail: match server.last_error {
            Some(error) => format!("{}: {error}", server.reach.as_str()),
            None => server.reach.as_str().to_owned(),
        },
    }));
    checks
}
