//! The one token of a request, as its `Authorization` header carries it.

use std::borrow::Cow;

use axum::{
    extract::MatchedPath,
    http::{HeaderMap, header, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use nexus_core::ports::MAX_TOKEN_BYTES;

use crate::{
    problem::{Code, Problem},
    routes::registry,
};

/// Longest user name that may stand before a token, in bytes.
const MAX_USER_BYTES: usize = 255;
/// Longest text of a user name, a colon and a token in base64.
const MAX_BASIC_BYTES: usize = (MAX_USER_BYTES + 1 + MAX_TOKEN_BYTES).div_ceil(3) * 4;

/// In which ways a token may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schemes {
    /// `Bearer <token>` (RFC 6750).
    Bearer,
    /// That, or `Basic` (RFC 7617) with the token as its password, for clients that know nothing else. Whatever the
    /// user name says is not looked at.
    BearerOrBasic,
}

impl Schemes {
    /// What a request may use, by the route that it matched and not by how its path is spelt.
    pub(super) fn of(parts: &Parts) -> Self {
        let matched = parts.extensions.get::<MatchedPath>();
        if matched.is_some_and(|path| registry::is_within(path.as_str())) { Self::BearerOrBasic } else { Self::Bearer }
    }

    /// What somebody is told who sent no token.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Bearer => "send a token: `Authorization: Bearer <token>`",
            Self::BearerOrBasic => {
                "send a token: `Authorization: Bearer <token>`, or as the password of `Authorization: Basic`, with any \
                 user name"
            }
        }
    }

    /// The token of a request, if it has one: exactly one header, in one of these ways.
    pub(super) fn token(self, headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, Problem> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Ok(None),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(malformed("the Authorization header is given more than once")),
        };
        let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return Err(malformed("the Authorization header must be `Bearer <token>`"));
        };
        let rest = rest.trim_matches(' ');
        let token = if scheme.eq_ignore_ascii_case("bearer") {
            Cow::Borrowed(rest)
        } else if self == Self::BearerOrBasic && scheme.eq_ignore_ascii_case("basic") {
            Cow::Owned(password(rest)?)
        } else if scheme.eq_ignore_ascii_case("basic") {
            return Err(malformed(
                "only bearer tokens are accepted here: `Authorization: Bearer <token>`; `Basic` is for the paths under \
                 /registry",
            ));
        } else {
            return Err(malformed("only bearer tokens are accepted: `Authorization: Bearer <token>`"));
        };
        if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !token.bytes().all(is_plain) {
            return Err(malformed("the Authorization header does not hold one token of at most 8192 plain characters"));
        }
        Ok(Some(token))
    }
}

/// The password of `user:password` in base64. The first colon ends the user name, which cannot have one.
fn password(encoded: &str) -> Result<String, Problem> {
    let detail = "`Authorization: Basic` must hold a user name of at most 255 bytes, a colon and a token, in base64";
    if encoded.len() > MAX_BASIC_BYTES {
        return Err(malformed(detail));
    }
    let mut decoded = STANDARD.decode(encoded).map_err(|_| malformed(detail))?;
    let colon = decoded.iter().position(|byte| *byte == b':').filter(|colon| *colon <= MAX_USER_BYTES);
    let colon = colon.ok_or_else(|| malformed(detail))?;
    String::from_utf8(decoded.split_off(colon + 1)).map_err(|_| malformed(detail))
}

/// The characters of a token: RFC 6750, section 2.1.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

fn malformed(detail: &str) -> Problem {
    Problem::new(Code::Unauthenticated, detail).with_challenge("Bearer error=\"invalid_request\"")
}
