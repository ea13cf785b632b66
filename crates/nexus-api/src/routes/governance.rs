use axum::{extract::State, http::StatusCode, response::Response};
use nexus_core::{
    StreamId,
    ports::{Direction, SchemaDocument, SchemaKind, StreamRead},
};
use serde::Deserialize;

use crate::{
    dto::{PolicyBundleDto, PolicyList, SchemaDto, SchemaList},
    problem::{Code, Problem},
    request::{Caller, Params, PathArgs, digits},
    routes::answer::json,
    state::Api,
};

/// Lists the newest version of every schema.
#[utoipa::path(
    get,
    path = "/api/schemas",
    tag = "governance",
    params(("kind" = Option<String>, Query, description = "`event` or `command`; both when not given.")),
    responses((status = 200, description = "The schemas, without their text.", body = SchemaList))
)]
pub(crate) async fn list_schemas(State(api): State<Api>, _caller: Caller, params: Params) -> Result<Response, Problem> {
    params.only(&["kind"])?;
    let wanted = kind(&params)?;
    let documents = api.node.schemas().list().into_iter();
    let wanted = documents.filter(|document| wanted.is_none_or(|kind| kind == document.reference.kind));
    let schemas = wanted.map(|document| SchemaDto { schema: None, ..described(document) }).collect();
    json(StatusCode::OK, &SchemaList { schemas })
}

/// Reads one version of a schema.
#[utoipa::path(
    get,
    path = "/api/schemas/{name}/versions/{version}",
    tag = "governance",
    params(
        ("name" = String, Path, description = "The event or command type."),
        ("version" = String, Path, description = "The version, from 1, or `latest`."),
        ("kind" = Option<String>, Query, description = "`event` or `command`; the event's when not given, else the command's."),
    ),
    responses((status = 200, description = "The schema.", body = SchemaDto))
)]
pub(crate) async fn get_schema(
    State(api): State<Api>,
    PathArgs((name, version)): PathArgs<(String, String)>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["kind"])?;
    let number = match version.as_str() {
        "latest" => None,
        text => {
            let number = digits(text).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
            let detail = "a schema version is a whole number from 1, or `latest`";
            Some(number.ok_or_else(|| Problem::new(Code::InvalidPath, detail))?)
        }
    };
    let kinds = match kind(&params)? {
        Some(kind) => vec![kind],
        None => vec![SchemaKind::Event, SchemaKind::Command],
    };
    let found = kinds.into_iter().find_map(|kind| api.node.schemas().find(kind, &name, number));
    let Some(document) = found else {
        let shown: String = name.chars().take(128).collect();
        let detail = format!("there is no schema `{shown}` with version {version:.20}");
        return Err(Problem::new(Code::UnknownSchema, detail).with_nearest(nearest(&api, &name)));
    };
    json(StatusCode::OK, &described(document))
}

/// Shows which policy bundles are in force.
#[utoipa::path(
    get,
    path = "/api/policies",
    tag = "governance",
    responses((status = 200, description = "The policy in force.", body = PolicyList))
)]
pub(crate) async fn list_policies(
    State(api): State<Api>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let digest = api.node.policy().digest().to_string();
    let bundles = recorded_bundle(&api).await?.into_iter().collect();
    json(StatusCode::OK, &PolicyList { digest, bundles })
}

/// The parts of a `PolicyActivated` event that are shown.
#[derive(Deserialize)]
struct Activated {
    digest: String,
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    name: String,
}

/// The bundle that came into force last, as the log has it.
async fn recorded_bundle(api: &Api) -> Result<Option<PolicyBundleDto>, Problem> {
    let Ok(stream) = StreamId::new("$policies") else {
        return Ok(None);
    };
    let read = StreamRead { direction: Direction::Backward, ..StreamRead::all(stream, 1) };
    let page = api.node.events().read_stream(read).await?;
    let Some(event) = page.events.first() else {
        return Ok(None);
    };
    let activated: Activated = event.payload.to().map_err(|error| {
        Problem::new(Code::DamagedData, "the record of the policy in force cannot be read").caused_by(&error)
    })?;
    Ok(Some(PolicyBundleDto {
        name: "application".to_owned(),
        digest: activated.digest,
        revision: event.version.get(),
        author: event.receipt.actor.to_string(),
        activated_at: event.timestamp,
        modules: activated.modules.into_iter().map(|module| module.name).collect(),
    }))
}

fn kind(params: &Params) -> Result<Option<SchemaKind>, Problem> {
    match params.one("kind")? {
        None => Ok(None),
        Some("event") => Ok(Some(SchemaKind::Event)),
        Some("command") => Ok(Some(SchemaKind::Command)),
        Some(_) => Err(Problem::parameter("kind", "`kind` must be event or command")),
    }
}

fn described(document: SchemaDocument) -> SchemaDto {
    let reference = document.reference;
    SchemaDto {
        id: reference.id,
        kind: reference.kind.to_string(),
        name: reference.name,
        version: reference.version,
        digest: reference.digest.to_string(),
        schema: Some(document.schema),
    }
}

/// Registered names that look like `wanted`, nearest first.
fn nearest(api: &Api, wanted: &str) -> Vec<String> {
    let wanted: String = wanted.chars().take(128).collect::<String>().to_lowercase();
    let names = api.node.schemas().list().into_iter().map(|document| document.reference.name);
    let mut scored: Vec<(f64, String)> =
        names.map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &wanted), name)).collect();
    scored.retain(|(score, name)| *score > 0.6 && name.to_lowercase() != wanted);
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}
