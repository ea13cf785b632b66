use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use nexus_core::{
    Digest, Json,
    ports::{RegisterError, SchemaDocument, SchemaKind, SchemaRef, SchemaRefusal, SchemaRegistry, Violation},
};
use serde_json::Value;

use crate::{canonical, compile::Compiled, graph::shown, limits};

/// A [`SchemaRegistry`] over JSON Schema, drafts 4 to 2020-12, all in memory.
///
/// A lookup holds a read lock for the length of a map access; compiling and checking happen outside of it.
///
/// ```
/// use nexus_core::{Json, ports::{SchemaKind, SchemaRegistry}};
/// use nexus_schema::JsonSchemaRegistry;
/// use serde_json::json;
///
/// let registry = JsonSchemaRegistry::new();
/// let schema = json!({ "type": "object", "properties": { "total": { "type": "integer", "minimum": 0 } } });
/// let reference = registry.register(SchemaKind::Event, "OrderPlaced", &schema).unwrap();
/// assert_eq!((reference.id, reference.version), (1, 1));
///
/// let good = Json::from_value(&json!({ "total": 3 }));
/// assert!(registry.check(SchemaKind::Event, "OrderPlaced", None, &good).is_ok());
/// let undeclared = Json::from_value(&json!({ "total": 3, "colour": "red" }));
/// assert!(registry.check(SchemaKind::Event, "OrderPlaced", None, &undeclared).is_err());
/// ```
#[derive(Default)]
pub struct JsonSchemaRegistry {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    events: HashMap<String, Versions>,
    commands: HashMap<String, Versions>,
    ids: HashSet<u32>,
    /// The highest id ever given.
    last_id: u32,
}

/// The versions of one name, ascending.
type Versions = Vec<Arc<Entry>>;

struct Entry {
    reference: SchemaRef,
    schema: Value,
    compiled: Compiled,
}

impl JsonSchemaRegistry {
    /// A registry without schemas.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts back a schema that was registered earlier, under the id and version it was given then. Used at start-up
    /// to rebuild the registry from what was stored; restoring the same registration twice changes nothing.
    ///
    /// # Errors
    /// When the schema is not usable, does not have the digest of the reference, or its id or version is taken by
    /// another registration.
    pub fn restore(&self, reference: SchemaRef, schema: Value) -> Result<(), RegisterError> {
        check_name(&reference.name)?;
        let digest = canonical_digest(&schema)?;
        if digest != reference.digest {
            return Err(invalid(format!(
                "the stored schema has the digest {digest}, its registration says {}",
                reference.digest
            )));
        }
        if reference.id == 0 || reference.version == 0 {
            return Err(invalid("ids and versions start at 1".to_owned()));
        }
        let compiled = Compiled::new(&schema).map_err(invalid)?;
        let mut state = self.write();
        let versions = state.versions(reference.kind).get(&reference.name);
        let taken = versions.and_then(|all| find_version(all, reference.version));
        if let Some(entry) = taken {
            return if entry.reference == reference {
                Ok(())
            } else {
                Err(invalid(format!("version {} of `{}` is taken", reference.version, reference.name)))
            };
        }
        if state.ids.contains(&reference.id) {
            return Err(invalid(format!("the id {} is taken", reference.id)));
        }
        state.insert(Entry { reference, schema, compiled });
        Ok(())
    }

    /// Registers a schema as the version wanted, or as the next.
    fn add(
        &self,
        kind: SchemaKind,
        name: &str,
        wanted: Option<u32>,
        schema: &Value,
    ) -> Result<SchemaRef, RegisterError> {
        check_name(name)?;
        let digest = canonical_digest(schema)?;
        if let Some(known) = self.read().same(kind, name, digest) {
            return Ok(known);
        }
        let compiled = Compiled::new(schema).map_err(invalid)?;
        let mut state = self.write();
        // Somebody else may have registered it while this one was compiled.
        if let Some(known) = state.same(kind, name, digest) {
            return Ok(known);
        }
        let newest = state.versions(kind).get(name).and_then(|versions| versions.last());
        let newest = newest.map_or(0, |newest| newest.reference.version);
        if let Some(taken) = wanted.filter(|wanted| *wanted <= newest) {
            return Err(invalid(format!("version {taken} of `{name}` is taken or passed; the newest is {newest}")));
        }
        let version = wanted.or_else(|| newest.checked_add(1));
        let (Some(id), Some(version)) = (state.last_id.checked_add(1), version) else {
            return Err(invalid("there are no ids left".to_owned()));
        };
        let reference = SchemaRef { id, kind, name: name.to_owned(), version, digest };
        state.insert(Entry { reference: reference.clone(), schema: schema.clone(), compiled });
        Ok(reference)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // A panic while the lock is held cannot leave the maps half changed in a way that matters.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Result<Arc<Entry>, SchemaRefusal> {
        let state = self.read();
        let Some(versions) = state.versions(kind).get(name) else {
            return Err(SchemaRefusal::UnknownType {
                kind,
                name: name.to_owned(),
                nearest: nearest(state.versions(kind).keys(), name),
            });
        };
        let found = match version {
            None => versions.last(),
            Some(version) => find_version(versions, version),
        };
        found.cloned().ok_or_else(|| SchemaRefusal::UnknownVersion {
            name: name.to_owned(),
            version: version.unwrap_or(0),
            newest: versions.last().map_or(0, |newest| newest.reference.version),
        })
    }
}

impl SchemaRegistry for JsonSchemaRegistry {
    fn check(
        &self,
        kind: SchemaKind,
        name: &str,
        version: Option<u32>,
        document: &Json,
    ) -> Result<SchemaRef, SchemaRefusal> {
        let entry = self.entry(kind, name, version)?;
        let violations = match document.to_value() {
            Ok(value) => entry.compiled.violations(&value),
            Err(error) => vec![Violation {
                pointer: String::new(),
                keyword: "json".to_owned(),
                message: format!("expected a JSON document: {error}"),
            }],
        };
        if violations.is_empty() {
            Ok(entry.reference.clone())
        } else {
            Err(SchemaRefusal::Invalid { schema: entry.reference.clone(), violations })
        }
    }

    fn register(&self, kind: SchemaKind, name: &str, schema: &Value) -> Result<SchemaRef, RegisterError> {
        self.add(kind, name, None, schema)
    }

    fn register_at(
        &self,
        kind: SchemaKind,
        name: &str,
        version: u32,
        schema: &Value,
    ) -> Result<SchemaRef, RegisterError> {
        self.add(kind, name, Some(version), schema)
    }

    fn find(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Option<SchemaDocument> {
        let state = self.read();
        let versions = state.versions(kind).get(name)?;
        let entry = match version {
            None => versions.last(),
            Some(version) => find_version(versions, version),
        };
        entry.map(|entry| entry.document())
    }

    fn list(&self) -> Vec<SchemaDocument> {
        let state = self.read();
        let newest = |all: &HashMap<String, Versions>| -> Vec<Arc<Entry>> {
            let mut entries: Vec<_> = all.values().filter_map(|versions| versions.last()).cloned().collect();
            entries.sort_unstable_by(|a, b| a.reference.name.cmp(&b.reference.name));
            entries
        };
        let entries = [newest(&state.events), newest(&state.commands)].concat();
        drop(state);
        entries.iter().map(|entry| entry.document()).collect()
    }
}

impl State {
    fn versions(&self, kind: SchemaKind) -> &HashMap<String, Versions> {
        match kind {
            SchemaKind::Event => &self.events,
            SchemaKind::Command => &self.commands,
        }
    }

    fn same(&self, kind: SchemaKind, name: &str, digest: Digest) -> Option<SchemaRef> {
        let versions = self.versions(kind).get(name)?;
        let entry = versions.iter().find(|entry| entry.reference.digest == digest)?;
        Some(entry.reference.clone())
    }

    fn insert(&mut self, entry: Entry) {
        let reference = &entry.reference;
        self.ids.insert(reference.id);
        self.last_id = self.last_id.max(reference.id);
        let by_name = match reference.kind {
            SchemaKind::Event => &mut self.events,
            SchemaKind::Command => &mut self.commands,
        };
        let versions = by_name.entry(reference.name.clone()).or_default();
        let place = versions.partition_point(|other| other.reference.version < reference.version);
        versions.insert(place, Arc::new(entry));
    }
}

impl Entry {
    fn document(&self) -> SchemaDocument {
        SchemaDocument { reference: self.reference.clone(), schema: self.schema.clone() }
    }
}

fn find_version(versions: &Versions, version: u32) -> Option<&Arc<Entry>> {
    let place = versions.binary_search_by_key(&version, |entry| entry.reference.version).ok()?;
    versions.get(place)
}

fn check_name(name: &str) -> Result<(), RegisterError> {
    limits::check_name(name)
        .map_err(|reason| RegisterError::InvalidName { name: shown(name), reason: reason.to_owned() })
}

fn canonical_digest(schema: &Value) -> Result<Digest, RegisterError> {
    limits::check_size(schema).map_err(invalid)?;
    Ok(canonical::digest(schema))
}

fn invalid(reason: String) -> RegisterError {
    RegisterError::Invalid { reason }
}

/// Up to three registered names that look like `name`, nearest first.
fn nearest<'a>(names: impl Iterator<Item = &'a String>, name: &str) -> Vec<String> {
    const MIN_LIKENESS: f64 = 0.75;
    if name.len() > 128 {
        return Vec::new();
    }
    let wanted = name.to_lowercase();
    let mut alike: Vec<(f64, &String)> = names
        .map(|other| (strsim::jaro_winkler(&wanted, &other.to_lowercase()), other))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    alike.into_iter().take(3).map(|(_, other)| other.clone()).collect()
}
