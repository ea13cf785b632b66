use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use nexus_core::ports::{Registration, SchemaKind, Subject, SubjectInfo};

use super::{
    find::{kind, registry, subject},
    register::{references, schema},
};
use crate::{
    dto::{AffectedDto, CompatibilityDto, SchemaDiffDto},
    problem::{Problem, register_problem},
    request::{Caller, Object, Params, PathArgs, WriteRequest},
    routes::answer::json,
    state::Api,
};

/// Says whether a schema may follow the versions before it, with everything that stands against it. Nothing changes.
#[utoipa::path(
    post,
    path = "/api/schemas/{name}/compatibility",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type; one that is not registered accepts any schema."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
        ("version" = Option<u32>, Query, description = "Only against this version."),
    ),
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{schema, references?}`",
    ),
    responses((status = 200, description = "The verdict.", body = CompatibilityDto))
)]
pub(crate) async fn check_compatibility(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_body_bytes).await?;
    write.params.only(&["kind", "version"])?;
    let wanted_kind = kind(&write.params)?;
    let known = subject(&**api.node.schemas(), &name, wanted_kind).ok();
    let subject = match &known {
        Some(info) => info.subject.clone(),
        None => Subject::new(wanted_kind.unwrap_or(SchemaKind::Event), name),
    };
    let mut body = Object::of_body(write.body.as_bytes())?;
    let mut wanted = Registration::new(subject, schema(&mut body)?);
    wanted.links = references(&mut body)?;
    body.finish(&["schema", "references"])?;
    let against = whole_version(&write.params, "version")?;
    let (schemas, now) = (Arc::clone(api.node.schemas()), api.node.clock().now());
    let judged = tokio::task::spawn_blocking(move || schemas.judge(&wanted, against, now)).await;
    let report = judged.map_err(|error| {
        Problem::new(crate::Code::InternalError, "the schema could not be judged").caused_by(&error)
    })?;
    let affected = known.map(|info| affected(&api, &info)).unwrap_or_default();
    json(StatusCode::OK, &CompatibilityDto::of(report.map_err(register_problem)?, affected))
}

/// Says what changed from one version to another, and what it means.
#[utoipa::path(
    get,
    path = "/api/schemas/{name}/diff",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("from" = Option<u32>, Query, description = "The earlier version; the one before `to` when not given."),
        ("to" = Option<u32>, Query, description = "The later version; the newest when not given."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
    ),
    responses((status = 200, description = "The differences.", body = SchemaDiffDto))
)]
pub(crate) async fn diff_versions(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["from", "to", "kind"])?;
    let registry = registry(&api, &params).await?;
    let info = subject(&*registry, &name, kind(&params)?)?;
    let newest = info.versions.last().map_or(1, |known| known.reference.version);
    let to = whole_version(&params, "to")?.unwrap_or(newest);
    let before = info.versions.iter().rev().map(|known| known.reference.version).find(|version| *version < to);
    let from = whole_version(&params, "from")?.or(before).unwrap_or(to);
    let subject = info.subject;
    let compared = tokio::task::spawn_blocking(move || registry.compare(&subject, from, to)).await;
    let changes = compared.map_err(|error| {
        Problem::new(crate::Code::InternalError, "the schemas could not be compared").caused_by(&error)
    })?;
    let changes = changes.map_err(register_problem)?.into_iter().map(Into::into).collect();
    json(StatusCode::OK, &SchemaDiffDto { from, to, changes })
}

fn whole_version(params: &Params, name: &str) -> Result<Option<u32>, Problem> {
    let number = params.number(name)?;
    let checked = |number: u64| u32::try_from(number).ok().filter(|number| *number > 0);
    let refuse = || Problem::parameter(name, format!("`{name}` must be a version, from 1"));
    number.map(|number| checked(number).ok_or_else(refuse)).transpose()
}

/// Who would notice that the schema of a subject changes.
fn affected(api: &Api, info: &SubjectInfo) -> Vec<AffectedDto> {
    let row = |kind: &str, name: &str, how: String| AffectedDto { kind: kind.to_owned(), name: name.to_owned(), how };
    let name = info.subject.name.as_str();
    let mut rows = Vec::new();
    let catalogue = api.node.commands().catalogue();
    if info.subject.kind == SchemaKind::Event {
        for aggregate in catalogue.aggregates().filter(|one| one.events().iter().any(|event| event.event_type == name))
        {
            rows.push(row("aggregate", aggregate.name(), "decides and folds these events".to_owned()));
        }
        for running in api.node.queries().projections() {
            let projection = running.projection();
            if projection.event_types().contains(&name) {
                rows.push(row("projection", &projection.spec().name, "follows these events".to_owned()));
            }
        }
    } else if let Some(entry) = catalogue.command(name) {
        rows.push(row("aggregate", entry.aggregate.name(), "decides this command".to_owned()));
    }
    for known in &info.versions {
        for other in api.node.schemas().referrers(known.reference.id) {
            let how = format!("its version {} refers to version {}", other.reference.version, known.reference.version);
            rows.push(row("schema", &other.reference.name, how));
        }
    }
    rows
}
