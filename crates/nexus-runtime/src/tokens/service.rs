use std::sync::{Arc, PoisonError, RwLock};

use nexus_core::{
    Actor, ExpectedVersion, Metadata, StreamId, Text, Timestamp, Version,
    ports::{
        AppendError, Authenticated, AuthenticationError, Authenticator, Credential, Direction, MAX_TOKEN_BYTES,
        StreamRead,
    },
};
use tokio::sync::Mutex;

use super::{
    TokenFailure, TokenInfo, TokenText,
    secret::{Minted, Presented, mint},
    stored::{AGGREGATE, TOKENS, TokenChange, event_of},
    table::Table,
};
use crate::{
    RequestInfo,
    policies::{Place, Records},
};

/// Issues and revokes tokens, and knows whose they are. A change is recorded in `$tokens` first and holds at once.
#[derive(Clone)]
pub struct TokenService {
    inner: Arc<Inner>,
}

struct Inner {
    records: Records,
    table: RwLock<Table>,
    /// The version of `$tokens` that the table is at. Whoever holds it may change tokens.
    at: Mutex<Version>,
}

/// A token that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What it may act as.
    pub roles: Vec<Text>,
    /// What it is for, in a few words.
    pub description: String,
    /// How long it is accepted.
    pub expiry: TokenExpiry,
}

/// How long a token is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenExpiry {
    /// Up to this moment.
    At(Timestamp),
    /// Until it is revoked.
    Never,
}

/// A token that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedToken {
    /// What is known about it from now on.
    pub info: TokenInfo,
    /// The token itself. It is not kept, so this is the one time it can be told.
    pub text: TokenText,
}

impl TokenService {
    /// Longest description in bytes.
    pub const MAX_DESCRIPTION: usize = 255;
    /// Most roles of a token.
    pub const MAX_ROLES: usize = 32;
    /// Longest name of a role in bytes.
    pub const MAX_ROLE: usize = 64;

    /// The tokens that `$tokens` tells.
    ///
    /// # Errors
    /// When the stream cannot be read or understood.
    pub(crate) async fn restore(records: Records) -> Result<Self, TokenFailure> {
        let inner = Inner { records, table: RwLock::default(), at: Mutex::new(Version::NONE) };
        inner.catch_up(&mut *inner.at.lock().await).await?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Issues a token. Whether the caller may issue any is the policy's to say, at the door; whoever is no admin gives
    /// roles of their own only. The work goes on when the caller goes away.
    ///
    /// # Errors
    /// [`TokenFailure`]; no token was issued.
    pub async fn create(&self, wanted: NewToken, info: RequestInfo) -> Result<CreatedToken, TokenFailure> {
        let wanted = checked(wanted, &info)?;
        self.carried_out(move |inner| async move { inner.create(wanted, &info).await }).await
    }

    /// Revokes a token: it is accepted no longer. Doing so again changes nothing.
    ///
    /// # Errors
    /// [`TokenFailure`]; nothing was changed.
    pub async fn revoke(&self, id: &str, info: RequestInfo) -> Result<TokenInfo, TokenFailure> {
        let id = Text::from(id);
        self.carried_out(move |inner| async move { inner.revoke(id, &info).await }).await
    }

    /// All tokens, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<TokenInfo> {
        self.inner.table.read().unwrap_or_else(PoisonError::into_inner).list()
    }

    /// Does the work in a task of its own, so that it is whole even when the caller goes away.
    async fn carried_out<T, Fut>(&self, work: impl FnOnce(Arc<Inner>) -> Fut + Send) -> Result<T, TokenFailure>
    where
        T: Send + 'static,
        Fut: Future<Output = Result<T, TokenFailure>> + Send + 'static,
    {
        tokio::spawn(work(Arc::clone(&self.inner))).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change of tokens ended early");
            Err(AppendError::Unavailable { reason: "the change ended early".to_owned() }.into())
        })
    }
}

impl Inner {
    async fn create(&self, wanted: NewToken, info: &RequestInfo) -> Result<CreatedToken, TokenFailure> {
        let Minted { id, digest, text } = mint().ok_or(TokenFailure::NoRandomness)?;
        let NewToken { roles, description, expiry } = wanted;
        let expires = match expiry {
            TokenExpiry::At(moment) => Some(moment),
            TokenExpiry::Never => None,
        };
        let change = TokenChange::Created { id: id.clone(), digest, roles, description, expires };
        let mut at = self.at.lock().await;
        self.record(&mut at, &change, info).await?;
        Ok(CreatedToken { info: self.info(&id)?, text })
    }

    async fn revoke(&self, id: Text, info: &RequestInfo) -> Result<TokenInfo, TokenFailure> {
        let mut at = self.at.lock().await;
        let known = self.info(&id)?;
        if known.revoked.is_some() {
            return Ok(known);
        }
        self.record(&mut at, &TokenChange::Revoked { id: id.clone() }, info).await?;
        self.info(&id)
    }

    fn info(&self, id: &str) -> Result<TokenInfo, TokenFailure> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let unknown = || TokenFailure::Unknown { id: id.chars().take(64).collect() };
        table.find(id).map(|entry| entry.info.clone()).ok_or_else(unknown)
    }

    /// Stores a change, and then makes what the stream says from there on.
    async fn record(&self, at: &mut Version, change: &TokenChange, info: &RequestInfo) -> Result<(), TokenFailure> {
        let (event_type, payload) = event_of(change).map_err(|error| damaged(&error))?;
        let metadata = Metadata { schema_version: 0, ..info.metadata() };
        let event = self.records.event(event_type, &payload, metadata)?;
        let place = Place {
            stream: TOKENS,
            aggregate_type: AGGREGATE,
            expected: ExpectedVersion::Exact(*at),
            decision_id: self.records.ids.decision_id(),
            request: &info.context,
        };
        let stored = self.records.store(place, vec![event]).await;
        // Also after a failure: what was not answered may have been stored all the same.
        self.catch_up(at).await?;
        stored?;
        Ok(())
    }

    /// Makes the changes that the stream records after the version the table is at.
    async fn catch_up(&self, at: &mut Version) -> Result<(), TokenFailure> {
        let stream = StreamId::new(TOKENS).map_err(|error| damaged(&error))?;
        loop {
            let read =
                StreamRead { from: at.next(), direction: Direction::Forward, ..StreamRead::all(stream.clone(), 1000) };
            let page = self.records.store.read_stream(read).await?;
            for event in &page.events {
                let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
                table.apply(event).map_err(TokenFailure::Damaged)?;
                *at = event.version;
            }
            if page.next.is_none() {
                return Ok(());
            }
        }
    }
}

impl Authenticator for TokenService {
    fn authenticate(&self, token: &str, now: Timestamp) -> Result<Authenticated, AuthenticationError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthenticationError::TooLarge);
        }
        let presented = Presented::parse(token).ok_or(AuthenticationError::Malformed("it is no token of this kind"))?;
        let table = self.inner.table.read().unwrap_or_else(PoisonError::into_inner);
        let entry = table.find(presented.id).ok_or(AuthenticationError::UnknownKey)?;
        if !presented.matches(&entry.digest) {
            return Err(AuthenticationError::BadSignature);
        }
        let info = &entry.info;
        if info.revoked.is_some() {
            return Err(AuthenticationError::Revoked);
        }
        if info.expires.is_some_and(|expires| now >= expires) {
            return Err(AuthenticationError::Expired);
        }
        let actor = Actor::new(Text::from(format!("{}{}", Credential::TOKEN_ACTOR, info.id)), info.roles.clone());
        Ok(Authenticated { actor, credential: Credential::ApiToken { id: info.id.clone() }, expires: info.expires })
    }

    fn stands(&self, credential: &Credential) -> bool {
        let Credential::ApiToken { id } = credential else {
            return false;
        };
        let table = self.inner.table.read().unwrap_or_else(PoisonError::into_inner);
        table.find(id).is_some_and(|entry| entry.info.revoked.is_none())
    }
}

/// The wish in order, or why it cannot be granted.
fn checked(mut wanted: NewToken, info: &RequestInfo) -> Result<NewToken, TokenFailure> {
    wanted.roles.sort();
    wanted.roles.dedup();
    check_roles(&wanted.roles, &info.actor)?;
    let plain = |text: &str| !text.chars().any(char::is_control);
    if wanted.description.len() > TokenService::MAX_DESCRIPTION || !plain(&wanted.description) {
        let reason = "a description has at most 255 bytes and no control characters".to_owned();
        return Err(TokenFailure::Invalid { member: "description", reason });
    }
    match wanted.expiry {
        TokenExpiry::At(moment) if moment <= info.context.time => {
            let reason = format!("a token that expires at {moment} would never be accepted");
            Err(TokenFailure::Invalid { member: "expiresAt", reason })
        }
        _ => Ok(wanted),
    }
}

fn check_roles(roles: &[Text], actor: &Actor) -> Result<(), TokenFailure> {
    let invalid = |reason: String| Err(TokenFailure::Invalid { member: "roles", reason });
    if roles.is_empty() || roles.len() > TokenService::MAX_ROLES {
        return invalid(format!("a token has 1 to {} roles", TokenService::MAX_ROLES));
    }
    let named = |role: &Text| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':');
        (1..=TokenService::MAX_ROLE).contains(&role.len()) && role.bytes().all(allowed)
    };
    if let Some(role) = roles.iter().find(|role| !named(role)) {
        let shown: String = role.chars().take(64).flat_map(char::escape_debug).collect();
        return invalid(format!("`{shown}` is no role: 1 to 64 letters, digits, `.`, `_`, `-` and `:`"));
    }
    if roles.iter().any(|role| **role == *Actor::SYSTEM_ROLE) {
        return invalid("the role `system` belongs to the platform and is never given".to_owned());
    }
    if actor.roles.iter().any(|role| **role == *TokenService::ADMIN) {
        return Ok(());
    }
    let others: Vec<String> =
        roles.iter().filter(|role| !actor.roles.contains(role)).map(ToString::to_string).collect();
    if others.is_empty() { Ok(()) } else { Err(TokenFailure::NotHeld { roles: others }) }
}

impl TokenService {
    /// The role whose holders give any role.
    const ADMIN: &str = "admin";
}

fn damaged(error: &dyn std::fmt::Display) -> TokenFailure {
    TokenFailure::Damaged(error.to_string())
}
