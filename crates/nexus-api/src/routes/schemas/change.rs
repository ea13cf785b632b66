use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use nexus_core::ports::SubjectRules;

use super::{
    find::{check_version, kind, subject, version},
    register::{access, chosen_mode},
};
use crate::{
    dto::SubjectDto,
    problem::{Problem, schema_failure},
    request::{Caller, Conversation, Object, Params, PathArgs, WriteRequest},
    routes::answer::json,
    state::Api,
};

/// Replaces the rules of a subject.
///
/// What is not given is decided by the rules for all subjects, or by default. A mode that is weaker than the default
/// of the kind is recorded with its reason and ends after 30 days at the latest.
#[utoipa::path(
    put,
    path = "/api/schemas/{name}/rules",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
    ),
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{compatibility?, access?}`: a mode or `{mode, reason?, expiresAt?}`, and `read-write`, `read-only` or `import`.",
    ),
    responses((status = 200, description = "The subject under its new rules.", body = SubjectDto))
)]
pub(crate) async fn configure_subject(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_body_bytes).await?;
    write.params.only(&["kind"])?;
    let registry = api.node.schemas();
    let info = subject(&**registry, &name, kind(&write.params)?)?;
    let mut body = Object::of_body(write.body.as_bytes())?;
    let compatibility = body.take("compatibility").map(|raw| chosen_mode(raw, "/compatibility")).transpose()?;
    let access = body.text("access")?.map(|text| access(&text)).transpose()?;
    body.finish(&["compatibility", "access"])?;
    let caller = write.caller.info(&api, Conversation::default());
    let rules = SubjectRules { compatibility, access };
    let service = api.node.schema_service();
    service.configure(Some(info.subject.clone()), rules, caller).await.map_err(schema_failure)?;
    let info = subject(&**registry, &name, Some(info.subject.kind))?;
    json(StatusCode::OK, &SubjectDto::of(&info, &registry.global_rules(), api.node.clock().now()))
}

/// Deletes a subject: nothing is written under any of its versions any more.
#[utoipa::path(
    delete,
    path = "/api/schemas/{name}",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
        ("permanent" = Option<bool>, Query, description = "For good; only what was deleted before, and only while no stored event carries it."),
    ),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete_subject(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    delete(&api, &name, None, caller, &params).await
}

/// Deletes one version of a schema: nothing is written under it any more.
#[utoipa::path(
    delete,
    path = "/api/schemas/{name}/versions/{version}",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("version" = String, Path, description = "The version, from 1, or MAJOR.MINOR.PATCH, or `latest`."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
        ("permanent" = Option<bool>, Query, description = "For good; only what was deleted before, and only while no stored event carries it."),
    ),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete_version(
    State(api): State<Api>,
    PathArgs((name, wanted)): PathArgs<(String, String)>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    check_version(&wanted)?;
    delete(&api, &name, Some(&wanted), caller, &params).await
}

async fn delete(
    api: &Api,
    name: &str,
    wanted: Option<&str>,
    caller: Caller,
    params: &Params,
) -> Result<Response, Problem> {
    params.only(&["kind", "permanent"])?;
    let registry = api.node.schemas();
    let info = subject(&**registry, name, kind(params)?)?;
    let number = match wanted {
        None => None,
        Some(wanted) => Some(version(&**registry, &info, wanted)?.reference.version),
    };
    let caller = caller.info(api, Conversation::default());
    let for_good = params.flag("permanent")?;
    let service = api.node.schema_service();
    service.delete(info.subject, number, for_good, caller).await.map_err(schema_failure)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
