use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use nexus_core::{
    Actor, Json, Text,
    ports::{
        PolicyEvent, PolicyExplanation, PolicyInput, PolicyKind, PolicyResource, PolicySchema, RequestContext, Verdict,
        VerdictOutcome,
    },
};
use serde::Deserialize;

use crate::{
    dto::{CoverageDto, DenialDto, EvaluationDto, ExplainedRuleDto},
    problem::{Code, Problem},
    request::WriteRequest,
    routes::answer::json,
    state::Api,
};

/// A request to judge without any effect, as policies see it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Question {
    kind: String,
    action: String,
    #[serde(default)]
    resource: Resource,
    actor: Who,
    payload: Option<Json>,
    event: Option<Happened>,
    schema: Option<Schema>,
    #[serde(default)]
    context: Context,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    #[serde(rename = "type", default)]
    resource_type: String,
    #[serde(default)]
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    id: String,
    #[serde(default)]
    roles: Vec<String>,
    claims: Option<Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Happened {
    #[serde(rename = "type")]
    event_type: String,
    payload: Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Schema {
    #[serde(default)]
    id: u32,
    #[serde(default)]
    version: u32,
    registered: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Context {
    service: Option<String>,
    client_id: Option<String>,
    environment: Option<String>,
}

/// Judges a request without any effect.
///
/// With `explain=true` the answer tells which definitions of `allow` and `deny` hold, and which lines were evaluated.
#[utoipa::path(
    post,
    path = "/api/policies/evaluate",
    tag = "governance",
    params(("explain" = Option<bool>, Query, description = "Tell which rules fired.")),
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{kind, action, resource?: {type, id}, actor: {id, roles, claims?}, payload?, \
            event?: {type, payload}, schema?: {id, version, registered}, context?: {service, clientId, environment}}`, \
            as policies see it.",
    ),
    responses((status = 200, description = "What the policy says.", body = EvaluationDto))
)]
pub(crate) async fn evaluate_policy(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_body_bytes).await?;
    write.params.only(&["explain"])?;
    let explained = write.params.flag("explain")?;
    let question: Question = write.body.to().map_err(|error| Problem::invalid("", "type", error.to_string()))?;
    let told = judged(&api, &question).await?;
    let mut answer = shown(&told.verdict);
    if explained {
        answer.rules = Some(told.rules.into_iter().map(ExplainedRuleDto::from).collect());
        answer.coverage = Some(told.coverage.into_iter().map(CoverageDto::from).collect());
    }
    json(StatusCode::OK, &answer)
}

async fn judged(api: &Api, question: &Question) -> Result<PolicyExplanation, Problem> {
    let kind = PolicyKind::ALL.into_iter().find(|kind| kind.as_str() == question.kind).ok_or_else(|| {
        let known: Vec<_> = PolicyKind::ALL.iter().map(|kind| kind.as_str()).collect();
        Problem::invalid("/kind", "enum", format!("`kind` must be one of {}", known.join(", ")))
    })?;
    let (who, context) = (&question.actor, &question.context);
    let text = |text: &Option<String>, default: &Text| text.as_deref().map_or_else(|| default.clone(), Text::from);
    let actor = Actor {
        claims: who.claims.clone(),
        ..Actor::new(Text::from(&*who.id), who.roles.iter().map(|role| Text::from(&**role)).collect())
    };
    let request = RequestContext {
        service: text(&context.service, api.node.service()),
        client_id: context.client_id.as_deref().map(Text::from),
        environment: text(&context.environment, api.node.environment()),
        time: api.node.clock().now(),
    };
    let event = question.event.as_ref();
    let schema = question.schema.as_ref();
    let input = PolicyInput {
        kind,
        action: &question.action,
        resource: PolicyResource { resource_type: &question.resource.resource_type, id: &question.resource.id },
        actor: &actor,
        payload: question.payload.as_ref(),
        event: event.map(|event| PolicyEvent { event_type: &event.event_type, payload: &event.payload }),
        schema: schema.map(|one| PolicySchema { id: one.id, version: one.version, registered: one.registered }),
        request: &request,
    };
    let fixed = || Problem::new(Code::NotFound, "the policy of this node cannot be looked into");
    api.node.policy().explain(&input).await.ok_or_else(fixed)
}

fn shown(verdict: &Verdict) -> EvaluationDto {
    let (outcome, reason) = match &verdict.outcome {
        VerdictOutcome::Allow => ("allowed", None),
        VerdictOutcome::Deny(_) => ("denied", None),
        VerdictOutcome::Undefined => ("undefined", None),
        VerdictOutcome::Failed { reason } => ("failed", Some(reason.clone())),
    };
    EvaluationDto {
        allowed: verdict.allows(),
        outcome: outcome.to_owned(),
        denials: verdict.denials().iter().map(DenialDto::from).collect(),
        reason,
        digest: verdict.policy_digest.to_string(),
        elapsed_micros: u64::try_from(verdict.elapsed.as_micros()).unwrap_or(u64::MAX),
        rules: None,
        coverage: None,
    }
}
