use axum::{extract::State, http::StatusCode, response::Response};
use nexus_core::{
    StreamId,
    ports::{Direction, StreamRead},
};
use serde::Deserialize;

use crate::{
    dto::{PolicyBundleDto, PolicyList},
    problem::{Code, Problem},
    request::{Caller, Params},
    routes::answer::json,
    state::Api,
};

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
