use std::collections::HashMap;

use nexus_core::json::check_strict;
use serde_json::Value;

use crate::key::{Key, KeyError};

/// The keys of one issuer, by id. An id that a token names is looked up here and used for nothing else.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: HashMap<String, Key>,
}

impl KeySet {
    /// Most keys of a set.
    pub const MAX_KEYS: usize = 64;

    /// A set of these keys.
    ///
    /// # Errors
    /// [`KeyError::SameId`] when two cannot be told apart, [`KeyError::Empty`] when there are none.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for key in keys {
            let id = key.id().unwrap_or_default().to_owned();
            if set.keys.insert(id.clone(), key).is_some() {
                return Err(KeyError::SameId(id.chars().take(64).collect()));
            }
        }
        if set.keys.is_empty() { Err(KeyError::Empty("it has none".to_owned())) } else { Ok(set) }
    }

    /// Reads a JWK set (RFC 7517, section 5). Keys for other purposes are passed over; a set may well have them.
    ///
    /// # Errors
    /// [`KeyError`], also when a private key is among them: whoever published it must replace it.
    pub fn from_jwks(document: &[u8]) -> Result<Self, KeyError> {
        check_strict(document).map_err(|error| KeyError::NoSet(error.to_string()))?;
        let document: Value = serde_json::from_slice(document).map_err(|error| KeyError::NoSet(error.to_string()))?;
        let Some(all) = document.get("keys").and_then(Value::as_array) else {
            return Err(KeyError::NoSet("it has no list `keys`".to_owned()));
        };
        if all.len() > Self::MAX_KEYS {
            return Err(KeyError::NoSet(format!("{} keys are more than {}", all.len(), Self::MAX_KEYS)));
        }
        let (mut keys, mut passed_over) = (Vec::new(), Vec::new());
        for value in all {
            match Key::from_jwk(value) {
                Ok(key) => keys.push(key),
                Err(KeyError::Private) => return Err(KeyError::Private),
                Err(other) => passed_over.push(other.to_string()),
            }
        }
        if keys.is_empty() {
            return Err(KeyError::Empty(passed_over.join("; ")));
        }
        Self::new(keys)
    }

    /// The key a token names. One that names none can only mean the single key there is.
    pub(crate) fn find(&self, id: Option<&str>) -> Option<&Key> {
        match id {
            Some(id) => self.keys.get(id),
            None if self.keys.len() == 1 => self.keys.values().next(),
            None => None,
        }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
