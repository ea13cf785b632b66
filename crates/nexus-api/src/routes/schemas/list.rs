use axum::{extract::State, http::StatusCode, response::Response};
use nexus_core::ports::{SchemaKind, Subject, SubjectInfo};
use serde_json::{Value, json};

use super::find::{kind, kind_of, registry};
use crate::{
    dto::{SchemaDto, SchemaList},
    problem::{Code, Problem},
    request::{Caller, Params},
    routes::answer::json as answer,
    state::Api,
};

/// Subjects looked at in one go.
const STEP: usize = 256;

/// Lists the newest version of every schema.
#[utoipa::path(
    get,
    path = "/api/schemas",
    tag = "governance",
    params(
        ("kind" = Option<String>, Query, description = "`event` or `command`; both when not given."),
        ("prefix" = Option<String>, Query, description = "Only names that start with this."),
        ("owner" = Option<String>, Query, description = "Only those this owner answers for."),
        ("deleted" = Option<bool>, Query, description = "Also those of which every version was deleted."),
        ("position" = Option<u64>, Query, description = "As it was when the log ended at this position."),
        ("limit" = Option<u32>, Query, description = "Most schemas to answer, 1 to 1000; 1000 when not given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The schemas, without their text.", body = SchemaList))
)]
pub(crate) async fn list_schemas(State(api): State<Api>, _caller: Caller, params: Params) -> Result<Response, Problem> {
    params.only(&["kind", "prefix", "owner", "deleted", "position", "limit", "cursor"])?;
    let wanted = Wanted {
        kind: kind(&params)?,
        prefix: params.one("prefix")?.unwrap_or_default(),
        owner: params.one("owner")?,
        deleted: params.flag("deleted")?,
    };
    let limit = params.limit(1000)?;
    let query = wanted.query(params.one("position")?);
    let query: Vec<&str> = query.iter().map(String::as_str).collect();
    let mut after = match params.one("cursor")? {
        Some(cursor) => Some(after_subject(&api.cursors.open(&query, cursor)?)?),
        None => None,
    };
    let registry = registry(&api, &params).await?;
    let mut schemas = Vec::new();
    loop {
        let subjects = registry.subjects(after.as_ref(), STEP);
        let last = subjects.len() < STEP;
        for info in subjects {
            if schemas.len() == limit {
                let at = after.as_ref().map(|subject| [json!(subject.kind.to_string()), json!(subject.name)]);
                let next = at.map(|at| api.cursors.issue(&query, &at));
                return answer(StatusCode::OK, &SchemaList { schemas, next });
            }
            schemas.extend(wanted.shown(&info));
            after = Some(info.subject);
        }
        if last {
            return answer(StatusCode::OK, &SchemaList { schemas, next: None });
        }
    }
}

/// Which schemas are wanted.
struct Wanted<'a> {
    kind: Option<SchemaKind>,
    prefix: &'a str,
    owner: Option<&'a str>,
    deleted: bool,
}

impl Wanted<'_> {
    /// What a cursor belongs to.
    fn query(&self, position: Option<&str>) -> [String; 6] {
        let kind = self.kind.map(|kind| kind.to_string()).unwrap_or_default();
        let owner = self.owner.unwrap_or_default().to_owned();
        let position = position.unwrap_or_default().to_owned();
        ["schemas".to_owned(), kind, self.prefix.to_owned(), owner, self.deleted.to_string(), position]
    }

    fn shown(&self, info: &SubjectInfo) -> Option<SchemaDto> {
        let newest = info.newest().or_else(|| info.versions.last().filter(|_| self.deleted))?;
        let wanted = self.kind.is_none_or(|kind| kind == info.subject.kind)
            && info.subject.name.starts_with(self.prefix)
            && self.owner.is_none_or(|owner| newest.owner.as_deref() == Some(owner));
        wanted.then(|| SchemaDto::listed(newest))
    }
}

fn after_subject(values: &[Value]) -> Result<Subject, Problem> {
    let text = |index: usize| values.get(index).and_then(Value::as_str);
    match (text(0).and_then(kind_of), text(1)) {
        (Some(kind), Some(name)) => Ok(Subject::new(kind, name)),
        _ => Err(Problem::new(Code::InvalidCursor, "the cursor does not name a schema")),
    }
}
