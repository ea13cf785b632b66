use std::{collections::BTreeSet, sync::Arc};

use axum::{extract::State, response::Response};
use nexus_core::ports::{RegisteredSchema, RegistryChange, SubjectInfo};

use super::{
    message::{SchemaAnswer, answer, flag, page, text_of},
    refused::Refused,
    subject::{context_of, name_of, subject_of},
};
use crate::{
    request::{Caller, Conversation, Params, PathArgs},
    state::Api,
};

/// Subjects looked at in one go.
const STEP: usize = 256;

/// All subjects that have versions, deleted ones included.
pub(super) fn all(api: &Api) -> Vec<SubjectInfo> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let subjects = api.node.schemas().subjects(after.as_ref(), STEP);
        let Some(last) = subjects.last() else { return found };
        after = Some(last.subject.clone());
        found.extend(subjects.into_iter().filter(|info| !info.versions.is_empty()));
    }
}

/// Whether a name begins with what is asked for; `:*:` stands for every context.
pub(super) fn has_prefix(name: &str, params: &Params) -> Result<bool, Refused> {
    let Some(prefix) = params.one("subjectPrefix")? else { return Ok(true) };
    match prefix.strip_prefix(":*:") {
        None => Ok(name.starts_with(prefix)),
        Some(prefix) if context_of(name) == "." => Ok(name.starts_with(prefix)),
        Some(prefix) => Ok(name.splitn(3, ':').nth(2).unwrap_or_default().starts_with(prefix)),
    }
}

/// Which of the versions a client means to see.
pub(super) fn shown(known: &RegisteredSchema, params: &Params) -> bool {
    if flag(params, "deletedOnly") {
        return known.deleted.is_some();
    }
    known.deleted.is_none() || flag(params, "deleted")
}

pub(super) async fn contexts(State(api): State<Api>, _caller: Caller) -> Result<Response, Refused> {
    let names: BTreeSet<String> = all(&api).iter().map(|info| context_of(&name_of(&info.subject)).to_owned()).collect();
    answer(&names)
}

pub(super) async fn list(State(api): State<Api>, _caller: Caller, params: Params) -> Result<Response, Refused> {
    let mut names = Vec::new();
    for info in all(&api) {
        let name = name_of(&info.subject);
        let live = info.newest().is_some();
        let wanted = if flag(&params, "deletedOnly") { !live } else { live || flag(&params, "deleted") };
        if wanted && has_prefix(&name, &params)? {
            names.push(name);
        }
    }
    answer(&page(names, &params)?)
}

/// The subject of a name, which must have a version that is shown.
fn find(api: &Api, name: &str, params: &Params) -> Result<SubjectInfo, Refused> {
    let info = api.node.schemas().subject(&subject_of(name)?);
    let info = info.filter(|info| info.versions.iter().any(|known| shown(known, params)));
    info.ok_or_else(|| Refused::subject_not_found(name))
}

/// The version of a path: a number, `latest` or `-1`.
pub(super) fn find_version<'a>(
    info: &'a SubjectInfo,
    wanted: &str,
    params: &Params,
) -> Result<&'a Arc<RegisteredSchema>, Refused> {
    let mut newest_first = info.versions.iter().rev().filter(|known| shown(known, params));
    let found = match number(wanted)? {
        None => newest_first.next(),
        Some(number) => newest_first.find(|known| known.reference.version == number),
    };
    found.ok_or_else(|| Refused::version_not_found(wanted))
}

/// `None` means the newest.
pub(super) fn number(wanted: &str) -> Result<Option<u32>, Refused> {
    if wanted == "latest" || wanted == "-1" {
        return Ok(None);
    }
    let number = wanted.parse::<u32>().ok().filter(|number| *number >= 1 && *number <= i32::MAX.unsigned_abs());
    let invalid = || {
        let shown: String = wanted.chars().take(32).collect();
        Refused::new(
            42202,
            format!(
                "The specified version '{shown}' is not a valid version id. Allowed values are between [1, 2^31-1] and \
                 the string \"latest\""
            ),
        )
    };
    number.map(Some).ok_or_else(invalid)
}

pub(super) async fn versions(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    let info = find(&api, &name, &params)?;
    let shown = info.versions.iter().filter(|known| shown(known, &params));
    answer(&page(shown.map(|known| known.reference.version).collect(), &params)?)
}

/// The newest version whose metadata have these members. None has any here, so only asking for none finds one.
pub(super) async fn with_metadata(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    let info = find(&api, &name, &params)?;
    if params.iter().any(|(given, _)| given == "key") {
        return Err(Refused::version_not_found("latest"));
    }
    answer(&SchemaAnswer::of(find_version(&info, "latest", &params)?))
}

pub(super) async fn version(
    State(api): State<Api>,
    PathArgs((name, wanted)): PathArgs<(String, String)>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    number(&wanted)?;
    let info = find(&api, &name, &params)?;
    answer(&SchemaAnswer::of(find_version(&info, &wanted, &params)?))
}

pub(super) async fn version_text(
    State(api): State<Api>,
    PathArgs((name, wanted)): PathArgs<(String, String)>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    number(&wanted)?;
    let info = find(&api, &name, &params)?;
    let text = text_of(find_version(&info, &wanted, &params)?);
    Ok(crate::routes::answer::json_bytes(axum::http::StatusCode::OK, super::message::MEDIA_TYPE, text.into()))
}

pub(super) async fn referenced_by(
    State(api): State<Api>,
    PathArgs((name, wanted)): PathArgs<(String, String)>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    number(&wanted)?;
    let info = find(&api, &name, &params)?;
    let known = find_version(&info, &wanted, &params)?;
    let by = api.node.schemas().referrers(known.reference.id);
    let ids = by.iter().filter(|by| shown(by, &params)).map(|by| by.reference.id).collect();
    answer(&page(ids, &params)?)
}

pub(super) async fn delete(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    answer(&deleted(&api, &name, None, caller, &params).await?)
}

pub(super) async fn delete_version(
    State(api): State<Api>,
    PathArgs((name, wanted)): PathArgs<(String, String)>,
    caller: Caller,
    params: Params,
) -> Result<Response, Refused> {
    let number = number(&wanted)?;
    let number = match number {
        Some(number) => number,
        None => find_version(&find(&api, &name, &params)?, &wanted, &params)?.reference.version,
    };
    answer(&deleted(&api, &name, Some(number), caller, &params).await?.first())
}

/// Deletes, and answers the versions that were.
async fn deleted(
    api: &Api,
    name: &str,
    version: Option<u32>,
    caller: Caller,
    params: &Params,
) -> Result<Vec<u32>, Refused> {
    let (subject, info) = (subject_of(name)?, caller.info(api, Conversation::default()));
    let for_good = flag(params, "permanent");
    let changed = api.node.schema_service().delete(subject, version, for_good, info).await?;
    match changed.change {
        RegistryChange::Deleted { versions, .. } => Ok(versions),
        _ => Ok(Vec::new()),
    }
}
