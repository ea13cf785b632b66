use std::{
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use nexus_core::{
    Actor, Text, Timestamp,
    ports::{Authenticated, AuthenticationError, Authenticator, Credential, MAX_TOKEN_BYTES},
};
use nexus_testkit::contract::{AuthenticatorFixture, authenticator};

use super::caught_blocking;

/// What an authenticator knows of a token `<id>.<secret>`, and what it does with it.
#[derive(Clone)]
struct Known {
    roles: Vec<Text>,
    expires: Timestamp,
    withdrawn: bool,
}

const SECRET: &str = "f4fa1b0c";

/// One thing that is wrong; nothing, unless overridden.
trait Flaw: Send + Sync + 'static {
    fn refuses_secret(given: &str) -> bool {
        given != SECRET
    }
    fn refuses_length(bytes: usize) -> bool {
        bytes > MAX_TOKEN_BYTES
    }
    fn expired(now: Timestamp, expires: Timestamp) -> bool {
        now >= expires
    }
    fn keeps_withdrawn() -> bool {
        false
    }
    fn stands(withdrawn: bool) -> bool {
        !withdrawn
    }
    fn gives(role: &str) -> bool {
        role != Actor::SYSTEM_ROLE
    }
    fn words(_given: &str) -> &'static str {
        "no token of this shape"
    }
}

struct Flawed<W> {
    tokens: Arc<Tokens<W>>,
}

struct Tokens<W> {
    all: Mutex<Vec<Known>>,
    flaw: PhantomData<W>,
}

impl<W: Flaw> Tokens<W> {
    fn place(id: &str) -> Option<usize> {
        id.parse().ok().filter(|place: &usize| place.to_string() == id)
    }
}

impl<W: Flaw> Authenticator for Tokens<W> {
    fn authenticate(&self, token: &str, now: Timestamp) -> Result<Authenticated, AuthenticationError> {
        if W::refuses_length(token.len()) {
            return Err(AuthenticationError::TooLarge);
        }
        let malformed = AuthenticationError::Malformed(W::words(token));
        let (id, secret) = token.split_once('.').ok_or(malformed)?;
        let place = Self::place(id).ok_or(malformed)?;
        let known = self.all.lock().unwrap().get(place).cloned().ok_or(AuthenticationError::UnknownKey)?;
        if W::refuses_secret(secret) {
            return Err(AuthenticationError::BadSignature);
        }
        if known.withdrawn && !W::keeps_withdrawn() {
            return Err(AuthenticationError::Revoked);
        }
        if W::expired(now, known.expires) {
            return Err(AuthenticationError::Expired);
        }
        let actor = Actor::new("ann".into(), known.roles);
        let credential = Credential::ApiToken { id: id.into() };
        Ok(Authenticated { actor, credential, expires: Some(known.expires) })
    }

    fn stands(&self, credential: &Credential) -> bool {
        let Credential::ApiToken { id } = credential else {
            return false;
        };
        let known = Self::place(id).and_then(|place| self.all.lock().unwrap().get(place).cloned());
        known.is_some_and(|known| W::stands(known.withdrawn))
    }
}

impl<W: Flaw> AuthenticatorFixture for Flawed<W> {
    fn start() -> Self {
        Self { tokens: Arc::new(Tokens { all: Mutex::default(), flaw: PhantomData }) }
    }

    fn authenticator(&self) -> Arc<dyn Authenticator> {
        self.tokens.clone()
    }

    fn issue(&self, roles: &[&str], expires: Timestamp) -> Option<String> {
        let mut all = self.tokens.all.lock().unwrap();
        let roles = roles.iter().filter(|role| W::gives(role)).map(|role| (*role).into()).collect();
        all.push(Known { roles, expires, withdrawn: false });
        Some(format!("{}.{SECRET}", all.len() - 1))
    }

    fn forge(&self, genuine: &str) -> String {
        genuine.replace(SECRET, "ffffffff")
    }

    fn withdraw(&self, token: &str) -> bool {
        let place = token.split_once('.').and_then(|(id, _)| Tokens::<W>::place(id)).unwrap();
        self.tokens.all.lock().unwrap()[place].withdrawn = true;
        true
    }
}

mod right {
    use super::{Flaw, Flawed};

    struct Right;
    impl Flaw for Right {}

    nexus_testkit::authenticator_contract!(Flawed<Right>);
}

/// Compares the beginning of the secret only.
struct Prefix;

impl Flaw for Prefix {
    fn refuses_secret(given: &str) -> bool {
        !SECRET.starts_with(given) && !given.starts_with(SECRET)
    }
}

#[test]
fn an_authenticator_that_compares_a_part_of_the_secret_is_caught() {
    caught_blocking(
        "one_changed_character_is_a_refusal",
        "a longer token is accepted",
        authenticator::one_changed_character_is_a_refusal::<Flawed<Prefix>>,
    );
    caught_blocking(
        "text_of_any_kind_is_answered",
        "bytes are accepted",
        authenticator::text_of_any_kind_is_answered::<Flawed<Prefix>>,
    );
}

/// Looks at the shape of a secret, not at the secret.
struct Unverified;

impl Flaw for Unverified {
    fn refuses_secret(given: &str) -> bool {
        given.len() != SECRET.len()
    }
}

#[test]
fn an_authenticator_that_verifies_nothing_is_caught() {
    caught_blocking(
        "a_forged_token_is_refused",
        "a forged token",
        authenticator::a_forged_token_is_refused::<Flawed<Unverified>>,
    );
}

/// Lets an expired token in at the very moment.
struct OneMoment;

impl Flaw for OneMoment {
    fn expired(now: Timestamp, expires: Timestamp) -> bool {
        now > expires
    }
}

#[test]
fn an_authenticator_that_is_late_by_a_moment_is_caught() {
    caught_blocking(
        "a_token_ends_at_the_moment_it_says",
        "an expired token, 0 µs late",
        authenticator::a_token_ends_at_the_moment_it_says::<Flawed<OneMoment>>,
    );
}

/// Reads texts of any length.
struct Boundless;

impl Flaw for Boundless {
    fn refuses_length(_: usize) -> bool {
        false
    }
}

#[test]
fn an_authenticator_that_reads_texts_of_any_length_is_caught() {
    caught_blocking(
        "text_of_any_kind_is_answered",
        "8193 bytes",
        authenticator::text_of_any_kind_is_answered::<Flawed<Boundless>>,
    );
}

/// Remembers what it accepted once.
struct Forgiving;

impl Flaw for Forgiving {
    fn keeps_withdrawn() -> bool {
        true
    }
}

/// Lets streams go on after a revocation.
struct Lasting;

impl Flaw for Lasting {
    fn stands(_: bool) -> bool {
        true
    }
}

#[test]
fn an_authenticator_that_accepts_what_was_withdrawn_is_caught() {
    caught_blocking(
        "what_was_withdrawn_is_refused_at_once",
        "what was withdrawn: Ok",
        authenticator::what_was_withdrawn_is_refused_at_once::<Flawed<Forgiving>>,
    );
    caught_blocking(
        "what_was_withdrawn_is_refused_at_once",
        "what was withdrawn still stands",
        authenticator::what_was_withdrawn_is_refused_at_once::<Flawed<Lasting>>,
    );
}

/// Gives whatever role is named.
struct Generous;

impl Flaw for Generous {
    fn gives(_: &str) -> bool {
        true
    }
}

#[test]
fn an_authenticator_that_makes_somebody_the_platform_is_caught() {
    caught_blocking(
        "nobody_becomes_the_platform",
        "gives the role of the platform",
        authenticator::nobody_becomes_the_platform::<Flawed<Generous>>,
    );
}

/// Quotes the token it does not understand.
struct Talkative;

impl Flaw for Talkative {
    fn words(given: &str) -> &'static str {
        given.to_owned().leak()
    }
}

#[test]
fn an_authenticator_that_repeats_tokens_is_caught() {
    caught_blocking(
        "a_refusal_repeats_nothing",
        "repeats a part of the token",
        authenticator::a_refusal_repeats_nothing::<Flawed<Talkative>>,
    );
}
