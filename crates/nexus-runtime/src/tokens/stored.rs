//! How creations and revocations are written in the events of `$tokens`.

use nexus_core::{Digest, Json, RecordedEvent, Text, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The stream of the tokens.
pub(super) const TOKENS: &str = "$tokens";
pub(super) const AGGREGATE: &str = "TokenSet";
const TOKEN_CREATED: &str = "ApiTokenCreated";
const TOKEN_REVOKED: &str = "ApiTokenRevoked";

/// One change of what is known about tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenChange {
    Created { id: Text, digest: Digest, roles: Vec<Text>, description: String, expires: Option<Timestamp> },
    Revoked { id: Text },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenCreated {
    id: String,
    secret_digest: String,
    roles: Vec<String>,
    description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct TokenRevoked {
    id: String,
}

/// The type and the payload of the event that records a change.
pub(super) fn event_of(change: &TokenChange) -> Result<(&'static str, Json), serde_json::Error> {
    match change {
        TokenChange::Created { id, digest, roles, description, expires } => {
            let created = TokenCreated {
                id: id.to_string(),
                secret_digest: digest.to_string(),
                roles: roles.iter().map(ToString::to_string).collect(),
                description: description.clone(),
                expires_at: *expires,
            };
            Ok((TOKEN_CREATED, Json::from_serialize(&created)?))
        }
        TokenChange::Revoked { id } => Ok((TOKEN_REVOKED, Json::from_serialize(&TokenRevoked { id: id.to_string() })?)),
    }
}

/// The change that a stored event records, or a sentence that says why it cannot be understood.
pub(super) fn change_of(event: &RecordedEvent) -> Result<TokenChange, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("event at position {}: {error}", event.position);
    match event.event_type.as_str() {
        TOKEN_CREATED => {
            let stored: TokenCreated = event.payload.to().map_err(|error| damaged(&error))?;
            Ok(TokenChange::Created {
                id: Text::from(stored.id),
                digest: stored.secret_digest.parse().map_err(|error| damaged(&error))?,
                roles: stored.roles.into_iter().map(Text::from).collect(),
                description: stored.description,
                expires: stored.expires_at,
            })
        }
        TOKEN_REVOKED => {
            let stored: TokenRevoked = event.payload.to().map_err(|error| damaged(&error))?;
            Ok(TokenChange::Revoked { id: Text::from(stored.id) })
        }
        other => Err(damaged(&format_args!("`{other}` is no change of tokens that this version knows"))),
    }
}

/// The types of these events with their schemas.
pub(crate) fn own_schemas() -> [(&'static str, Value); 2] {
    [(TOKEN_CREATED, token_created_schema()), (TOKEN_REVOKED, token_revoked_schema())]
}

fn token_created_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TOKEN_CREATED,
        "description": "A token was issued. Its secret is not stored; the digest is SHA-256 over its 32 random bytes.",
        "type": "object",
        "properties": {
            "id": { "type": "string", "pattern": "^[0-9a-f]{16}$" },
            "secretDigest": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "roles": { "type": "array", "items": { "type": "string", "minLength": 1 } },
            "description": { "type": "string" },
            "expiresAt": { "type": "string", "format": "date-time" }
        },
        "required": ["id", "secretDigest", "roles", "description"]
    })
}

fn token_revoked_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TOKEN_REVOKED,
        "description": "A token is accepted no longer.",
        "type": "object",
        "properties": { "id": { "type": "string", "pattern": "^[0-9a-f]{16}$" } },
        "required": ["id"]
    })
}
