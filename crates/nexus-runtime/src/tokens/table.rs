use std::collections::BTreeMap;

use nexus_core::{Digest, RecordedEvent, Text, Timestamp};

use super::stored::{TokenChange, change_of};

/// What is known about a token. Its secret is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its public id, which is part of its text.
    pub id: Text,
    /// What it may act as.
    pub roles: Vec<Text>,
    /// What it is for, in the words of who created it.
    pub description: String,
    /// Who created it.
    pub created_by: Text,
    /// When.
    pub created_at: Timestamp,
    /// The moment from which it is refused; `None` for one that was asked for without an end.
    pub expires: Option<Timestamp>,
    /// Who revoked it and when, if somebody did.
    pub revoked: Option<Revocation>,
}

/// A revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Who revoked it.
    pub by: Text,
    /// When.
    pub at: Timestamp,
}

/// All tokens, as `$tokens` tells them.
#[derive(Debug, Default)]
pub(super) struct Table {
    tokens: BTreeMap<Text, Entry>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) info: TokenInfo,
    pub(super) digest: Digest,
}

impl Table {
    pub(super) fn find(&self, id: &str) -> Option<&Entry> {
        self.tokens.get(id)
    }

    /// All tokens, the newest first.
    pub(super) fn list(&self) -> Vec<TokenInfo> {
        let mut all: Vec<TokenInfo> = self.tokens.values().map(|entry| entry.info.clone()).collect();
        all.sort_by(|left, right| right.created_at.cmp(&left.created_at).then_with(|| left.id.cmp(&right.id)));
        all
    }

    /// Makes the change that a stored event records.
    pub(super) fn apply(&mut self, event: &RecordedEvent) -> Result<(), String> {
        // Texts of an event share the buffer it was read into; these are kept for long.
        let own = |text: &str| Text::from(text.to_owned());
        let by = own(event.metadata.user_id.as_deref().unwrap_or_default());
        match change_of(event)? {
            TokenChange::Created { id, digest, roles, description, expires } => {
                let info = TokenInfo {
                    id: id.clone(),
                    roles,
                    description,
                    created_by: by,
                    created_at: event.timestamp,
                    expires,
                    revoked: None,
                };
                match self.tokens.insert(id, Entry { info, digest }) {
                    None => Ok(()),
                    Some(twice) => Err(format!("the token {} is created twice", twice.info.id)),
                }
            }
            TokenChange::Revoked { id } => {
                let entry = self.tokens.get_mut(&id).ok_or_else(|| format!("there is no token {id} to revoke"))?;
                entry.info.revoked.get_or_insert(Revocation { by, at: event.timestamp });
                Ok(())
            }
        }
    }
}
