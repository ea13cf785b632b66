use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Mutex,
};

use nexus_core::{
    Digest, Json,
    ports::{RegisterError, SchemaDocument, SchemaKind, SchemaRef, SchemaRefusal, SchemaRegistry},
};
use serde_json::{Value, json};

use crate::fakes::locked::lock;

type Key = (SchemaKind, String, u32);

/// A registry that accepts every document of every type. Ids are given by first use; the newest version is 1 until a
/// higher one is used.
#[derive(Debug, Default)]
pub struct PermissiveSchemas {
    ids: Mutex<BTreeMap<Key, u32>>,
}

impl PermissiveSchemas {
    fn reference(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> SchemaRef {
        let mut ids = lock(&self.ids);
        let newest = || newest(&ids, kind, name).unwrap_or(1);
        let version = version.unwrap_or_else(newest);
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        let id = *ids.entry((kind, name.to_owned(), version)).or_insert(next);
        reference(id, kind, name, version)
    }
}

fn newest(ids: &BTreeMap<Key, u32>, kind: SchemaKind, name: &str) -> Option<u32> {
    let known = ids.keys().filter(|key| key.0 == kind && key.1 == name);
    known.map(|key| key.2).max()
}

fn reference(id: u32, kind: SchemaKind, name: &str, version: u32) -> SchemaRef {
    SchemaRef { id, kind, name: name.to_owned(), version, digest: digest_of(&(kind, name, version)) }
}

/// 32 bytes that depend on the value; for telling things apart, not for security.
pub(crate) fn digest_of(value: &impl Hash) -> Digest {
    let mut bytes = [0; 32];
    for (seed, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        (seed, value).hash(&mut hasher);
        chunk.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    Digest::from_bytes(bytes)
}

impl SchemaRegistry for PermissiveSchemas {
    fn check(&self, kind: SchemaKind, name: &str, version: Option<u32>, _: &Json) -> Result<SchemaRef, SchemaRefusal> {
        Ok(self.reference(kind, name, version))
    }

    fn register(&self, kind: SchemaKind, name: &str, _: &Value) -> Result<SchemaRef, RegisterError> {
        Ok(self.reference(kind, name, None))
    }

    fn find(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Option<SchemaDocument> {
        Some(SchemaDocument { reference: self.reference(kind, name, version), schema: json!(true) })
    }

    fn list(&self) -> Vec<SchemaDocument> {
        let ids = lock(&self.ids);
        let documents = ids.iter().filter(|((kind, name, version), _)| newest(&ids, *kind, name) == Some(*version));
        documents
            .map(|((kind, name, version), id)| SchemaDocument {
                reference: reference(*id, *kind, name, *version),
                schema: json!(true),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_given_by_first_use_and_kept() {
        let schemas = PermissiveSchemas::default();
        let check = |kind, name, version| schemas.check(kind, name, version, &Json::empty_object()).unwrap();
        let first = check(SchemaKind::Event, "OrderPlaced", None);
        assert_eq!((first.id, first.version), (1, 1));
        assert_eq!(check(SchemaKind::Command, "OrderPlaced", None).id, 2);
        let second = check(SchemaKind::Event, "OrderPlaced", Some(2));
        assert_eq!((second.id, second.version), (3, 2));
        assert_ne!(first.digest, second.digest);
        assert_eq!(check(SchemaKind::Event, "OrderPlaced", None), second);
        assert_eq!(check(SchemaKind::Event, "OrderPlaced", Some(1)), first);
        assert_eq!(schemas.list().len(), 2);
    }
}
