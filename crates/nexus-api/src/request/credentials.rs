//! Who asks, by the credentials of a request, and for how long that is known.

use std::{sync::Arc, time::Duration};

use axum::http::request::Parts;
use nexus_core::{
    Actor, Timestamp,
    ports::{Authenticated, AuthenticationError, Authenticator, Clock, Credential},
};
use nexus_runtime::TokenText;
use tokio::time::sleep;

use crate::{
    problem::{Code, Problem},
    request::authorization::Schemes,
    state::Api,
};

/// How long a stream may go on at most, without sending anything, after its token was revoked.
const GLANCE: Duration = Duration::from_secs(1);

/// Establishes who asks. The one place where credentials are read: exactly one `Authorization` header with a token, or
/// none where anybody is let in.
pub(super) fn authenticate(api: &Api, parts: &Parts) -> Result<(Actor, Option<Session>), Problem> {
    let schemes = Schemes::of(parts);
    match schemes.token(&parts.headers)? {
        Some(token) => {
            let refused = |error| refused(api, error);
            let by = authenticator(api, &token).map_err(refused)?;
            let known = by.authenticate(&token, api.node.clock().now()).map_err(refused)?;
            let Authenticated { actor, credential, expires } = known;
            Ok((actor, Some(Session { by, credential, expires })))
        }
        None => match &api.config.anonymous_actor {
            Some(anybody) => Ok((anybody.clone(), None)),
            None => Err(Problem::new(Code::Unauthenticated, schemes.hint())),
        },
    }
}

/// Who verifies tokens of this kind.
fn authenticator(api: &Api, token: &str) -> Result<Arc<dyn Authenticator>, AuthenticationError> {
    let malformed = AuthenticationError::Malformed;
    match (token.starts_with(TokenText::PREFIX), &api.config.authenticator) {
        (true, _) if api.config.api_tokens => Ok(Arc::new(api.node.tokens().clone())),
        (true, _) => Err(malformed("tokens of this server are not accepted")),
        (false, Some(authenticator)) => Ok(Arc::clone(authenticator)),
        (false, None) => Err(malformed("no issuer of signed tokens is trusted")),
    }
}

/// Tells the operator why, and the client no more than it may know: that the token is over, or that it is none.
fn refused(api: &Api, error: AuthenticationError) -> Problem {
    metrics::counter!("nexus_authentications_refused_total", "reason" => error.label()).increment(1);
    api.refusals.tell(&error);
    match error {
        AuthenticationError::Unavailable => {
            Problem::new(Code::Unavailable, "the keys to verify this token with cannot be fetched now")
                .with_retry_after(5)
        }
        AuthenticationError::Expired => Problem::new(Code::Unauthenticated, "the token has expired; get a new one")
            .with_challenge("Bearer error=\"invalid_token\", error_description=\"the token has expired\""),
        _ => Problem::new(Code::Unauthenticated, "the token is not accepted")
            .with_challenge("Bearer error=\"invalid_token\""),
    }
}

/// By what the caller of a request is known, and how long.
#[derive(Clone)]
pub(crate) struct Session {
    by: Arc<dyn Authenticator>,
    credential: Credential,
    expires: Option<Timestamp>,
}

/// What a stream holds on to that outlives its request: it ends with the token it was opened with.
///
/// It does not hold the node, so that a node can shut down under a stream.
#[derive(Clone)]
pub(crate) struct Lifeline {
    session: Option<Session>,
    clock: Arc<dyn Clock>,
}

impl Lifeline {
    pub(super) fn new(api: &Api, session: Option<Session>) -> Self {
        Self { session, clock: Arc::clone(api.node.clock()) }
    }

    /// Whether the token would be accepted again. Where anybody is let in there is none, and nothing to end.
    pub(crate) fn holds(&self) -> bool {
        self.session.as_ref().is_none_or(|Session { by, credential, expires }| {
            by.stands(credential) && expires.is_none_or(|expires| self.clock.now() < expires)
        })
    }

    /// Ends when the token does.
    pub(crate) async fn end(&self) {
        if self.session.is_none() {
            std::future::pending::<()>().await;
        }
        while self.holds() {
            sleep(GLANCE).await;
        }
    }

    /// What a client is told whose stream ends.
    pub(crate) fn problem() -> Problem {
        Problem::new(Code::Unauthenticated, "the token that this stream was opened with is not accepted any more")
    }
}
