use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use nexus_core::ports::PolicyModule;
use nexus_runtime::{ActivePolicy, PolicyBundle};
use serde::Deserialize;

use crate::{
    dto::{
        PolicyActivatedDto, PolicyBundleDto, PolicyList, PolicyModuleDto, PolicyServerDto, PolicySources, PolicyTestDto,
    },
    problem::{Code, Problem, policy_failure},
    request::{Caller, Conversation, Params, PathArgs, WriteRequest},
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
    let policy = api.node.policy();
    let bundles = policy.bundles().await.iter().map(shown).collect();
    let server = policy.server().map(PolicyServerDto::from);
    json(StatusCode::OK, &PolicyList { digest: policy.digest().to_string(), bundles, server })
}

/// Shows one bundle with its modules.
#[utoipa::path(
    get,
    path = "/api/policies/{bundle}",
    tag = "governance",
    params(("bundle" = String, Path, description = "The bundle's name, such as `app`.")),
    responses((status = 200, description = "The bundle.", body = PolicySources))
)]
pub(crate) async fn get_policy(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let found = api.node.policy().bundles().await.into_iter().find(|bundle| bundle.name == name);
    let found = found.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no policy bundle `{name}`")))?;
    let (bundle, sources) = (shown(&found), found.modules.into_iter());
    let modules = sources.map(|module| PolicyModuleDto { name: module.name, source: module.source }).collect();
    json(StatusCode::OK, &PolicySources { bundle, sources: modules })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Push {
    modules: Vec<PolicyModule>,
}

/// Brings a bundle into force in the place of the one of its name.
///
/// It must load, its tests must hold, and it must leave the platform able to work and its author able to bring another;
/// otherwise it is refused with 422 and nothing changes. A bundle without modules takes the one of its name out of
/// force.
#[utoipa::path(
    put,
    path = "/api/policies/{bundle}",
    tag = "governance",
    params(("bundle" = String, Path, description = "The bundle's name: 1 to 64 of the characters a-z, 0-9 and -.")),
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{modules: [{name, source}]}`; modules whose package ends with `_test` are tests.",
    ),
    responses((status = 200, description = "It is in force.", body = PolicyActivatedDto))
)]
pub(crate) async fn push_policy(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_append_bytes).await?;
    write.params.only(&[])?;
    let push: Push = write.body.to().map_err(|error| Problem::invalid("", "type", error.to_string()))?;
    let info = write.caller.info(&api, Conversation::default());
    let bundle = PolicyBundle { name, modules: push.modules };
    let activated = api.node.policy().activate(bundle, info).await.map_err(policy_failure)?;
    json(StatusCode::OK, &told(&activated))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    revision: Option<u64>,
}

/// Brings an earlier revision of a bundle into force again, under the conditions of a push.
#[utoipa::path(
    post,
    path = "/api/policies/{bundle}/rollback",
    tag = "governance",
    params(("bundle" = String, Path, description = "The bundle's name.")),
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{revision?}`: which one; the one before the one in force when not given.",
    ),
    responses((status = 200, description = "It is in force.", body = PolicyActivatedDto))
)]
pub(crate) async fn roll_back_policy(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_body_bytes).await?;
    write.params.only(&[])?;
    let wanted: RollBack = write.body.to().map_err(|error| Problem::invalid("", "type", error.to_string()))?;
    let info = write.caller.info(&api, Conversation::default());
    let activated = api.node.policy().roll_back(name, wanted.revision, info).await.map_err(policy_failure)?;
    json(StatusCode::OK, &told(&activated))
}

fn shown(bundle: &ActivePolicy) -> PolicyBundleDto {
    PolicyBundleDto {
        name: bundle.name.clone(),
        revision: bundle.revision.get(),
        origin: bundle.origin.clone(),
        author: bundle.author.clone(),
        activated_at: bundle.activated_at,
        modules: bundle.modules.iter().map(|module| module.name.clone()).collect(),
    }
}

fn told(bundle: &ActivePolicy) -> PolicyActivatedDto {
    let results = bundle.tests.iter().flat_map(|report| &report.results);
    let tests = results.map(|result| PolicyTestDto {
        name: result.name.clone(),
        module: result.module.clone(),
        line: result.line,
        elapsed_micros: u64::try_from(result.elapsed.as_micros()).unwrap_or(u64::MAX),
    });
    PolicyActivatedDto { bundle: shown(bundle), tests: tests.collect() }
}
