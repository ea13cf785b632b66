use std::{collections::HashMap, sync::Arc};

use jsonwebtoken::crypto::aws_lc;
use nexus_core::{
    Actor, Json, Text, Timestamp,
    ports::{Authenticated, AuthenticationError, Authenticator, Credential, MAX_TOKEN_BYTES},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    claims,
    compact::Compact,
    issuer::{IssuerOptions, KeySource},
    key_set::KeySet,
    remote::{AddressError, RemoteKeys},
};

/// Why an issuer cannot be trusted as configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// An issuer without a name.
    #[error("an issuer needs a name: the claim `iss` of its tokens")]
    NoIssuer,
    /// Without audience, a token for any other service would be accepted.
    #[error("the issuer `{issuer}` needs an audience: the claim `aud` of tokens that are meant for this server")]
    NoAudience {
        /// Which.
        issuer: String,
    },
    /// The same issuer twice.
    #[error("the issuer `{issuer}` is given twice")]
    SameIssuer {
        /// Which.
        issuer: String,
    },
    /// The role belongs to the platform.
    #[error("the issuer `{issuer}` cannot give the role `system`, which belongs to the platform")]
    ReservedRole {
        /// Which.
        issuer: String,
    },
    /// Two issuers could name the same actor.
    #[error(
        "the issuers `{one}` and `{other}` could give the same id to two actors: give each a different `actor_prefix`"
    )]
    SamePrefix {
        /// Which.
        one: String,
        /// And which.
        other: String,
    },
    /// The prefix would make actors look like the platform or its tokens.
    #[error("the issuer `{issuer}` cannot have the actor prefix `{prefix}`: ids that begin so belong to the platform")]
    ReservedPrefix {
        /// Which.
        issuer: String,
        /// The prefix.
        prefix: String,
    },
    /// More leeway than clocks need.
    #[error("the issuer `{issuer}` has a leeway of more than {} seconds", IssuerOptions::MAX_LEEWAY.as_secs())]
    Leeway {
        /// Which.
        issuer: String,
    },
    /// Nothing can be fetched from the address of its keys.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// Verifies signed tokens of the issuers it was given.
#[derive(Debug)]
pub struct JwtAuthenticator {
    issuers: HashMap<String, Issuer>,
}

#[derive(Debug)]
struct Issuer {
    options: IssuerOptions,
    name: Text,
    keys: Keys,
}

#[derive(Debug)]
enum Keys {
    Configured(Arc<KeySet>),
    Remote(Arc<RemoteKeys>),
}

impl JwtAuthenticator {
    /// Trusts these issuers. Key sets at an address are fetched now, and followed in the background until `stop`.
    ///
    /// # Errors
    /// [`SetupError`] when they cannot be trusted as they are configured. An address that does not answer is no error:
    /// it is asked again, and until it answers the tokens of its issuer are refused.
    pub async fn start(issuers: Vec<IssuerOptions>, stop: &CancellationToken) -> Result<Self, SetupError> {
        // One of the library's providers, whatever other features another crate switches on; set once in a process.
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
        Self::check(&issuers)?;
        let mut known = HashMap::new();
        for options in issuers {
            let keys = match &options.keys {
                KeySource::Configured(keys) => Keys::Configured(Arc::new(keys.clone())),
                KeySource::Address(address) => Keys::Remote(RemoteKeys::follow(address.clone(), stop.clone()).await?),
            };
            let issuer = Issuer { name: Text::from(options.issuer.as_str()), options, keys };
            known.insert(issuer.options.issuer.clone(), issuer);
        }
        Ok(Self { issuers: known })
    }

    /// Whether these issuers can be trusted as they are configured. Nothing is fetched.
    ///
    /// # Errors
    /// [`SetupError`] with what is wrong.
    pub fn check(issuers: &[IssuerOptions]) -> Result<(), SetupError> {
        issuers.iter().try_for_each(check)?;
        for (index, one) in issuers.iter().enumerate() {
            issuers.iter().skip(index + 1).try_for_each(|other| check_pair(one, other))?;
        }
        Ok(())
    }
}

fn check(options: &IssuerOptions) -> Result<(), SetupError> {
    let issuer = options.issuer.clone();
    if issuer.is_empty() {
        return Err(SetupError::NoIssuer);
    }
    if options.audiences.is_empty() || options.audiences.iter().any(String::is_empty) {
        return Err(SetupError::NoAudience { issuer });
    }
    if options.roles.contains(Actor::SYSTEM_ROLE) {
        return Err(SetupError::ReservedRole { issuer });
    }
    let prefix = &options.actor_prefix;
    if prefix.starts_with('$') || prefix.starts_with(Credential::TOKEN_ACTOR) {
        return Err(SetupError::ReservedPrefix { issuer, prefix: prefix.clone() });
    }
    if options.leeway > IssuerOptions::MAX_LEEWAY {
        return Err(SetupError::Leeway { issuer });
    }
    Ok(())
}

/// No issuer is given twice, and no id of one may be an id of another: neither prefix begins with the other.
fn check_pair(one: &IssuerOptions, other: &IssuerOptions) -> Result<(), SetupError> {
    if one.issuer == other.issuer {
        return Err(SetupError::SameIssuer { issuer: one.issuer.clone() });
    }
    let (a, b) = (&one.actor_prefix, &other.actor_prefix);
    if a.starts_with(b.as_str()) || b.starts_with(a.as_str()) {
        return Err(SetupError::SamePrefix { one: one.issuer.clone(), other: other.issuer.clone() });
    }
    Ok(())
}

impl Issuer {
    fn keys(&self) -> Result<Arc<KeySet>, AuthenticationError> {
        match &self.keys {
            Keys::Configured(keys) => Ok(Arc::clone(keys)),
            Keys::Remote(remote) => remote.current().ok_or(AuthenticationError::Unavailable),
        }
    }

    fn actor(&self, established: claims::Established, payload: Json) -> Actor {
        let prefix = &self.options.actor_prefix;
        let id = if prefix.is_empty() {
            established.subject
        } else {
            Text::from(format!("{prefix}{}", established.subject))
        };
        Actor { id, roles: established.roles, claims: Some(payload) }
    }
}

impl Authenticator for JwtAuthenticator {
    fn authenticate(&self, token: &str, now: Timestamp) -> Result<Authenticated, AuthenticationError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthenticationError::TooLarge);
        }
        let compact = Compact::parse(token)?;
        let named = compact.claims.get("iss").and_then(Value::as_str);
        let issuer = named.and_then(|name| self.issuers.get(name)).ok_or(AuthenticationError::UnknownIssuer)?;
        let keys = issuer.keys()?;
        let Some(key) = keys.find(compact.header.key.as_deref()) else {
            if let Keys::Remote(remote) = &issuer.keys {
                remote.look_again();
            }
            return Err(AuthenticationError::UnknownKey);
        };
        if compact.header.algorithm != key.algorithm().name() {
            return Err(AuthenticationError::WrongAlgorithm);
        }
        if !key.verifies(compact.message.as_bytes(), compact.signature) {
            return Err(AuthenticationError::BadSignature);
        }
        let established = claims::judge(&compact.claims, &issuer.options, now)?;
        let expires = Some(established.expires);
        let credential = Credential::Jwt { issuer: issuer.name.clone(), key: Text::from(key.id().unwrap_or_default()) };
        Ok(Authenticated { actor: issuer.actor(established, compact.payload), credential, expires })
    }

    fn stands(&self, credential: &Credential) -> bool {
        let Credential::Jwt { issuer, key } = credential else {
            return false;
        };
        let keys = self.issuers.get(&**issuer).and_then(|issuer| issuer.keys().ok());
        let named = Some(&**key).filter(|key| !key.is_empty());
        keys.is_some_and(|keys| keys.find(named).is_some())
    }
}
