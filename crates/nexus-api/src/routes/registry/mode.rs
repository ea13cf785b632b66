use axum::{
    extract::{Request, State},
    response::Response,
};
use nexus_core::ports::{Subject, SubjectAccess, SubjectRules};
use serde::Deserialize;
use serde_json::json;

use super::{
    config::{configure, rules},
    message::{Message, answer, flag},
    refused::Refused,
    subject::{name_of, subject_of},
    subjects::all,
};
use crate::{
    request::{Caller, Conversation, Params, PathArgs},
    state::Api,
};

#[derive(Deserialize)]
pub(super) struct ModeBody {
    mode: String,
}

const MODES: [(&str, SubjectAccess); 3] =
    [("READWRITE", SubjectAccess::ReadWrite), ("READONLY", SubjectAccess::ReadOnly), ("IMPORT", SubjectAccess::Import)];

fn name(access: SubjectAccess) -> &'static str {
    MODES.iter().find(|(_, known)| *known == access).map_or("READWRITE", |(name, _)| name)
}

impl ModeBody {
    fn access(&self) -> Result<SubjectAccess, Refused> {
        let found = MODES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&self.mode));
        let invalid = || Refused::new(42204, "Invalid mode. Valid values are READWRITE, READONLY, and IMPORT");
        found.map(|(_, access)| *access).ok_or_else(invalid)
    }
}

fn mode(access: SubjectAccess) -> serde_json::Value {
    json!({ "mode": name(access) })
}

pub(super) async fn get_global(State(api): State<Api>, _caller: Caller) -> Result<Response, Refused> {
    answer(&mode(rules(&api, None).access.unwrap_or_default()))
}

pub(super) async fn get(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    let own = rules(&api, Some(&subject_of(&name)?)).access;
    let global = || flag(&params, "defaultToGlobal").then(|| rules(&api, None).access.unwrap_or_default());
    match own.or_else(global) {
        Some(access) => answer(&mode(access)),
        None => Err(not_configured(&name)),
    }
}

fn not_configured(name: &str) -> Refused {
    Refused::new(40409, format!("Subject '{name}' does not have subject-level mode configured"))
}

pub(super) async fn set_global(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    set_access(&api, None, Message::read(&api, request).await?).await
}

pub(super) async fn set(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Refused> {
    set_access(&api, Some(subject_of(&name)?), Message::read(&api, request).await?).await
}

async fn set_access(api: &Api, subject: Option<Subject>, message: Message<ModeBody>) -> Result<Response, Refused> {
    let access = message.body.access()?;
    if access == SubjectAccess::Import && !flag(&message.params, "force") {
        check_empty(api, subject.as_ref())?;
    }
    let rules = SubjectRules { access: Some(access), ..rules(api, subject.as_ref()) };
    configure(api, subject, rules, message.info).await?;
    answer(&mode(access))
}

/// Ids from elsewhere could meet those given here, so importing begins with nothing, or is forced.
fn check_empty(api: &Api, subject: Option<&Subject>) -> Result<(), Refused> {
    let foreign = |one: &Subject| !api.node.schema_service().is_declared(one);
    let taken = match subject {
        Some(subject) => api.node.schemas().subject(subject).filter(|info| info.newest().is_some()),
        None => all(api).into_iter().find(|info| info.newest().is_some() && foreign(&info.subject)),
    };
    match taken {
        None => Ok(()),
        Some(info) => Err(Refused::not_allowed(format!(
            "Cannot import since found existing subjects, such as {}; add force=true to go on",
            name_of(&info.subject)
        ))),
    }
}

pub(super) async fn reset_global(State(api): State<Api>, caller: Caller) -> Result<Response, Refused> {
    let before = rules(&api, None);
    let access = before.access.unwrap_or_default();
    configure(&api, None, SubjectRules { access: None, ..before }, caller.info(&api, Conversation::default())).await?;
    answer(&mode(access))
}

pub(super) async fn reset(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    caller: Caller,
) -> Result<Response, Refused> {
    let subject = subject_of(&name)?;
    let before = rules(&api, Some(&subject));
    let access = before.access.ok_or_else(|| not_configured(&name))?;
    let info = caller.info(&api, Conversation::default());
    configure(&api, Some(subject), SubjectRules { access: None, ..before }, info).await?;
    answer(&mode(access))
}
