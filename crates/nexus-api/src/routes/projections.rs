use axum::{extract::State, http::StatusCode, response::Response};
use nexus_runtime::projector::{ProjectionFailure, ProjectionState, RunningProjection};

use crate::{
    dto::{ProjectionErrorDto, ProjectionHealth, ProjectionList, ProjectionStatus},
    problem::Problem,
    request::{Caller, Params, PathArgs},
    routes::answer::json,
    state::Api,
};

/// Lists the projections and how far each has followed the log.
#[utoipa::path(
    get,
    path = "/api/projections",
    tag = "projections",
    responses((status = 200, description = "The projections.", body = ProjectionList))
)]
pub(crate) async fn list_projections(
    State(api): State<Api>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let projections = api.node.queries().projections().map(|running| status(&api, running)).collect();
    json(StatusCode::OK, &ProjectionList { projections })
}

/// Shows how far one projection is.
#[utoipa::path(
    get,
    path = "/api/projections/{name}",
    tag = "projections",
    params(("name" = String, Path, description = "The projection's name, such as `orders`.")),
    responses((status = 200, description = "Its status.", body = ProjectionStatus))
)]
pub(crate) async fn get_projection(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    json(StatusCode::OK, &status(&api, api.node.queries().projection(&name)?))
}

/// Says whether one projection is well, and why not.
#[utoipa::path(
    get,
    path = "/api/projections/{name}/health",
    tag = "projections",
    params(("name" = String, Path, description = "The projection's name, such as `orders`.")),
    responses((status = 200, description = "Its health; `healthy` is the verdict.", body = ProjectionHealth))
)]
pub(crate) async fn projection_health(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let status = status(&api, api.node.queries().projection(&name)?);
    let (verdict, reason) = match &status.last_error {
        Some(error) => ("unhealthy", error.reason.clone()),
        None if status.state == "catching-up" && status.lag_events > 0 => {
            ("catching-up", format!("{} events to go", status.lag_events))
        }
        None => ("healthy", String::new()),
    };
    let health = ProjectionHealth {
        healthy: status.last_error.is_none(),
        status: verdict.to_owned(),
        reason,
        name: status.name,
        lag_events: status.lag_events,
        lag_seconds: status.lag_seconds,
    };
    json(StatusCode::OK, &health)
}

/// How far a projection is now; answered from memory.
pub(crate) fn status(api: &Api, running: &RunningProjection) -> ProjectionStatus {
    let (progress, head) = (running.progress(), api.node.head());
    let spec = running.projection().spec();
    let lag_events = head.since(progress.checkpoint);
    let lag_seconds = match progress.last_event_at {
        Some(at) if lag_events > 0 => seconds_since(at.as_micros(), api.node.clock().now().as_micros()),
        _ => 0.0,
    };
    ProjectionStatus {
        name: spec.name.clone(),
        state: state_name(progress.state).to_owned(),
        checkpoint: progress.checkpoint.get(),
        head: head.get(),
        lag_events,
        lag_seconds,
        drain_rate: None,
        last_error: progress.last_error.map(described),
        event_types: running.projection().event_types().iter().map(|name| (*name).to_owned()).collect(),
        fields: spec.columns.iter().map(|column| column.name.clone()).collect(),
    }
}

fn state_name(state: ProjectionState) -> &'static str {
    match state {
        ProjectionState::CatchingUp => "catching-up",
        ProjectionState::Live => "live",
        ProjectionState::Retrying => "retrying",
        ProjectionState::Stopped => "stopped",
    }
}

fn described(failure: ProjectionFailure) -> ProjectionErrorDto {
    ProjectionErrorDto {
        reason: failure.reason,
        position: failure.position.map(nexus_core::Position::get),
        attempts: failure.attempts,
    }
}

fn seconds_since(earlier: i64, later: i64) -> f64 {
    let micros = later.saturating_sub(earlier).max(0).unsigned_abs();
    std::time::Duration::from_micros(micros).as_secs_f64()
}
