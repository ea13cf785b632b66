//! Tokens that the server issues itself.

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};
use nexus_core::{Text, Timestamp};
use nexus_runtime::{NewToken, TokenExpiry};

use crate::{
    dto::{TokenCreatedDto, TokenDto, TokenList},
    problem::{Problem, token_failure},
    request::{Caller, Conversation, Object, Params, PathArgs, WriteRequest, typed},
    routes::answer::{header_value, json},
    state::Api,
};

/// Issues a token. The answer is the only time its text is told.
#[utoipa::path(
    post,
    path = "/api/tokens",
    tag = "operations",
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{roles, description?, expiresAt}`. Who is no admin gives roles of their own only. `expiresAt` is a \
            moment (RFC 3339), or null for a token that is accepted until it is revoked.",
    ),
    responses((status = 201, description = "The token.", body = TokenCreatedDto))
)]
pub(crate) async fn create_token(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_body_bytes).await?;
    write.params.only(&[])?;
    let wanted = wanted(write.body.as_bytes())?;
    let info = write.caller.info(&api, Conversation::default());
    let created = api.node.tokens().create(wanted, info).await.map_err(token_failure)?;
    let body = TokenCreatedDto { token: created.text.expose().to_owned(), info: created.info.into() };
    let mut response = json(StatusCode::CREATED, &body)?;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, header_value(&format!("/api/tokens/{}", body.info.id)));
    headers.insert(header::CACHE_CONTROL, header_value("no-store"));
    Ok(response)
}

fn wanted(body: &[u8]) -> Result<NewToken, Problem> {
    let mut body = Object::of_body(body)?;
    let mut roles = Vec::new();
    for (index, raw) in body.required_array("roles")?.into_iter().enumerate() {
        roles.push(Text::from(typed::<String>(raw, format!("/roles/{index}"), "must be a text")?));
    }
    let description = body.text("description")?.unwrap_or_default();
    let expected = "must be a moment such as 2026-01-31T12:00:00Z, or null for a token that does not expire";
    let expires: Option<Timestamp> = typed(body.required("expiresAt")?, "/expiresAt", expected)?;
    body.finish(&["roles", "description", "expiresAt"])?;
    Ok(NewToken { roles, description, expiry: expires.map_or(TokenExpiry::Never, TokenExpiry::At) })
}

/// Lists the tokens that were issued, without their secrets.
#[utoipa::path(
    get,
    path = "/api/tokens",
    tag = "operations",
    responses((status = 200, description = "The tokens, the newest first.", body = TokenList))
)]
pub(crate) async fn list_tokens(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    params.only(&[])?;
    json(StatusCode::OK, &TokenList { tokens: api.node.tokens().list().into_iter().map(TokenDto::from).collect() })
}

/// Revokes a token: it is accepted no longer, and streams that were opened with it end. Doing so again changes nothing.
#[utoipa::path(
    delete,
    path = "/api/tokens/{id}",
    tag = "operations",
    params(("id" = String, Path, description = "Its public id.")),
    responses((status = 200, description = "The token, revoked.", body = TokenDto))
)]
pub(crate) async fn revoke_token(
    State(api): State<Api>,
    PathArgs(id): PathArgs<String>,
    params: Params,
    caller: Caller,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let info = caller.info(&api, Conversation::default());
    let revoked = api.node.tokens().revoke(&id, info).await.map_err(token_failure)?;
    json(StatusCode::OK, &TokenDto::from(revoked))
}
