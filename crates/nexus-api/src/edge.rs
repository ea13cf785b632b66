//! What surrounds every request: its trace id, its time limit, its panics, and the rendering of problems.

use std::{any::Any, panic::AssertUnwindSafe};

use axum::{
    extract::{MatchedPath, OriginalUri, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    leftover,
    problem::{Code, Problem},
    routes::registry::{self, Refused},
    state::Api,
};

/// Runs a request and turns every refusal, however it came about, into a problem document.
pub(crate) async fn surround(State(api): State<Api>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let trace_id = trace_id(&request);
    let span = tracing::info_span!("request", %method, %path, %trace_id);
    let (request, leftover) = leftover::watch(request);
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    let outcome = tokio::time::timeout(api.config.request_timeout, work).instrument(span.clone()).await;
    let mut response = match outcome {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => panicked(&*panic).into_response(),
        Err(_) => timed_out().into_response(),
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        let problem = response.extensions_mut().remove::<Problem>();
        let problem = problem.unwrap_or_else(|| of_status(response.status(), &method));
        let foreign = response.extensions_mut().remove::<Refused>();
        let foreign = foreign.or_else(|| registry::is_within(&path).then(|| Refused::from(problem.clone())));
        response = match foreign {
            Some(refused) => span.in_scope(|| refused.render(response, &trace_id)),
            None => span.in_scope(|| problem.render(response, &path, &trace_id)),
        };
        if let Some(leftover) = leftover {
            leftover.discard().await;
        }
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Counts answered requests by route, never by path.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    if let Some(route) = route {
        let status = response.status().as_str().to_owned();
        metrics::counter!("nexus_http_requests_total", "route" => route, "status" => status).increment(1);
    }
    response
}

/// There is no such route: names those that look like it.
pub(crate) async fn no_route(State(api): State<Api>, OriginalUri(uri): OriginalUri) -> Problem {
    let path: String = uri.path().chars().take(256).collect();
    let mut scored: Vec<(f64, &String)> =
        api.document.routes.iter().map(|route| (strsim::jaro_winkler(route, &path), route)).collect();
    scored.retain(|(score, _)| *score > 0.7);
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    let nearest = scored.into_iter().take(3).map(|(_, route)| route.clone()).collect();
    Problem::new(Code::RouteNotFound, format!("there is no route `{path}`")).with_nearest(nearest)
}

/// The route is there, the method is not.
pub(crate) async fn no_method(method: Method) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("this route does not have the method {method}; see the Allow header"))
}

/// A defect: the operator is told what, the client that.
fn panicked(panic: &(dyn Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without words");
    Problem::new(Code::InternalError, "the request failed in an unforeseen way").caused_by(&text)
}

fn timed_out() -> Problem {
    let detail = "the time limit passed; a write may still be carried out, so repeat it with the same Idempotency-Key";
    Problem::new(Code::RequestTimeout, detail)
}

/// A refusal that did not come from our own code.
fn of_status(status: StatusCode, method: &Method) -> Problem {
    let code = match status {
        StatusCode::NOT_FOUND => Code::RouteNotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        status if status.is_server_error() => Code::InternalError,
        _ => Code::ValidationError,
    };
    Problem::new(code, format!("the {method} request was refused with status {}", status.as_u16()))
}

/// The conversation the client named, or a fresh id.
fn trace_id(request: &Request) -> String {
    let given = request.headers().get("x-correlation-id").and_then(|value| value.to_str().ok());
    match given.filter(|text| (1..=255).contains(&text.len())) {
        Some(text) => text.to_owned(),
        None => Uuid::now_v7().to_string(),
    }
}
