use std::{
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use jsonschema::Validator;
use nexus_core::{
    Digest, Json,
    ports::{RegisterError, SchemaDocument, SchemaKind, SchemaRef, SchemaRefusal, SchemaRegistry, Violation},
};
use nexus_testkit::contract::SchemaRegistryFixture;
use serde_json::{Value, json};

/// One thing that is wrong; nothing, unless overridden.
pub(crate) trait SchemaFlaw: Send + Sync + 'static {
    fn closed(root: &Value) -> Value {
        close(root, root)
    }

    fn violations(right: Vec<Violation>) -> Vec<Violation> {
        right
    }
}

pub(crate) struct ReferenceSchemas<W> {
    entries: Arc<Mutex<Vec<Entry>>>,
    flaw: PhantomData<W>,
}

struct Entry {
    document: SchemaDocument,
    validator: Validator,
}

impl<W: SchemaFlaw> SchemaRegistryFixture for ReferenceSchemas<W> {
    fn start() -> Self {
        Self { entries: Arc::default(), flaw: PhantomData }
    }

    fn registry(&self) -> Arc<dyn SchemaRegistry> {
        Arc::new(Self { entries: Arc::clone(&self.entries), flaw: PhantomData })
    }
}

impl<W: SchemaFlaw> SchemaRegistry for ReferenceSchemas<W> {
    fn check(
        &self,
        kind: SchemaKind,
        name: &str,
        version: Option<u32>,
        document: &Json,
    ) -> Result<SchemaRef, SchemaRefusal> {
        let entries = self.entries.lock().unwrap();
        let versions = of(&entries, kind, name);
        let Some(newest) = versions.last() else {
            return Err(SchemaRefusal::UnknownType {
                kind,
                name: name.to_owned(),
                nearest: nearest(&entries, kind, name),
            });
        };
        let newest = newest.document.reference.version;
        let wanted = version.unwrap_or(newest);
        let Some(entry) = versions.into_iter().find(|entry| entry.document.reference.version == wanted) else {
            return Err(SchemaRefusal::UnknownVersion { name: name.to_owned(), version: wanted, newest });
        };
        let schema = entry.document.reference.clone();
        let document = document.to_value().unwrap();
        let violation = |error: jsonschema::ValidationError<'_>| Violation {
            pointer: error.instance_path().to_string(),
            keyword: error.kind().keyword().to_owned(),
            message: error.to_string(),
        };
        let violations = entry.validator.iter_errors(&document).map(violation).take(100).collect();
        match W::violations(violations) {
            none if none.is_empty() => Ok(schema),
            violations => Err(SchemaRefusal::Invalid { schema, violations }),
        }
    }

    fn register(&self, kind: SchemaKind, name: &str, schema: &Value) -> Result<SchemaRef, RegisterError> {
        if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
            return Err(RegisterError::InvalidName {
                name: name.to_owned(),
                reason: "it is empty, too long or not printable".to_owned(),
            });
        }
        let invalid = |reason: String| RegisterError::Invalid { reason };
        if !schema.is_object() && !schema.is_boolean() {
            return Err(invalid("a schema is an object or a boolean".to_owned()));
        }
        if let Some(target) = remote(schema) {
            return Err(invalid(format!("`{target}` leads out of the schema")));
        }
        // The original first: closing would hide what is wrong with it.
        let build = |schema: &Value| jsonschema::options().should_validate_formats(true).build(schema);
        build(schema).map_err(|error| invalid(error.to_string()))?;
        let validator = build(&W::closed(schema)).map_err(|error| invalid(error.to_string()))?;
        let mut entries = self.entries.lock().unwrap();
        let versions = of(&entries, kind, name);
        if let Some(same) = versions.iter().find(|entry| entry.document.schema == *schema) {
            return Ok(same.document.reference.clone());
        }
        let number = u32::try_from(entries.len() + 1).unwrap();
        let reference = SchemaRef {
            id: number,
            kind,
            name: name.to_owned(),
            version: u32::try_from(versions.len() + 1).unwrap(),
            digest: Digest::from_bytes([u8::try_from(number).unwrap(); 32]),
        };
        let document = SchemaDocument { reference: reference.clone(), schema: schema.clone() };
        entries.push(Entry { document, validator });
        Ok(reference)
    }

    fn find(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Option<SchemaDocument> {
        let entries = self.entries.lock().unwrap();
        let mut versions = of(&entries, kind, name).into_iter();
        let wanted = |entry: &&Entry| version.is_none_or(|version| entry.document.reference.version == version);
        versions.rfind(wanted).map(|entry| entry.document.clone())
    }

    fn list(&self) -> Vec<SchemaDocument> {
        let entries = self.entries.lock().unwrap();
        let mut documents: Vec<_> = entries.iter().map(|entry| entry.document.clone()).collect();
        let place = |document: &SchemaDocument| {
            let reference = &document.reference;
            (reference.kind, reference.name.clone(), u32::MAX - reference.version)
        };
        documents.sort_by_key(place);
        documents.dedup_by_key(|document| (document.reference.kind, document.reference.name.clone()));
        documents
    }
}

/// The versions of one type, oldest first.
fn of<'a>(entries: &'a [Entry], kind: SchemaKind, name: &str) -> Vec<&'a Entry> {
    let same = |entry: &&Entry| entry.document.reference.kind == kind && entry.document.reference.name == name;
    entries.iter().filter(same).collect()
}

/// Names that share most of their letter pairs with `name`, most first.
fn nearest(entries: &[Entry], kind: SchemaKind, name: &str) -> Vec<String> {
    let pairs = |text: &str| text.as_bytes().windows(2).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let wanted = pairs(name);
    let likeness = |known: &String| pairs(known).iter().filter(|pair| wanted.contains(pair)).count();
    let of_kind = entries.iter().map(|entry| &entry.document.reference).filter(|known| known.kind == kind);
    let mut names: Vec<String> = of_kind.map(|known| known.name.clone()).collect();
    names.retain(|known| likeness(known) * 3 > wanted.len());
    names.sort_by_key(|known| std::cmp::Reverse(likeness(known)));
    names
}

/// A reference that is not to a place in this document.
fn remote(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(members) => members.iter().find_map(|(name, value)| match (name.as_str(), value.as_str()) {
            ("$ref" | "$dynamicRef", Some(target)) if !target.starts_with('#') => Some(target),
            _ => remote(value),
        }),
        Value::Array(items) => items.iter().find_map(remote),
        _ => None,
    }
}

/// The schema with every object that stands alone closed to members it does not declare.
fn close(schema: &Value, root: &Value) -> Value {
    let Value::Object(members) = schema else {
        return schema.clone();
    };
    let mut closed = members.clone();
    for (name, value) in &mut closed {
        match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(|property| *property = close(property, root));
            }
            ("items" | "additionalProperties", value) => *value = close(value, root),
            _ => {}
        }
    }
    let says = |name: &str| members.contains_key(name);
    if declares(schema, root) && !says("additionalProperties") && !says("unevaluatedProperties") {
        closed.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    Value::Object(closed)
}

/// Whether a schema, or one it is composed of, declares members.
fn declares(schema: &Value, root: &Value) -> bool {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| root.pointer(target.strip_prefix('#')?));
    let branches = ["allOf", "anyOf", "oneOf"].iter().filter_map(|name| schema.get(name)?.as_array()).flatten();
    schema.get("properties").is_some() || target.into_iter().chain(branches).any(|part| declares(part, root))
}

struct Right;
impl SchemaFlaw for Right {}

nexus_testkit::schema_registry_contract!(ReferenceSchemas<Right>);
