use std::time::Duration;

use axum::http::HeaderMap;
use nexus_core::Position;
use nexus_runtime::ConsistentWith;

use crate::{
    config::ApiConfig,
    problem::Problem,
    request::{Params, digits},
};

/// How long a reader waits when it does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What a reader asks for: `consistentWith` or `Nexus-Consistent-With`, and `Prefer: wait=<seconds>`.
pub(crate) fn consistent_with(
    params: &Params,
    headers: &HeaderMap,
    config: &ApiConfig,
) -> Result<Option<ConsistentWith>, Problem> {
    let position = match (params.number("consistentWith")?, headers.get("nexus-consistent-with")) {
        (Some(position), _) => position,
        (None, None) => return Ok(None),
        (None, Some(value)) => value
            .to_str()
            .ok()
            .and_then(digits)
            .ok_or_else(|| Problem::header("nexus-consistent-with", "Nexus-Consistent-With must be a position"))?,
    };
    // A wait that outlives the request's own limit would be answered with the wrong problem.
    let bound = LONGEST_WAIT.min(config.request_timeout.mul_f32(0.9));
    let wait = preferred_wait(headers)?.unwrap_or(DEFAULT_WAIT).min(bound);
    Ok(Some(ConsistentWith { position: Position::new(position), wait }))
}

/// `Prefer: wait=<seconds>` (RFC 7240); other preferences are not ours to judge.
fn preferred_wait(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(',')).map(str::trim);
    let Some(wait) = preferences.find_map(|preference| preference.strip_prefix("wait")) else {
        return Ok(None);
    };
    let seconds = wait.trim_start().strip_prefix('=').map(str::trim).and_then(digits);
    let detail = "`Prefer: wait=<seconds>` takes a whole number of seconds";
    seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(|| Problem::header("prefer", detail))
}
