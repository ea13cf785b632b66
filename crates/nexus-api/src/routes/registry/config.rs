use axum::{
    extract::{Request, State},
    response::Response,
};
use nexus_core::ports::{ChosenMode, CompatibilityMode, SchemaKind, Subject, SubjectRules};
use nexus_runtime::RequestInfo;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    message::{Message, answer, flag},
    refused::Refused,
    subject::subject_of,
};
use crate::{
    request::{Caller, Conversation, Params, PathArgs},
    state::Api,
};

/// Why a mode holds that was set here, where nobody can say why.
const REASON: &str = "set through the Confluent-compatible interface";

#[derive(Deserialize)]
pub(super) struct ConfigBody {
    #[serde(default)]
    compatibility: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl ConfigBody {
    /// The mode it names. What cannot be kept is refused, not dropped.
    fn mode(&self) -> Result<CompatibilityMode, Refused> {
        let known = ["normalize", "compatibilityLevel"];
        let given = self.others.iter().filter(|(_, value)| !value.is_null());
        if let Some((name, _)) = given.clone().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(Refused::not_allowed(format!("The setting {name:.64} is not kept; only compatibility is")));
        }
        let level = self.others.get("compatibilityLevel").and_then(Value::as_str);
        let text = self.compatibility.as_deref().or(level).unwrap_or_default();
        text.parse().map_err(|_| {
            Refused::new(
                42203,
                "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, \
                 forward_transitive, and full_transitive",
            )
        })
    }
}

/// The rules of a subject, or those for all.
pub(super) fn rules(api: &Api, subject: Option<&Subject>) -> SubjectRules {
    match subject {
        None => api.node.schemas().global_rules(),
        Some(subject) => api.node.schemas().subject(subject).map(|info| info.rules).unwrap_or_default(),
    }
}

/// Sets the rules of a subject, or those for all.
pub(super) async fn configure(
    api: &Api,
    subject: Option<Subject>,
    rules: SubjectRules,
    info: RequestInfo,
) -> Result<(), Refused> {
    api.node.schema_service().configure(subject, rules, info).await?;
    Ok(())
}

/// The mode that was chosen for a subject, or for all, and still holds.
fn chosen(api: &Api, subject: Option<&Subject>) -> Option<CompatibilityMode> {
    let now = api.node.clock().now();
    rules(api, subject).compatibility.filter(|chosen| chosen.holds(now)).map(|chosen| chosen.mode)
}

fn global(api: &Api, kind: SchemaKind) -> CompatibilityMode {
    chosen(api, None).unwrap_or(CompatibilityMode::of(kind))
}

fn level(mode: CompatibilityMode) -> Value {
    json!({ "compatibilityLevel": mode.name() })
}

pub(super) async fn get_global(State(api): State<Api>, _caller: Caller) -> Result<Response, Refused> {
    answer(&level(global(&api, SchemaKind::Event)))
}

pub(super) async fn get(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    let subject = subject_of(&name)?;
    let mode = chosen(&api, Some(&subject));
    match mode.or_else(|| flag(&params, "defaultToGlobal").then(|| global(&api, subject.kind))) {
        Some(mode) => answer(&level(mode)),
        None => Err(not_configured(&name)),
    }
}

fn not_configured(name: &str) -> Refused {
    Refused::new(40408, format!("Subject '{name}' does not have subject-level compatibility configured"))
}

pub(super) async fn set_global(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    set_mode(&api, None, Message::read(&api, request).await?).await
}

pub(super) async fn set(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Refused> {
    set_mode(&api, Some(subject_of(&name)?), Message::read(&api, request).await?).await
}

async fn set_mode(api: &Api, subject: Option<Subject>, message: Message<ConfigBody>) -> Result<Response, Refused> {
    let mode = message.body.mode()?;
    let compatibility = Some(ChosenMode { mode, reason: Some(REASON.to_owned()), expires: None });
    let rules = SubjectRules { compatibility, ..rules(api, subject.as_ref()) };
    configure(api, subject, rules, message.info).await?;
    answer(&json!({ "compatibility": mode.name() }))
}

pub(super) async fn reset_global(State(api): State<Api>, caller: Caller) -> Result<Response, Refused> {
    let before = global(&api, SchemaKind::Event);
    let rules = SubjectRules { compatibility: None, ..rules(&api, None) };
    configure(&api, None, rules, caller.info(&api, Conversation::default())).await?;
    answer(&level(before))
}

pub(super) async fn reset(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    caller: Caller,
) -> Result<Response, Refused> {
    let subject = subject_of(&name)?;
    let before = chosen(&api, Some(&subject)).ok_or_else(|| not_configured(&name))?;
    let rules = SubjectRules { compatibility: None, ..rules(&api, Some(&subject)) };
    configure(&api, Some(subject), rules, caller.info(&api, Conversation::default())).await?;
    answer(&level(before))
}
