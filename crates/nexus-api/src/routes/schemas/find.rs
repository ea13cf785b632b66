//! Which registry, subject and version a request means.

use std::sync::Arc;

use nexus_core::{
    Position,
    ports::{RegisteredSchema, SchemaKind, SemanticVersion, Subject, SubjectInfo, SubjectRegistry},
};

use crate::{
    problem::{Code, Problem, schema_failure},
    request::{Params, digits},
    state::Api,
};

/// The registry now, or at the position a request names.
pub(super) async fn registry(api: &Api, params: &Params) -> Result<Arc<dyn SubjectRegistry>, Problem> {
    match params.number("position")? {
        None => Ok(Arc::clone(api.node.schemas())),
        Some(position) => api.node.schema_service().at(Position::new(position)).await.map_err(schema_failure),
    }
}

/// `kind=event` or `kind=command`.
pub(super) fn kind(params: &Params) -> Result<Option<SchemaKind>, Problem> {
    params
        .one("kind")?
        .map(|text| kind_of(text).ok_or_else(|| Problem::parameter("kind", "`kind` must be event or command")))
        .transpose()
}

pub(super) fn kind_of(text: &str) -> Option<SchemaKind> {
    match text {
        "event" => Some(SchemaKind::Event),
        "command" => Some(SchemaKind::Command),
        _ => None,
    }
}

/// The subject of this name: of the kind asked for, else the event, else the command.
pub(super) fn subject(
    registry: &dyn SubjectRegistry,
    name: &str,
    kind: Option<SchemaKind>,
) -> Result<SubjectInfo, Problem> {
    let kinds = kind.map_or_else(|| vec![SchemaKind::Event, SchemaKind::Command], |kind| vec![kind]);
    let mut found = kinds.into_iter().filter_map(|kind| registry.subject(&Subject::new(kind, name)));
    found.find(|info| !info.versions.is_empty()).ok_or_else(|| unknown(registry, name, ""))
}

/// The version a path names: a number, `MAJOR.MINOR.PATCH`, or `latest`.
pub(super) fn version<'a>(
    registry: &dyn SubjectRegistry,
    info: &'a SubjectInfo,
    text: &str,
) -> Result<&'a Arc<RegisteredSchema>, Problem> {
    let found = match wanted(text)? {
        Wanted::Newest => info.newest(),
        Wanted::Number(number) => info.version(number),
        Wanted::Semantic(semantic) => info.versions.iter().rev().find(|known| known.semantic == semantic),
    };
    found.ok_or_else(|| unknown(registry, &info.subject.name, &format!(" with version {text:.20}")))
}

enum Wanted {
    Newest,
    Number(u32),
    Semantic(SemanticVersion),
}

fn wanted(text: &str) -> Result<Wanted, Problem> {
    if text == "latest" {
        return Ok(Wanted::Newest);
    }
    if let Ok(semantic) = text.parse() {
        return Ok(Wanted::Semantic(semantic));
    }
    let number = digits(text).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    let detail = "a schema version is a whole number from 1, MAJOR.MINOR.PATCH, or `latest`";
    number.map(Wanted::Number).ok_or_else(|| Problem::new(Code::InvalidPath, detail))
}

/// There is no such schema: names those that look like it.
pub(super) fn unknown(registry: &dyn SubjectRegistry, name: &str, which: &str) -> Problem {
    let shown: String = name.chars().take(128).collect();
    let wanted = shown.to_lowercase();
    let names = registry.subjects(None, usize::MAX).into_iter().filter(|info| !info.versions.is_empty());
    let mut scored: Vec<(f64, String)> = names
        .map(|info| (strsim::jaro_winkler(&info.subject.name.to_lowercase(), &wanted), info.subject.name))
        .collect();
    scored.retain(|(score, name)| *score > 0.6 && name.to_lowercase() != wanted);
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    let nearest = scored.into_iter().take(3).map(|(_, name)| name).collect();
    Problem::new(Code::UnknownSchema, format!("there is no schema `{shown}`{which}")).with_nearest(nearest)
}

/// Refuses what cannot be a version.
pub(super) fn check_version(text: &str) -> Result<(), Problem> {
    wanted(text).map(|_| ())
}
