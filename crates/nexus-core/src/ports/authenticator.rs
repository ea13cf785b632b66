use crate::{event::Actor, name::Text, time::Timestamp};

/// Establishes who presents a bearer token.
///
/// Every adapter holds to this:
///
/// - It answers from memory, without blocking; fetching keys happens elsewhere.
/// - Only what somebody it trusts has issued is accepted, and only unchanged: one other character is a refusal.
/// - A token is accepted before [`Authenticated::expires`] and refused from that moment on.
/// - What was withdrawn (a revoked token, a key that was taken away) is refused at once, and no longer
///   [stands](Self::stands).
/// - A text of any length and content is answered with an [`AuthenticationError`]; longer ones than
///   [`MAX_TOKEN_BYTES`] without being looked into.
/// - Nobody becomes the platform: no actor's id begins with `$`, and none has the role `system`.
/// - Nothing of a token is repeated in a refusal.
pub trait Authenticator: Send + Sync + 'static {
    /// Who presents `token` (the text after `Bearer `) at the moment `now`.
    ///
    /// # Errors
    /// [`AuthenticationError`] says why the token is not accepted.
    fn authenticate(&self, token: &str, now: Timestamp) -> Result<Authenticated, AuthenticationError>;

    /// Whether what was accepted earlier would be accepted again, so that a stream that outlives a token can end. Its
    /// expiry is the caller's to look at.
    fn stands(&self, credential: &Credential) -> bool;
}

/// Longest bearer token in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// Who asks.
    pub actor: Actor,
    /// By what that is known.
    pub credential: Credential,
    /// The moment from which the token is refused; `None` for one that does not expire.
    pub expires: Option<Timestamp>,
}

/// By what an actor is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A token that this server issued.
    ApiToken {
        /// Its public id.
        id: Text,
    },
    /// A signed token of somebody else.
    Jwt {
        /// Who issued it.
        issuer: Text,
        /// The id of the key that signed it; empty for a key without one.
        key: Text,
    },
}

impl Credential {
    /// What the ids of actors begin with that are known by an API token. No other credential gives such an id.
    pub const TOKEN_ACTOR: &str = "token:";
}

/// Why a token is not accepted. For the operator: a client is told less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// It has more than [`MAX_TOKEN_BYTES`].
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLarge,
    /// It is no token of a kind that is accepted here.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// Its issuer is none of those that are trusted.
    #[error("the issuer of the token is not trusted here")]
    UnknownIssuer,
    /// No key or token of this id is known.
    #[error("no key or token of this id is known")]
    UnknownKey,
    /// It names another algorithm than that of its key.
    #[error("the token names another algorithm than that of its key")]
    WrongAlgorithm,
    /// Signature or secret is wrong.
    #[error("the signature or the secret of the token is wrong")]
    BadSignature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It was issued for somebody else.
    #[error("the token was issued for another audience")]
    WrongAudience,
    /// A claim that is needed is missing or unusable.
    #[error("the claim `{0}` is missing or unusable")]
    InvalidClaim(&'static str),
    /// It lives longer than is accepted here.
    #[error("the token lives longer than is accepted here")]
    TooLongLived,
    /// It was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// The keys of its issuer could not be fetched yet.
    #[error("the keys of the issuer could not be fetched yet")]
    Unavailable,
}

impl AuthenticationError {
    /// A short name for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Malformed(_) => "malformed",
            Self::UnknownIssuer => "unknown-issuer",
            Self::UnknownKey => "unknown-key",
            Self::WrongAlgorithm => "wrong-algorithm",
            Self::BadSignature => "bad-signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongAudience => "wrong-audience",
            Self::InvalidClaim(_) => "invalid-claim",
            Self::TooLongLived => "too-long-lived",
            Self::Revoked => "revoked",
            Self::Unavailable => "unavailable",
        }
    }
}
