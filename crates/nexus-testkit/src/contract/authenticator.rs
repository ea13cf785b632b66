//! The contract of [`Authenticator`].

use std::sync::Arc;

use nexus_core::{
    Actor, Timestamp,
    ports::{Authenticated, AuthenticationError, Authenticator, MAX_TOKEN_BYTES},
};

use crate::contract::{Breach, Outcome, blocking_suite, check, check_eq};

/// An authenticator under test, and somebody it trusts to issue tokens.
pub trait AuthenticatorFixture: Sized + Send + 'static {
    /// A fresh authenticator.
    fn start() -> Self;

    /// The authenticator.
    fn authenticator(&self) -> Arc<dyn Authenticator>;

    /// A token with these roles that expires about `until`; `None` when none is issued with such roles.
    fn issue(&self, roles: &[&str], until: Timestamp) -> Option<String>;

    /// A token that says the same as this one, made by somebody who has no part in it.
    fn forge(&self, genuine: &str) -> String;

    /// Takes back what stands behind a token; false when the technology has nothing to take back.
    fn withdraw(&self, token: &str) -> bool;
}

blocking_suite! {
    /// One `#[test]` for every case of [`contract::authenticator`](crate::contract::authenticator), run against a type
    /// that implements [`AuthenticatorFixture`](crate::contract::AuthenticatorFixture). Invoke it in a module of its own.
    export $ authenticator_contract, authenticator: [
        an_issued_token_names_its_actor,
        a_token_ends_at_the_moment_it_says,
        one_changed_character_is_a_refusal,
        a_forged_token_is_refused,
        text_of_any_kind_is_answered,
        what_was_withdrawn_is_refused_at_once,
        nobody_becomes_the_platform,
        a_refusal_repeats_nothing,
    ]
}

/// When tokens of the suite are presented: 2026-01-31T12:00:00Z.
pub fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH.saturating_add_micros(1_769_860_800_000_000)
}

const HOUR: i64 = 3_600_000_000;

fn token<F: AuthenticatorFixture>(fixture: &F) -> Result<String, Breach> {
    let until = now().saturating_add_micros(HOUR);
    fixture.issue(&["reader", "writer"], until).ok_or_else(|| Breach::new("an ordinary token is not issued"))
}

fn accepted(authenticator: &dyn Authenticator, token: &str) -> Result<Authenticated, Breach> {
    Ok(authenticator.authenticate(token, now())?)
}

/// A token names who presents it, with the roles it was issued with, and stands.
pub fn an_issued_token_names_its_actor<F: AuthenticatorFixture>() -> Outcome {
    let fixture = F::start();
    let authenticator = fixture.authenticator();
    let token = token(&fixture)?;
    let first = accepted(&*authenticator, &token)?;
    check!(!first.actor.id.is_empty(), "the actor has no id");
    let mut roles: Vec<&str> = first.actor.roles.iter().map(|role| &**role).collect();
    roles.sort_unstable();
    check_eq!(roles, ["reader", "writer"], "the roles");
    check!(authenticator.stands(&first.credential), "a token that is accepted does not stand");
    check_eq!(accepted(&*authenticator, &token)?, first, "the same token a second time");
    if let Some(none) = fixture.issue(&[], now().saturating_add_micros(HOUR)) {
        check!(accepted(&*authenticator, &none)?.actor.roles.is_empty(), "a token without roles gives some");
    }
    Ok(())
}

/// A token is accepted up to its expiry, and from then on refused as expired.
pub fn a_token_ends_at_the_moment_it_says<F: AuthenticatorFixture>() -> Outcome {
    let fixture = F::start();
    let authenticator = fixture.authenticator();
    let token = token(&fixture)?;
    let expires = accepted(&*authenticator, &token)?.expires.ok_or_else(|| Breach::new("it says no expiry"))?;
    check!(expires >= now().saturating_add_micros(HOUR), "it expires before it should: {expires}");
    check!(expires <= now().saturating_add_micros(HOUR + HOUR / 2), "it expires long after it should: {expires}");
    let last = expires.saturating_add_micros(-1);
    check!(authenticator.authenticate(&token, last).is_ok(), "it is refused a moment before its expiry");
    for late in [0, 1, HOUR, 1000 * HOUR] {
        let answer = authenticator.authenticate(&token, expires.saturating_add_micros(late));
        check_eq!(answer.err(), Some(AuthenticationError::Expired), "an expired token, {late} µs late");
    }
    Ok(())
}

/// Whatever character is changed, left out or added, the token is refused.
pub fn one_changed_character_is_a_refusal<F: AuthenticatorFixture>() -> Outcome {
    let fixture = F::start();
    let authenticator = fixture.authenticator();
    let token = token(&fixture)?;
    let refused = |changed: &str| authenticator.authenticate(changed, now()).is_err();
    let (start, end) = (format!("A{token}"), format!("{token}A"));
    check!(refused(&start) && refused(&end), "a longer token is accepted");
    for (place, original) in token.char_indices() {
        let (before, rest) = (token.get(..place).unwrap_or_default(), token.get(place + 1..).unwrap_or_default());
        check!(refused(&format!("{before}{rest}")), "accepted without the character at {place}");
        for other in ['A', 'B', 'a', '9', '-', '_', '.', '=', ' '].into_iter().filter(|other| *other != original) {
            check!(refused(&format!("{before}{other}{rest}")), "accepted with `{other}` at {place}");
        }
    }
    Ok(())
}

/// Saying the same as a genuine token does not help.
pub fn a_forged_token_is_refused<F: AuthenticatorFixture>() -> Outcome {
    let fixture = F::start();
    let authenticator = fixture.authenticator();
    let genuine = token(&fixture)?;
    let forged = fixture.forge(&genuine);
    check!(forged != genuine, "the fixture forges nothing");
    let answer = authenticator.authenticate(&forged, now());
    check_eq!(answer.err(), Some(AuthenticationError::BadSignature), "a forged token");
    check!(authenticator.authenticate(&genuine, now()).is_ok(), "the genuine token is refused");
    Ok(())
}

/// Empty, huge, hostile: there is an answer, and it is no.
pub fn text_of_any_kind_is_answered<F: AuthenticatorFixture>() -> Outcome {
    let fixture = F::start();
    let authenticator = fixture.authenticator();
    let texts =
        ["", ".", "..", "...", "a.b.c", "{}", "e30.e30.", "e30.e30.e30", "nxt_", "nxt_a", "ключ", "\0", "\u{202e}"];
    for text in texts {
        check!(authenticator.authenticate(text, now()).is_err(), "{text:?} is accepted");
    }
    for bytes in [MAX_TOKEN_BYTES + 1, 1 << 20] {
        let answer = authenticator.authenticate(&"a".repeat(bytes), now());
        check_eq!(answer.err(), Some(AuthenticationError::TooLarge), "{bytes} bytes");
    }
    let genuine = token(&fixture)?;
    for end in 0..genuine.len() {
        let begun = genuine.get(..end).unwrap_or_default();
        check!(authenticator.authenticate(begun, now()).is_err(), "the first {end} bytes are accepted");
    }
    Ok(())
}

/// A revoked token, or one whose key was taken away, is refused at once and stands no longer; others do.
pub fn what_was_withdrawn_is_refused_at_once<F: AuthenticatorFixture>() -> Outcome {
    let fixture = F::start();
    let authenticator = fixture.authenticator();
    let token = token(&fixture)?;
    let credential = accepted(&*authenticator, &token)?.credential;
    if !fixture.withdraw(&token) {
        return Ok(());
    }
    let answer = authenticator.authenticate(&token, now());
    let expected = [AuthenticationError::Revoked, AuthenticationError::UnknownKey];
    check!(answer.as_ref().is_err_and(|error| expected.contains(error)), "what was withdrawn: {answer:?}");
    check!(!authenticator.stands(&credential), "what was withdrawn still stands");
    Ok(())
}

/// However it is asked for, the role of the platform and its names are never given.
pub fn nobody_becomes_the_platform<F: AuthenticatorFixture>() -> Outcome {
    let fixture = F::start();
    let Some(token) = fixture.issue(&["reader", Actor::SYSTEM_ROLE], now().saturating_add_micros(HOUR)) else {
        return Ok(());
    };
    let Ok(accepted) = fixture.authenticator().authenticate(&token, now()) else {
        return Ok(());
    };
    let platform = accepted.actor.roles.iter().any(|role| *role == *Actor::SYSTEM_ROLE);
    check!(!platform, "a token gives the role of the platform");
    check!(!accepted.actor.id.starts_with('$'), "an actor has an id of the platform: {}", accepted.actor.id);
    Ok(())
}

/// What is logged about a refusal shows nothing of the token.
pub fn a_refusal_repeats_nothing<F: AuthenticatorFixture>() -> Outcome {
    let fixture = F::start();
    let authenticator = fixture.authenticator();
    let genuine = token(&fixture)?;
    let forged = fixture.forge(&genuine);
    let late = now().saturating_add_micros(1000 * HOUR);
    for (token, moment) in [(genuine, late), (forged, now()), ("s3cr3t-s3cr3t".to_owned(), now())] {
        let Err(error) = authenticator.authenticate(&token, moment) else {
            return Err(Breach::new("a token that should be refused is accepted"));
        };
        let told = format!("{error} {error:?}");
        let leaks = token.as_bytes().windows(8).any(|part| told.as_bytes().windows(8).any(|window| window == part));
        check!(!leaks, "the refusal repeats a part of the token: {told}");
    }
    Ok(())
}
