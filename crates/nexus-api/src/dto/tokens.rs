use nexus_runtime::TokenInfo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is known about a token. Its secret is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenDto {
    /// Its public id.
    pub id: String,
    /// What the ids of events and decisions call its bearer.
    pub actor: String,
    /// What it may act as.
    pub roles: Vec<String>,
    /// What it is for.
    pub description: String,
    /// Who created it.
    pub created_by: String,
    /// When.
    pub created_at: String,
    /// The moment from which it is refused; null for one without an end.
    #[schema(required = true)]
    pub expires_at: Option<String>,
    /// When it was revoked, if it was.
    #[schema(required = true)]
    pub revoked_at: Option<String>,
    /// Who revoked it, if somebody did.
    #[schema(required = true)]
    pub revoked_by: Option<String>,
}

/// A token that was issued.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenCreatedDto {
    /// The token itself. The server does not keep it, so this is the only time it is told.
    pub token: String,
    /// What is known about it from now on.
    #[serde(flatten)]
    pub info: TokenDto,
}

/// Tokens, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenList {
    /// The tokens.
    pub tokens: Vec<TokenDto>,
}

impl From<TokenInfo> for TokenDto {
    fn from(info: TokenInfo) -> Self {
        let TokenInfo { id, roles, description, created_by, created_at, expires, revoked } = info;
        Self {
            actor: format!("{}{id}", nexus_core::ports::Credential::TOKEN_ACTOR),
            id: id.to_string(),
            roles: roles.iter().map(ToString::to_string).collect(),
            description,
            created_by: created_by.to_string(),
            created_at: created_at.to_string(),
            expires_at: expires.map(|moment| moment.to_string()),
            revoked_at: revoked.as_ref().map(|revoked| revoked.at.to_string()),
            revoked_by: revoked.map(|revoked| revoked.by.to_string()),
        }
    }
}
