use std::collections::BTreeMap;

use nexus_core::ports::Subject;
use serde_json::Value;

use super::{Draft, Looked, Rule, versions::members};
use crate::{
    Level,
    facts::{Facts, SchemaFile, Versions},
};

/// Where an object of a schema names members it must not have again.
const RESERVED: &str = "x-nexus-reserved";

/// NX-SCH-003: the name of a removed member is reserved, and never used for something else.
pub(crate) struct RemovedNamesAreReserved;

impl Rule for RemovedNamesAreReserved {
    fn id(&self) -> &'static str {
        "NX-SCH-003"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let of =
            |(subject, versions): (&Subject, &Versions)| Looked::schemas(facts, subject, drafts(subject, versions));
        facts.schemas.subjects.iter().map(of).collect()
    }
}

/// When a member was last declared, and as what.
struct Past<'a> {
    version: u32,
    schema: &'a Value,
    file: &'a SchemaFile,
}

fn drafts(subject: &Subject, versions: &Versions) -> Vec<Draft> {
    let Some((newest, file)) = versions.last_key_value() else { return Vec::new() };
    let Some(schema) = file.schema() else { return Vec::new() };
    let mut past: BTreeMap<String, Vec<Past<'_>>> = BTreeMap::new();
    for (version, file) in versions.range(..newest) {
        for (pointer, schema) in file.schema().map(members).unwrap_or_default() {
            past.entry(pointer).or_default().push(Past { version: *version, schema, file });
        }
    }
    let now: BTreeMap<_, _> = members(schema).into_iter().collect();
    let mut drafts = Vec::new();
    for (pointer, past) in &past {
        let Some((parent, name)) = pointer.rsplit_once("/properties/") else { continue };
        // What was in an object that is gone goes with it.
        let Some(object) = schema.pointer(parent) else { continue };
        let (Some(first), Some(last)) = (past.first(), past.last()) else { continue };
        let name = name.replace("~1", "/").replace("~0", "~");
        match now.get(pointer) {
            None if !reserves(object, &name) => {
                let message = format!("`{name}` of the {subject} was removed and is not reserved");
                let draft = Draft::new(file.place(parent), pointer, message).fix(format!(
                    "add `\"{RESERVED}\": [\"{name}\"]` to the object, so that nobody uses the name for something else"
                ));
                drafts
                    .push(draft.shown(format!("declared in version {}", last.version), Some(last.file.place(pointer))));
            }
            Some(again) if was_away(versions, pointer, first.version) && kind_of(again) != kind_of(last.schema) => {
                let message = format!("`{name}` of the {subject} is used again, for something else");
                let draft = Draft::new(file.place(pointer), pointer, message)
                    .fix("give the new member a name that was never used");
                let was = format!("{} in version {}", kind_of(last.schema), last.version);
                drafts.push(draft.shown(was, Some(last.file.place(pointer))));
            }
            Some(_) if reserves(object, &name) => {
                let message = format!("`{name}` of the {subject} is reserved and declared");
                drafts.push(Draft::new(file.place(pointer), pointer, message).fix("give the new member another name"));
            }
            _ => {}
        }
    }
    drafts
}

fn reserves(object: &Value, name: &str) -> bool {
    let reserved = object.get(RESERVED).and_then(Value::as_array);
    reserved.is_some_and(|names| names.iter().any(|reserved| reserved.as_str() == Some(name)))
}

/// Whether a version after the first that declared a member did not.
fn was_away(versions: &Versions, pointer: &str, first: u32) -> bool {
    let newest = versions.keys().next_back().copied().unwrap_or(first);
    let between = versions.range(first + 1..newest.max(first + 1)).filter_map(|(_, file)| file.schema());
    between.into_iter().any(|schema| schema.pointer(pointer).is_none())
}

/// What a member is, for comparing: its types and where it refers to.
fn kind_of(schema: &Value) -> String {
    let of = |keyword: &str| schema.get(keyword).map(|value| value.to_string().replace('"', ""));
    of("type")
        .or_else(|| of("$ref"))
        .or_else(|| of("const").or_else(|| of("enum")))
        .unwrap_or_else(|| "anything".to_owned())
}
