//! One self-contained document from a schema and the registered schemas it refers to.
//!
//! Each referenced schema is copied under `$defs` once, and every reference to it becomes a place in the document.
//! What is checked, closed and compared is this document; what is stored is the original. Nothing is ever fetched:
//! a reference that is not among the named ones stays as it is, and is refused as leading out of the document.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jsonschema::Draft;
use nexus_core::ports::{RegisterError, RegisteredSchema, SchemaLink};
use serde_json::{Map, Value};

use crate::{
    canonical,
    compile::draft_of,
    graph::{join, shown},
    limits,
};

/// Finds the schema that a link names.
pub(crate) type Find<'a> = &'a dyn Fn(&SchemaLink) -> Option<Arc<RegisteredSchema>>;

/// Keywords whose members are schemas by name.
const BY_NAME: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
/// Keywords whose value is data, not a schema.
const DATA: [&str; 4] = ["enum", "const", "default", "examples"];

/// The schema as one document.
///
/// # Errors
/// When a link leads nowhere or in a circle, or what it leads to cannot be copied.
pub(crate) fn bundle<'a>(
    schema: &'a Value,
    links: &[SchemaLink],
    find: Find<'_>,
) -> Result<Cow<'a, Value>, RegisterError> {
    if links.is_empty() && own_id(schema).is_none() {
        return Ok(Cow::Borrowed(schema));
    }
    let draft = draft_of(schema).map_err(|reason| RegisterError::Invalid { reason })?;
    let old = matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
    let mut bundler = Bundler {
        find,
        draft,
        keyword: if old { "definitions" } else { "$defs" },
        placed: HashMap::new(),
        taken: HashSet::new(),
        path: Vec::new(),
        bytes: 0,
        definitions: Map::new(),
    };
    let present = schema.get(bundler.keyword).and_then(Value::as_object);
    bundler.taken.extend(present.into_iter().flatten().map(|(name, _)| name.clone()));
    let mut document = bundler.copied(schema, links, "")?;
    if let Some(members) = document.as_object_mut().filter(|_| !bundler.definitions.is_empty()) {
        let place = members.entry(bundler.keyword).or_insert_with(|| Value::Object(Map::new()));
        if let Some(place) = place.as_object_mut() {
            place.extend(bundler.definitions);
        }
    }
    Ok(Cow::Owned(document))
}

struct Bundler<'a> {
    find: Find<'a>,
    draft: Draft,
    /// Where definitions are, in this draft.
    keyword: &'static str,
    /// Where each schema was put: id → name.
    placed: HashMap<u32, String>,
    /// Names that are used.
    taken: HashSet<String>,
    /// The schemas being copied, outermost first.
    path: Vec<u32>,
    bytes: usize,
    definitions: Map<String, Value>,
}

impl Bundler<'_> {
    /// A schema with its references led to where they are in the bundle; `prefix` is its own place there.
    fn copied(&mut self, schema: &Value, links: &[SchemaLink], prefix: &str) -> Result<Value, RegisterError> {
        let mut targets = HashMap::new();
        for link in links {
            let target = self.place(link)?;
            if targets.insert(link.name.as_str(), target).is_some() {
                return Err(refused(&link.name, "it is named twice"));
            }
        }
        let own = own_id(schema);
        let copying = Copying { prefix, own, anchors: anchors(schema, prefix), targets };
        copying.schema(schema)
    }

    /// Puts the schema a link names into the bundle, once.
    fn place(&mut self, link: &SchemaLink) -> Result<Target, RegisterError> {
        let unknown = || format!("there is no {} with version {}", link.subject, link.version);
        let found = (self.find)(link).ok_or_else(|| refused(&link.name, unknown()))?;
        let id = found.reference.id;
        if self.path.contains(&id) {
            return Err(refused(&link.name, format!("{} refers to itself through it", link.subject)));
        }
        if let Some(name) = self.placed.get(&id) {
            let prefix = join(&format!("/{}", self.keyword), name);
            return Ok(Target { anchors: anchors(&found.schema, &prefix), prefix });
        }
        if found.schema.get("$schema").is_some() && draft_of(&found.schema) != Ok(self.draft) {
            return Err(refused(&link.name, "it is written in another draft of JSON Schema"));
        }
        self.bytes += canonical::text(&found.schema).len();
        if self.bytes > limits::MAX_BYTES {
            let reason = format!("with everything it refers to, the schema has more than {} bytes", limits::MAX_BYTES);
            return Err(refused(&link.name, reason));
        }
        let name = self.free_name(&found);
        let prefix = join(&format!("/{}", self.keyword), &name);
        self.path.push(id);
        let content = self.copied(&found.schema, &found.links, &prefix)?;
        self.path.pop();
        self.placed.insert(id, name.clone());
        self.definitions.insert(name, content);
        Ok(Target { anchors: anchors(&found.schema, &prefix), prefix })
    }

    fn free_name(&mut self, schema: &RegisteredSchema) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' };
        let name: String = schema.reference.name.chars().take(64).map(plain).collect();
        let mut name = format!("{name}.{}", schema.reference.version);
        while !self.taken.insert(name.clone()) {
            name.push('_');
        }
        name
    }
}

/// Where a referenced schema is in the bundle.
struct Target {
    prefix: String,
    anchors: HashMap<String, String>,
}

/// How one document is copied.
struct Copying<'a> {
    prefix: &'a str,
    own: Option<&'a str>,
    anchors: HashMap<String, String>,
    targets: HashMap<&'a str, Target>,
}

impl Copying<'_> {
    fn schema(&self, schema: &Value) -> Result<Value, RegisterError> {
        match schema {
            Value::Object(members) => {
                let mut copied = Map::new();
                for (keyword, value) in members {
                    if let Some(value) = self.keyword(keyword, value)? {
                        copied.insert(keyword.clone(), value);
                    }
                }
                Ok(Value::Object(copied))
            }
            Value::Array(parts) => parts.iter().map(|part| self.schema(part)).collect(),
            other => Ok(other.clone()),
        }
    }

    /// The value of one keyword in the bundle; `None` when it is left out there.
    fn keyword(&self, keyword: &str, value: &Value) -> Result<Option<Value>, RegisterError> {
        let embedded = !self.prefix.is_empty();
        match (keyword, value) {
            ("$ref", Value::String(target)) => Ok(Some(self.target(target).into())),
            ("$dynamicRef" | "$recursiveRef", Value::String(target)) if embedded => {
                Err(refused(target, format!("`{keyword}` cannot be followed in a schema that others refer to")))
            }
            ("$schema" | "$id" | "id" | "$anchor" | "$dynamicAnchor", Value::String(_)) if embedded => Ok(None),
            (keyword, Value::Object(members)) if BY_NAME.contains(&keyword) => {
                let copied = members.iter().map(|(name, part)| Ok((name.clone(), self.schema(part)?)));
                Ok(Some(Value::Object(copied.collect::<Result<_, RegisterError>>()?)))
            }
            (keyword, value) if DATA.contains(&keyword) => Ok(Some(value.clone())),
            (_, value) => self.schema(value).map(Some),
        }
    }

    /// A reference as it reads in the bundle.
    fn target(&self, target: &str) -> String {
        let (document, fragment) = target.split_once('#').unwrap_or((target, ""));
        if document.is_empty() && self.prefix.is_empty() {
            return target.to_owned();
        }
        if document.is_empty() || self.own == Some(document) {
            return place(self.prefix, &self.anchors, fragment).unwrap_or_else(|| target.to_owned());
        }
        let named = self.targets.get(document).or_else(|| {
            let base = self.own?.rsplit_once('/')?.0;
            let resolved = format!("{base}/{document}");
            self.targets.get(resolved.as_str())
        });
        let named = named.and_then(|named| place(&named.prefix, &named.anchors, fragment));
        named.unwrap_or_else(|| target.to_owned())
    }
}

/// A fragment of a document that is at `prefix`, as a reference.
fn place(prefix: &str, anchors: &HashMap<String, String>, fragment: &str) -> Option<String> {
    if fragment.is_empty() || fragment.starts_with('/') {
        return Some(format!("#{prefix}{fragment}"));
    }
    anchors.get(fragment).map(|pointer| format!("#{pointer}"))
}

/// The places of a document's anchors in the bundle.
fn anchors(schema: &Value, prefix: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut pending = vec![(prefix.to_owned(), schema)];
    while let Some((pointer, value)) = pending.pop() {
        match value {
            Value::Object(members) => {
                let old = ["$id", "id"].iter().filter_map(|keyword| members.get(*keyword)?.as_str()?.strip_prefix('#'));
                let new = members.get("$anchor").and_then(Value::as_str);
                for name in old.chain(new) {
                    found.entry(name.to_owned()).or_insert_with(|| encoded(&pointer));
                }
                pending.extend(members.iter().map(|(name, member)| (join(&pointer, name), member)));
            }
            Value::Array(items) => {
                let item = |(index, item)| (join(&pointer, &format!("{index}")), item);
                pending.extend(items.iter().enumerate().map(item));
            }
            _ => {}
        }
    }
    found
}

/// A JSON Pointer as a fragment of a URI.
fn encoded(pointer: &str) -> String {
    let mut text = String::new();
    for byte in pointer.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@?".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The `$id` of a whole document, without an empty fragment.
fn own_id(schema: &Value) -> Option<&str> {
    let id = schema.get("$id").or_else(|| schema.get("id")).and_then(Value::as_str)?;
    let id = id.strip_suffix('#').unwrap_or(id);
    Some(id).filter(|id| !id.is_empty() && !id.contains('#'))
}

fn refused(name: &str, reason: impl Into<String>) -> RegisterError {
    RegisterError::Reference { name: shown(name), reason: reason.into() }
}
