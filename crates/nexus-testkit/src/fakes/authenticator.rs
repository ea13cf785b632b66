use std::{collections::HashMap, sync::Mutex};

use nexus_core::{
    Actor, Text, Timestamp,
    ports::{Authenticated, AuthenticationError, Authenticator, Credential, MAX_TOKEN_BYTES},
};

use crate::fakes::locked::lock;

/// Tokens in memory: `memory.<id>.<secret>`. Secrets are guessable, so this is for tests only.
#[derive(Debug, Default)]
pub struct MemoryAuthenticator {
    tokens: Mutex<HashMap<String, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    secret: String,
    actor: Actor,
    expires: Option<Timestamp>,
    revoked: bool,
}

impl MemoryAuthenticator {
    /// Issues a token to this actor.
    pub fn issue(&self, actor: Actor, expires: Option<Timestamp>) -> String {
        let mut tokens = lock(&self.tokens);
        let id = format!("t{}", tokens.len() + 1);
        let secret = format!("secret-of-{id}");
        let token = format!("memory.{id}.{secret}");
        let roles = actor.roles.into_iter().filter(|role| **role != *Actor::SYSTEM_ROLE).collect();
        let actor = Actor { roles, ..actor };
        tokens.insert(id, Known { secret, actor, expires, revoked: false });
        token
    }

    /// Revokes a token; false when there is none of this text.
    pub fn revoke(&self, token: &str) -> bool {
        let Some((id, _)) = parts(token) else {
            return false;
        };
        lock(&self.tokens).get_mut(id).is_some_and(|known| !std::mem::replace(&mut known.revoked, true))
    }
}

impl Authenticator for MemoryAuthenticator {
    fn authenticate(&self, token: &str, now: Timestamp) -> Result<Authenticated, AuthenticationError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthenticationError::TooLarge);
        }
        let (id, secret) = parts(token).ok_or(AuthenticationError::Malformed("it is not one of memory"))?;
        let known = lock(&self.tokens).get(id).cloned().ok_or(AuthenticationError::UnknownKey)?;
        if known.secret != secret {
            return Err(AuthenticationError::BadSignature);
        }
        if known.revoked {
            return Err(AuthenticationError::Revoked);
        }
        if known.expires.is_some_and(|expires| now >= expires) {
            return Err(AuthenticationError::Expired);
        }
        let credential = Credential::ApiToken { id: Text::from(id) };
        Ok(Authenticated { actor: known.actor, credential, expires: known.expires })
    }

    fn stands(&self, credential: &Credential) -> bool {
        match credential {
            Credential::ApiToken { id } => lock(&self.tokens).get(&**id).is_some_and(|known| !known.revoked),
            Credential::Jwt { .. } => false,
        }
    }
}

fn parts(token: &str) -> Option<(&str, &str)> {
    token.strip_prefix("memory.")?.split_once('.')
}
