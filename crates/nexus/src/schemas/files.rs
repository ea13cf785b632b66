use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use nexus_core::{
    Digest,
    ports::{CompatibilityMode, InvalidCompatibilityMode, SchemaKind, SchemaRegistry as _},
    upcast::Steps,
};
use nexus_schema::JsonSchemaRegistry;
use serde::Deserialize;
use serde_json::Value;

use crate::Failure;

/// One event or command type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    pub(crate) kind: SchemaKind,
    pub(crate) name: String,
}

impl Subject {
    pub(crate) fn new(kind: SchemaKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

/// One version of a schema in a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SchemaFile {
    pub(crate) path: PathBuf,
    pub(crate) digest: Digest,
    pub(crate) schema: Value,
    /// Declared steps to the next version, from the file beside it.
    pub(crate) upcaster: Option<Steps>,
}

/// The files of one type.
#[derive(Debug, Default)]
pub(crate) struct SubjectFiles {
    pub(crate) versions: BTreeMap<u32, SchemaFile>,
    /// What the type demands of its next version, where that is not the default of its kind.
    pub(crate) mode: Option<CompatibilityMode>,
}

/// The content of `rules.json`, as `PUT /api/schemas/{name}/rules` takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    compatibility: String,
}

/// A directory of schemas: `event/OrderPlaced/2.json`, and beside it `2.upcast.json` when steps lead on from it, and
/// `rules.json` when the type has a mode of its own.
#[derive(Debug, Default)]
pub(crate) struct SchemaFiles {
    pub(crate) subjects: BTreeMap<Subject, SubjectFiles>,
}

impl SchemaFiles {
    /// Reads a directory.
    ///
    /// # Errors
    /// When a file cannot be read, is no schema, or is called otherwise than it should.
    pub(crate) fn read(directory: &Path) -> Result<Self, Failure> {
        let mut all = Self::default();
        for kind in [SchemaKind::Event, SchemaKind::Command] {
            for (name, of_subject) in entries(&directory.join(kind.to_string()))? {
                let mut files = SubjectFiles::default();
                for (file, path) in entries(&of_subject)? {
                    if file == "rules.json" {
                        files.mode = Some(mode(&path)?);
                        continue;
                    }
                    if file.ends_with(".upcast.json") {
                        continue;
                    }
                    let version = file.strip_suffix(".json").and_then(number).ok_or_else(|| {
                        Failure::usage(format_args!("{} is not named after a version", path.display()))
                            .hint("call it `1.json`, or `1.upcast.json` for the steps that lead on from version 1")
                    })?;
                    files.versions.insert(version, SchemaFile::read(&name, version, path)?);
                }
                all.subjects.insert(Subject::new(kind, name), files);
            }
        }
        Ok(all)
    }

    /// The newest version of a subject.
    pub(crate) fn newest(&self, subject: &Subject) -> Option<(u32, &SchemaFile)> {
        self.subjects.get(subject)?.versions.last_key_value().map(|(version, file)| (*version, file))
    }

    /// Where a version is kept.
    pub(crate) fn place(directory: &Path, subject: &Subject, version: u32) -> PathBuf {
        directory.join(subject.kind.to_string()).join(&subject.name).join(format!("{version}.json"))
    }
}

impl SchemaFile {
    fn read(name: &str, version: u32, path: PathBuf) -> Result<Self, Failure> {
        let schema: Value = parsed(&path)?;
        let digest =
            digest_of(name, &schema).map_err(|reason| Failure::usage(format_args!("{}: {reason}", path.display())))?;
        let beside = path.with_file_name(format!("{version}.upcast.json"));
        let upcaster = if beside.exists() { Some(parsed(&beside)?) } else { None };
        Ok(Self { path, digest, schema, upcaster })
    }
}

/// The mode that `rules.json` names.
fn mode(path: &Path) -> Result<CompatibilityMode, Failure> {
    let Rules { compatibility } = parsed(path)?;
    let refused = |error: &dyn fmt::Display| Failure::usage(format_args!("{}: {error}", path.display()));
    compatibility.parse().map_err(|error: InvalidCompatibilityMode| refused(&error))
}

/// The digest a registry gives a schema, and so whether it is one.
pub(crate) fn digest_of(name: &str, schema: &Value) -> Result<Digest, String> {
    let registered = JsonSchemaRegistry::new().register(SchemaKind::Event, name, schema);
    registered.map(|reference| reference.digest).map_err(|error| error.to_string())
}

fn parsed<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let refused = |error: &dyn fmt::Display| Failure::usage(format_args!("{}: {error}", path.display()));
    let text = fs::read(path).map_err(|error| refused(&error))?;
    let json = nexus_core::Json::parse(text).map_err(|error| refused(&error))?;
    json.to::<Value>().and_then(serde_json::from_value).map_err(|error| refused(&error))
}

/// A version number as it is written: no sign, no zeros in front.
pub(crate) fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| *number > 0 && number.to_string() == text)
}

/// What is in a directory, by name; nothing when there is no directory.
fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let refused = |error: std::io::Error| Failure::usage(format_args!("{}: {error}", directory.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.starts_with('.') {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}
