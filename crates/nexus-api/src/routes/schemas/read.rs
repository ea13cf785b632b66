use axum::{extract::State, http::StatusCode, response::Response};

use super::find::{kind, registry, subject, version};
use crate::{
    dto::{SchemaDto, SchemaVersions, SubjectDto},
    problem::Problem,
    request::{Caller, Params, PathArgs},
    routes::answer::json,
    state::Api,
};

/// Reads everything about one subject: its rules and its versions.
#[utoipa::path(
    get,
    path = "/api/schemas/{name}",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
        ("position" = Option<u64>, Query, description = "As it was when the log ended at this position."),
    ),
    responses((status = 200, description = "The subject.", body = SubjectDto))
)]
pub(crate) async fn get_subject(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["kind", "position"])?;
    let registry = registry(&api, &params).await?;
    let info = subject(&*registry, &name, kind(&params)?)?;
    json(StatusCode::OK, &SubjectDto::of(&info, &registry.global_rules(), api.node.clock().now()))
}

/// Lists the versions of one subject.
#[utoipa::path(
    get,
    path = "/api/schemas/{name}/versions",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
        ("position" = Option<u64>, Query, description = "As it was when the log ended at this position."),
    ),
    responses((status = 200, description = "The versions, ascending, without their text.", body = SchemaVersions))
)]
pub(crate) async fn list_versions(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["kind", "position"])?;
    let registry = registry(&api, &params).await?;
    let info = subject(&*registry, &name, kind(&params)?)?;
    let versions = info.versions.iter().map(|known| SchemaDto::listed(known)).collect();
    json(StatusCode::OK, &SchemaVersions { versions })
}

/// Reads one version of a schema.
#[utoipa::path(
    get,
    path = "/api/schemas/{name}/versions/{version}",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("version" = String, Path, description = "The version, from 1, or MAJOR.MINOR.PATCH, or `latest`."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
        ("position" = Option<u64>, Query, description = "As it was when the log ended at this position."),
    ),
    responses((status = 200, description = "The schema.", body = SchemaDto))
)]
pub(crate) async fn get_schema(
    State(api): State<Api>,
    PathArgs((name, wanted)): PathArgs<(String, String)>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["kind", "position"])?;
    let registry = registry(&api, &params).await?;
    let info = subject(&*registry, &name, kind(&params)?);
    // A version that cannot be is told before a name that is not there.
    let info = match info {
        Err(problem) => return Err(super::find::check_version(&wanted).err().unwrap_or(problem)),
        Ok(info) => info,
    };
    json(StatusCode::OK, &SchemaDto::whole(version(&*registry, &info, &wanted)?))
}
