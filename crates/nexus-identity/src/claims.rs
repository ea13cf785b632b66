//! What the claims of a token must say, once its signature is verified.

use nexus_core::{
    Actor, Text, Timestamp,
    ports::{AuthenticationError, Credential},
};
use serde_json::{Map, Value};

use crate::issuer::IssuerOptions;

const MICROS: i64 = 1_000_000;

/// Latest moment that is believed: the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Longest subject in bytes.
const MAX_SUBJECT: usize = 255;

/// What the claims establish.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Established {
    pub(crate) subject: Text,
    pub(crate) roles: Vec<Text>,
    /// The moment from which the token is refused, leeway included.
    pub(crate) expires: Timestamp,
}

/// Judges the claims of a token whose signature was verified with a key of this issuer.
pub(crate) fn judge(
    claims: &Map<String, Value>,
    issuer: &IssuerOptions,
    now: Timestamp,
) -> Result<Established, AuthenticationError> {
    // The issuer chose the key; that the claim is the very same is what ties both together.
    if claims.get("iss").and_then(Value::as_str) != Some(issuer.issuer.as_str()) {
        return Err(AuthenticationError::UnknownIssuer);
    }
    if !is_audience(claims.get("aud"), &issuer.audiences) {
        return Err(AuthenticationError::WrongAudience);
    }
    let expires = lifetime(claims, issuer, now)?;
    let subject = subject(claims)?;
    let roles = roles(claims, issuer);
    Ok(Established { subject, roles, expires })
}

/// Checks `exp`, `nbf` and `iat` against `now`; answers the moment from which the token is refused.
fn lifetime(
    claims: &Map<String, Value>,
    issuer: &IssuerOptions,
    now: Timestamp,
) -> Result<Timestamp, AuthenticationError> {
    let leeway = micros(issuer.leeway);
    let expiry = moment(claims, "exp")?.ok_or(AuthenticationError::InvalidClaim("exp"))?;
    let expires = expiry.saturating_add_micros(leeway);
    if now >= expires {
        return Err(AuthenticationError::Expired);
    }
    let latest = now.saturating_add_micros(leeway);
    let issued = moment(claims, "iat")?;
    let begins = moment(claims, "nbf")?;
    if [begins, issued].into_iter().flatten().any(|moment| moment > latest) {
        return Err(AuthenticationError::NotYetValid);
    }
    if let Some(limit) = issuer.max_lifetime {
        let issued = issued.ok_or(AuthenticationError::InvalidClaim("iat"))?;
        if expiry > issued.saturating_add_micros(micros(limit)) {
            return Err(AuthenticationError::TooLongLived);
        }
    }
    Ok(expires)
}

fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A NumericDate: seconds since 1970, possibly with a fraction, which is dropped.
fn moment(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, AuthenticationError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let refuse = AuthenticationError::InvalidClaim(name);
    let seconds = match (value.as_i64(), value.as_f64()) {
        (Some(whole), _) => whole,
        (None, Some(fraction)) => whole_seconds(fraction).ok_or(refuse)?,
        _ => return Err(refuse),
    };
    let in_range = (0..=LAST_SECOND).contains(&seconds).then(|| seconds.saturating_mul(MICROS));
    in_range.and_then(Timestamp::from_micros).map(Some).ok_or(refuse)
}

fn whole_seconds(fraction: f64) -> Option<i64> {
    // Seconds up to the year 9999 are exact in a float.
    let in_range = (0.0..=253_402_300_799.0).contains(&fraction);
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked, and the fraction is to be dropped")]
    in_range.then(|| fraction.floor() as i64)
}

/// Whether one of `wanted` is among those the token is for.
fn is_audience(claim: Option<&Value>, wanted: &[String]) -> bool {
    let is_wanted = |one: &Value| one.as_str().is_some_and(|one| wanted.iter().any(|wanted| wanted == one));
    match claim {
        Some(Value::Array(all)) => all.iter().all(Value::is_string) && all.iter().any(is_wanted),
        Some(one) => is_wanted(one),
        None => false,
    }
}

fn subject(claims: &Map<String, Value>) -> Result<Text, AuthenticationError> {
    let refuse = AuthenticationError::InvalidClaim("sub");
    let subject = claims.get("sub").and_then(Value::as_str).ok_or(refuse)?;
    let plain = !subject.is_empty() && subject.len() <= MAX_SUBJECT && !subject.chars().any(char::is_control);
    // Ids with `$` are the platform's, ids with `token:` those of tokens that it issued.
    let free = !subject.starts_with('$') && !subject.starts_with(Credential::TOKEN_ACTOR);
    if plain && free && subject.trim() == subject { Ok(Text::from(subject)) } else { Err(refuse) }
}

/// The roles that the claims name and that this issuer may give.
fn roles(claims: &Map<String, Value>, issuer: &IssuerOptions) -> Vec<Text> {
    let mut roles: Vec<Text> = Vec::new();
    for claim in &issuer.role_claims {
        for role in names(value_at(claims, claim)) {
            let grantable = role != Actor::SYSTEM_ROLE && issuer.roles.contains(role);
            if grantable && !roles.iter().any(|known| *known == *role) {
                roles.push(Text::from(role));
            }
        }
    }
    roles
}

/// The claim of this name; one that begins with `/` is a path into nested claims (RFC 6901).
fn value_at<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let Some(path) = name.strip_prefix('/') else {
        return claims.get(name);
    };
    let mut steps = path.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
    let first = claims.get(&steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(&step))
}

/// The texts of a list, or the words of a text.
fn names(claim: Option<&Value>) -> Vec<&str> {
    match claim {
        Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
