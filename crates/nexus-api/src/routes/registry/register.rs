use axum::{
    extract::{Request, State},
    response::Response,
};

use super::{
    message::{Message, SchemaAnswer, SchemaBody, answer},
    refused::Refused,
    subject::subject_of,
    subjects::shown,
};
use crate::{request::PathArgs, state::Api};

/// Registers a schema. The same one again answers its first registration. `normalize` makes no difference: schemas
/// that say the same in another order or with other white space are the same here.
pub(super) async fn register(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Refused> {
    let message = Message::<SchemaBody>::read(&api, request).await?;
    let wanted = message.body.registration(subject_of(&name)?)?;
    let registered = api.node.schema_service().register(wanted, message.info).await?;
    answer(&SchemaAnswer::of(&registered.schema))
}

/// Says under which id and version a schema is registered.
pub(super) async fn look_up(
    State(api): State<Api>,
    PathArgs(name): PathArgs<String>,
    request: Request,
) -> Result<Response, Refused> {
    let message = Message::<SchemaBody>::read(&api, request).await?;
    let subject = subject_of(&name)?;
    let info = api.node.schemas().subject(&subject);
    if !info.is_some_and(|info| info.versions.iter().any(|known| shown(known, &message.params))) {
        return Err(Refused::subject_not_found(&name));
    }
    let same = api.node.schemas().same(&message.body.registration(subject)?)?;
    match same.filter(|known| shown(known, &message.params)) {
        Some(known) => answer(&SchemaAnswer::of(&known)),
        None => Err(Refused::schema_not_found("of this text")),
    }
}
