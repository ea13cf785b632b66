use std::{collections::BTreeMap, ops::Range, sync::Arc};

use nexus_core::{
    Digest, Json,
    ports::{SchemaKind, SchemaRegistry as _, Subject},
    upcast::Steps,
};
use nexus_schema::JsonSchemaRegistry;
use serde_json::Value;

use super::{json, manifest::malformed, text::Text};
use crate::{CheckError, Place};

/// What the path of a schema file says: `event/OrderPlaced/2.json`, `event/OrderPlaced/1.upcast.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaPath {
    pub(crate) subject: Subject,
    pub(crate) version: u32,
    /// Whether it holds the steps that lead on from the version, and not its schema.
    pub(crate) is_upcaster: bool,
}

impl SchemaPath {
    pub(crate) fn of(path: &str) -> Option<Self> {
        let mut parts = path.rsplit('/');
        let stem = parts.next()?.strip_suffix(".json")?;
        let (number, is_upcaster) = stem.strip_suffix(".upcast").map_or((stem, false), |number| (number, true));
        let version = number.parse().ok().filter(|version: &u32| *version > 0 && version.to_string() == number)?;
        let name = parts.next()?;
        let kind = kind(parts.next()?)?;
        Some(Self { subject: Subject::new(kind, name), version, is_upcaster })
    }
}

fn kind(name: &str) -> Option<SchemaKind> {
    [SchemaKind::Event, SchemaKind::Command].into_iter().find(|kind| kind.to_string() == name)
}

/// One version of a schema in a file.
#[derive(Debug)]
pub(crate) struct SchemaFile {
    pub(crate) text: Arc<Text>,
    /// The schema and the digest a registry gives it, or why it is none.
    pub(crate) content: Result<(Value, Digest), String>,
    /// The steps that lead on from it, or why what should be them are none.
    pub(crate) upcaster: Option<(Arc<Text>, Result<Steps, String>)>,
}

impl SchemaFile {
    pub(crate) fn new(name: &str, text: Arc<Text>) -> Self {
        let content = document(&text).and_then(|schema| {
            let registered = JsonSchemaRegistry::new().register(SchemaKind::Event, name, &schema);
            registered.map(|reference| (schema, reference.digest)).map_err(|error| error.to_string())
        });
        Self { text, content, upcaster: None }
    }

    /// The schema, when it is one.
    pub(crate) fn schema(&self) -> Option<&Value> {
        self.content.as_ref().ok().map(|(schema, _)| schema)
    }

    pub(crate) fn digest(&self) -> Option<Digest> {
        self.content.as_ref().ok().map(|(_, digest)| *digest)
    }

    pub(crate) fn place(&self, pointer: &str) -> Place {
        json::place(&self.text, pointer)
    }
}

/// A document as the registry takes it: no member twice, no deeper than it reads.
fn document(text: &Text) -> Result<Value, String> {
    let json = Json::parse(text.text.clone().into_bytes()).map_err(|error| error.to_string())?;
    json.to_value().map_err(|error| error.to_string())
}

/// The versions of one subject.
pub(crate) type Versions = BTreeMap<u32, SchemaFile>;

/// One line of a lock: a version that was published, and with which digest.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) text: Arc<Text>,
    pub(crate) digest: Digest,
    pub(crate) range: Range<usize>,
}

/// The schemas of a repository.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    pub(crate) subjects: BTreeMap<Subject, Versions>,
    pub(crate) locked: BTreeMap<(Subject, u32), Locked>,
}

impl Schemas {
    /// Sorts schema files and their upcasters into versions.
    pub(crate) fn add(&mut self, files: Vec<Arc<Text>>) {
        let paths = files.into_iter().filter_map(|text| Some((SchemaPath::of(&text.file)?, text)));
        let (upcasters, schemas): (Vec<_>, Vec<_>) = paths.partition(|(path, _)| path.is_upcaster);
        for (path, text) in schemas {
            let file = SchemaFile::new(&path.subject.name, text);
            self.subjects.entry(path.subject).or_default().entry(path.version).or_insert(file);
        }
        for (path, text) in upcasters {
            let steps =
                document(&text).and_then(|value| serde_json::from_value(value).map_err(|error| error.to_string()));
            let versions = self.subjects.get_mut(&path.subject);
            if let Some(file) = versions.and_then(|versions| versions.get_mut(&path.version)) {
                file.upcaster = Some((text, steps));
            }
        }
    }

    /// Reads a lock: one line a version, `event NAME VERSION DIGEST`.
    ///
    /// # Errors
    /// [`CheckError::Malformed`] with the line that is none.
    pub(crate) fn add_lock(&mut self, text: &Arc<Text>) -> Result<(), CheckError> {
        let mut start = 0;
        for line in text.text.split_inclusive('\n') {
            let range = start..start + line.trim_end().len();
            start += line.len();
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (subject, version, digest) = lock_line(line).ok_or_else(|| {
                let fix = "take the line from version control; `schema check --lock` writes new ones";
                malformed(text, range.clone(), "expected `event NAME VERSION DIGEST`", fix)
            })?;
            self.locked.insert((subject, version), Locked { text: Arc::clone(text), digest, range });
        }
        Ok(())
    }

    pub(crate) fn versions(&self, kind: SchemaKind, name: &str) -> Option<&Versions> {
        self.subjects.get(&Subject::new(kind, name))
    }
}

fn lock_line(line: &str) -> Option<(Subject, u32, Digest)> {
    let parts: Vec<_> = line.split(' ').collect();
    let [first, name, version, digest] = parts.as_slice() else { return None };
    Some((Subject::new(kind(first)?, *name), version.parse().ok()?, digest.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_kind_name_and_version() {
        let path = SchemaPath::of("a/schemas/event/OrderPlaced/12.json").unwrap();
        assert_eq!((path.subject, path.version), (Subject::new(SchemaKind::Event, "OrderPlaced"), 12));
        assert!(SchemaPath::of("event/A/1.upcast.json").unwrap().is_upcaster);
        for other in ["event/A/01.json", "event/A/x.json", "query/A/1.json", "event/1.json", "event/A/0.json"] {
            assert_eq!(SchemaPath::of(other), None, "{other}");
        }
    }

    #[test]
    fn a_lock_line_that_is_none_is_named() {
        let text = Arc::new(Text::new("nexus.schemas.lock", b"# head\n\nevent A one x\n".to_vec()));
        let error = Schemas::default().add_lock(&text).unwrap_err();
        assert!(error.to_string().starts_with("nexus.schemas.lock:3:1: "), "{error}");
    }

    #[test]
    fn a_file_that_is_no_schema_says_why() {
        for (wrong, why) in [("{", "EOF"), ("{\"type\": 3}", "type"), (r#"{"a": 1, "a": 2}"#, "a")] {
            let file = SchemaFile::new("A", Arc::new(Text::new("event/A/1.json", wrong.into())));
            assert!(file.content.unwrap_err().contains(why), "{wrong}");
        }
    }
}
