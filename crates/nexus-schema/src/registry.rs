use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use nexus_core::{
    Digest, Json,
    ports::{
        RegisterError, RegisteredSchema, Registration, SchemaDocument, SchemaKind, SchemaLink, SchemaRef,
        SchemaRefusal, SchemaRegistry, SchemaUpcaster, SemanticVersion, Subject,
    },
};
use serde_json::{Value, json};

use crate::{
    bundle::bundle,
    cache::Cache,
    canonical, compat,
    compile::Compiled,
    graph::shown,
    limits,
    state::{Entry, State},
};

/// A [`SchemaRegistry`] over JSON Schema, drafts 4 to 2020-12, all in memory.
///
/// A lookup holds a read lock for the length of a map access; compiling and checking happen outside of it. Schemas
/// are compiled when they are first needed, and as many are kept compiled as a bound allows.
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
pub struct JsonSchemaRegistry {
    state: RwLock<State>,
    validators: Cache<Compiled>,
    prepared: Cache<compat::Version>,
}

impl Default for JsonSchemaRegistry {
    fn default() -> Self {
        Self {
            state: RwLock::default(),
            validators: Cache::new(Self::MAX_COMPILED),
            prepared: Cache::new(Self::MAX_PREPARED),
        }
    }
}

impl JsonSchemaRegistry {
    /// Most schemas kept compiled.
    const MAX_COMPILED: usize = 4096;

    /// Most versions kept ready for comparison; one takes some ten times as much as a compiled schema.
    const MAX_PREPARED: usize = 256;

    /// A registry without schemas.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a schema known as the version `at`, or as the next.
    fn add(&self, kind: SchemaKind, name: &str, at: Option<u32>, schema: &Value) -> Result<SchemaRef, RegisterError> {
        let wanted = Registration::new(Subject::new(kind, name), schema.clone());
        let digest = digest_of(&wanted)?;
        if let Some(known) = self.read().of(&wanted.subject).and_then(|versions| versions.same(digest)) {
            return Ok(known.known.reference.clone());
        }
        Compiled::new(schema).map_err(invalid)?;
        let mut state = self.write();
        // Somebody else may have registered it while this one was compiled.
        let known = state.of(&wanted.subject).and_then(|versions| versions.same(digest));
        if let Some(known) = known {
            return Ok(known.known.reference.clone());
        }
        let (id, next) = state.next(&wanted.subject).ok_or_else(no_ids_left)?;
        let version = at.unwrap_or(next);
        if version < next {
            let newest = next - 1;
            return Err(invalid(format!("version {version} of `{name}` is taken or passed; the newest is {newest}")));
        }
        let reference = SchemaRef { id, kind, name: name.to_owned(), version, digest };
        // Nothing is known about the change, so it counts as the largest.
        let semantic = SemanticVersion { major: version, minor: 0, patch: 0 };
        state.insert(registered(wanted, reference.clone(), semantic, None))?;
        Ok(reference)
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        // A panic while the lock is held cannot leave the maps half changed in a way that matters.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Result<Arc<Entry>, SchemaRefusal> {
        let state = self.read();
        let versions = state.versions(kind, name);
        let Some((versions, newest)) = versions.and_then(|versions| Some((versions, versions.newest()?))) else {
            return Err(SchemaRefusal::UnknownType {
                kind,
                name: name.to_owned(),
                nearest: nearest(state.names(kind), name),
            });
        };
        let found = match version {
            None => Some(newest),
            Some(version) => versions.version(version).filter(|entry| entry.known.deleted.is_none()),
        };
        found.cloned().ok_or_else(|| SchemaRefusal::UnknownVersion {
            name: name.to_owned(),
            version: version.unwrap_or(0),
            newest: newest.known.reference.version,
        })
    }

    /// The schema with everything it refers to, as one document.
    pub(crate) fn bundled<'a>(&self, schema: &'a Value, links: &[SchemaLink]) -> Result<Cow<'a, Value>, RegisterError> {
        bundle(schema, links, &|link| self.read().linked(link))
    }

    pub(crate) fn checked(&self, entry: &Entry, document: &Json) -> Result<SchemaRef, SchemaRefusal> {
        let schema = entry.known.reference.clone();
        let violations = match self.compiled(entry) {
            Ok(compiled) => compiled.violations(document),
            Err(error) => return Err(SchemaRefusal::Unusable { schema, reason: error.to_string() }),
        };
        if violations.is_empty() { Ok(schema) } else { Err(SchemaRefusal::Invalid { schema, violations }) }
    }

    fn compiled(&self, entry: &Entry) -> Result<Arc<Compiled>, RegisterError> {
        self.validators.get(&entry.compiled, || {
            let document = self.bundled(&entry.known.schema, &entry.known.links)?;
            Compiled::new(&document).map(Arc::new).map_err(invalid)
        })
    }

    /// A registered version ready to be compared with another.
    pub(crate) fn prepared(&self, entry: &Entry) -> Result<Arc<compat::Version>, RegisterError> {
        self.prepared.get(&entry.prepared, || {
            let document = self.bundled(&entry.known.schema, &entry.known.links)?;
            compat::Version::new(document.into_owned()).map(Arc::new).map_err(invalid)
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
        self.checked(&entry, document)
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
        let versions = state.versions(kind, name)?;
        let entry = match version {
            None => versions.newest(),
            Some(version) => versions.version(version),
        };
        entry.map(|entry| entry.document())
    }

    fn list(&self) -> Vec<SchemaDocument> {
        let newest = self.read().newest();
        newest.iter().map(|entry| entry.document()).collect()
    }
}

/// A schema as it is kept.
pub(crate) fn registered(
    wanted: Registration,
    reference: SchemaRef,
    semantic: SemanticVersion,
    upcaster: Option<SchemaUpcaster>,
) -> RegisteredSchema {
    let written = wanted.schema.to_string();
    let text = wanted.text.filter(|text| *text != written);
    let annotated = wanted.schema.get("x-nexus-owner").and_then(Value::as_str).map(str::to_owned);
    RegisteredSchema {
        reference,
        semantic,
        owner: wanted.owner.or(annotated),
        schema: wanted.schema,
        text,
        links: wanted.links,
        upcaster,
        deleted: None,
    }
}

/// Tells schemas apart: what they say and what they refer to.
///
/// # Errors
/// When the name or the schema is beyond what is looked at.
pub(crate) fn digest_of(wanted: &Registration) -> Result<Digest, RegisterError> {
    let name = &wanted.subject.name;
    limits::check_name(name)
        .map_err(|reason| RegisterError::InvalidName { name: shown(name), reason: reason.to_owned() })?;
    limits::check_size(&wanted.schema).map_err(invalid)?;
    if wanted.links.is_empty() {
        return Ok(canonical::digest(&wanted.schema));
    }
    let link = |link: &SchemaLink| {
        let subject = &link.subject;
        json!({ "name": link.name, "kind": subject.kind.to_string(), "subject": subject.name, "version": link.version })
    };
    let links: Vec<Value> = wanted.links.iter().map(link).collect();
    Ok(canonical::digest(&json!({ "schema": wanted.schema, "references": links })))
}

pub(crate) fn invalid(reason: String) -> RegisterError {
    RegisterError::Invalid { reason }
}

pub(crate) fn no_ids_left() -> RegisterError {
    invalid("there are no ids left".to_owned())
}

/// Up to three registered names that look like `name`, nearest first.
fn nearest<T>(names: &HashMap<String, T>, name: &str) -> Vec<String> {
    const MIN_LIKENESS: f64 = 0.75;
    if name.len() > 128 {
        return Vec::new();
    }
    let wanted = name.to_lowercase();
    let mut alike: Vec<(f64, &String)> = names
        .keys()
        .map(|other| (strsim::jaro_winkler(&wanted, &other.to_lowercase()), other))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    alike.into_iter().take(3).map(|(_, other)| other.clone()).collect()
}
