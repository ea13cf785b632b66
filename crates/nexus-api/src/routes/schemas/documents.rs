use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use nexus_core::{
    Json, Position,
    ports::{RegisteredSchema, SchemaRefusal},
};
use nexus_runtime::{DryRunFailure, ScanRange, VersionUsage};

use super::{
    find::{kind, subject, version},
    register::{references, schema},
};
use crate::{
    dto::{DryRunFailureDto, LogDryRunDto, SchemaDto, SchemaUsageDto, ValidationDto, VersionUsageDto, ViolationDto},
    problem::{Code, Problem, schema_failure},
    request::{Caller, Object, Params, PathArgs, WriteRequest, document},
    routes::answer::json,
    state::Api,
};

/// Longest part of a request's time that searching the log may take.
const SEARCH: Duration = Duration::from_secs(10);

/// Checks one document against a registered schema, exactly as an append or a command would.
#[utoipa::path(
    post,
    path = "/api/schemas/{name}/validate",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("version" = Option<String>, Query, description = "The version, from 1, or MAJOR.MINOR.PATCH; the newest when not given."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
    ),
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "The document itself, or `{document}`.",
    ),
    responses((status = 200, description = "Whether it fits, and every place where it does not.", body = ValidationDto))
)]
pub(crate) async fn validate_document(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_body_bytes).await?;
    write.params.only(&["version", "kind"])?;
    let registry = api.node.schemas();
    let info = subject(&**registry, &name, kind(&write.params)?)?;
    let known = version(&**registry, &info, write.params.one("version")?.unwrap_or("latest"))?;
    let violations = violations(&api, known, &enveloped(&write.body))?;
    json(StatusCode::OK, &ValidationDto { valid: violations.is_empty(), schema: SchemaDto::listed(known), violations })
}

/// The document of a body that is `{document}`, or the body itself.
fn enveloped(body: &Json) -> Json {
    let mut object = match Object::of_body(body.as_bytes()) {
        Ok(object) if object.len() == 1 => object,
        _ => return body.clone(),
    };
    object.take("document").map_or_else(|| body.clone(), document)
}

fn violations(api: &Api, known: &Arc<RegisteredSchema>, document: &Json) -> Result<Vec<ViolationDto>, Problem> {
    let reference = &known.reference;
    let version = Some(reference.version);
    match api.node.schemas().check(reference.kind, &reference.name, version, document) {
        Ok(_) => Ok(Vec::new()),
        Err(SchemaRefusal::Invalid { violations, .. }) => Ok(violations.into_iter().map(Into::into).collect()),
        Err(other) => Err(Problem::new(Code::UnknownSchema, other.to_string())),
    }
}

/// Counts the stored events that carry the schemas of a subject.
#[utoipa::path(
    get,
    path = "/api/schemas/{name}/usage",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
        ("after" = Option<u64>, Query, description = "Only events after this position."),
    ),
    responses((status = 200, description = "How many there are, by version.", body = SchemaUsageDto))
)]
pub(crate) async fn schema_usage(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["kind", "after"])?;
    let info = subject(&**api.node.schemas(), &name, kind(&params)?)?;
    let usage = api.node.schema_service().usage(&info.subject, range(&params)?).await.map_err(schema_failure)?;
    let body = SchemaUsageDto {
        events: usage.versions.iter().map(|version| version.events).sum(),
        versions: usage.versions.iter().map(version_usage).collect(),
        reached: usage.reached.get(),
        complete: usage.complete,
    };
    json(StatusCode::OK, &body)
}

/// Checks the stored events of a type against a schema that is not registered. Nothing changes.
#[utoipa::path(
    post,
    path = "/api/schemas/{name}/dry-run",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event type."),
        ("after" = Option<u64>, Query, description = "Only events after this position."),
    ),
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{schema, references?}`",
    ),
    responses((status = 200, description = "How many stored events would fail, and the first that does.", body = LogDryRunDto))
)]
pub(crate) async fn dry_run_log(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_body_bytes).await?;
    write.params.only(&["after"])?;
    let info = subject(&**api.node.schemas(), &name, Some(nexus_core::ports::SchemaKind::Event))?;
    let mut body = Object::of_body(write.body.as_bytes())?;
    let (schema, links) = (schema(&mut body)?, references(&mut body)?);
    body.finish(&["schema", "references"])?;
    let service = api.node.schema_service();
    let run = service.dry_run(&info.subject, schema, links, range(&write.params)?).await.map_err(schema_failure)?;
    let body = LogDryRunDto {
        summary: format!("{} of {} stored events fail", run.failed, run.checked),
        checked: run.checked,
        failed: run.failed,
        first: run.first.map(first_failure),
        reached: run.reached.get(),
        complete: run.complete,
    };
    json(StatusCode::OK, &body)
}

fn range(params: &Params) -> Result<ScanRange, Problem> {
    Ok(ScanRange { after: Position::new(params.number("after")?.unwrap_or(0)), time: SEARCH })
}

fn version_usage(usage: &VersionUsage) -> VersionUsageDto {
    VersionUsageDto {
        schema_id: usage.schema_id,
        version: usage.version,
        events: usage.events,
        first: usage.first.get(),
        last: usage.last.get(),
    }
}

fn first_failure(failure: DryRunFailure) -> DryRunFailureDto {
    DryRunFailureDto {
        position: failure.position.get(),
        aggregate_id: failure.stream.to_string(),
        aggregate_version: failure.version.get(),
        violations: failure.violations.into_iter().map(ViolationDto::from).collect(),
    }
}
