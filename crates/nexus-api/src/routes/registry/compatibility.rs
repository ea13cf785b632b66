use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use serde_json::json;

use super::{
    message::{Message, SchemaBody, answer, flag},
    refused::{Refused, messages},
    subject::subject_of,
    subjects::{find_version, number},
};
use crate::{request::PathArgs, state::Api};

/// Judges a schema against one version, under the mode of its subject.
pub(super) async fn with_version(
    State(api): State<Api>,
    PathArgs((name, wanted)): PathArgs<(String, String)>,
    request: Request,
) -> Result<Response, Refused> {
    judged(&api, &name, Some(&wanted), request).await
}

/// Judges a schema against the versions that the mode of its subject names.
pub(super) async fn with_all(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Refused> {
    judged(&api, &name, None, request).await
}

async fn judged(api: &Api, name: &str, wanted: Option<&str>, request: Request) -> Result<Response, Refused> {
    let message = Message::<SchemaBody>::read(api, request).await?;
    let subject = subject_of(name)?;
    let known = api.node.schemas().subject(&subject).filter(|info| info.newest().is_some());
    let against = match (wanted, &known) {
        (None, _) => None,
        (Some(wanted), Some(info)) => Some(find_version(info, wanted, &message.params)?.reference.version),
        // The newest of nothing stands against nothing.
        (Some(wanted), None) if number(wanted)?.is_none() => None,
        (Some(_), None) => return Err(Refused::subject_not_found(name)),
    };
    let registration = message.body.registration(subject)?;
    let (schemas, now) = (Arc::clone(api.node.schemas()), api.node.clock().now());
    let report = tokio::task::spawn_blocking(move || schemas.judge(&registration, against, now)).await;
    let report = report.map_err(|error| Refused::new(50001, format!("The schema could not be judged: {error}")))??;
    let mut body = json!({ "is_compatible": report.compatible });
    if flag(&message.params, "verbose")
        && let Some(members) = body.as_object_mut()
    {
        members.insert("messages".to_owned(), json!(messages(&report)));
    }
    answer(&body)
}
