//! Changes in words, and how far each alone moves the version.

use nexus_core::ports::{SchemaBump as Bump, SchemaChange as Change, SchemaChangeKind as ChangeKind};
use serde_json::Value;

use super::{Place, Walk};
use crate::compat::normal::texts;

/// Longest rendering of a value, in characters.
const MAX_VALUE: usize = 60;

/// Annotations that other programs act upon, although no document breaks by them.
const ACTED_UPON: [(&str, &str); 1] =
    [("default", "an upcaster that fills in defaults gives other values than before")];

/// The prefix of annotations that the platform itself acts upon.
const PLATFORM: &str = "x-nexus-";

impl<'a> Walk<'a> {
    /// An assertion that both have.
    pub(super) fn assertion(&mut self, keyword: &str, from: &Place<'a>, to: &Place<'a>) {
        let (before, after) = (from.schema, to.schema);
        if let (Some(old), Some(new)) = (set(keyword, before), set(keyword, after)) {
            let (before, after) = (texts(&old), texts(&new));
            let gone = old.iter().filter(|one| !after.contains(&one.to_string())).map(value).collect::<Vec<_>>();
            let come = new.iter().filter(|one| !before.contains(&one.to_string())).map(value).collect::<Vec<_>>();
            self.set_changed(keyword, &to.pointer, &gone, &come);
        } else if before != after {
            let bump = direction(keyword, before, after);
            let description = format!("`{keyword}` {} → {}", value(before), value(after));
            self.push(to.pointer.clone(), ChangeKind::Changed, description, bump);
        }
    }

    fn set_changed(&mut self, keyword: &str, pointer: &str, gone: &[String], come: &[String]) {
        // More names required is less accepted; more types or values is more.
        let (gone_bump, come_bump) =
            if keyword == "required" { (Bump::Minor, Bump::Major) } else { (Bump::Major, Bump::Minor) };
        for (names, verb, kind, bump) in
            [(gone, "loses", ChangeKind::Removed, gone_bump), (come, "gains", ChangeKind::Added, come_bump)]
        {
            if !names.is_empty() {
                let description = format!("`{keyword}` {verb} {}", few(names));
                self.push(pointer.to_owned(), kind, description, bump);
            }
        }
    }

    /// A keyword for people, or for programs beside the validator.
    pub(super) fn annotation(&mut self, keyword: &str, from: Option<&Place<'a>>, to: Option<&Place<'a>>) {
        if from.map(|place| place.schema) == to.map(|place| place.schema) {
            return;
        }
        let Some(place) = to.or(from) else { return };
        let kind = match (from, to) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        let shown = |place: Option<&Place<'a>>| place.map_or_else(|| "nothing".to_owned(), |place| value(place.schema));
        let warning = ACTED_UPON.iter().find(|(name, _)| *name == keyword).map(|(_, warning)| (*warning).to_owned());
        let platform = || keyword.starts_with(PLATFORM).then(|| "the platform acts upon this annotation".to_owned());
        let warning = warning.or_else(platform);
        self.changes.push(Change {
            pointer: place.pointer.clone(),
            kind,
            description: format!("`{keyword}` {} → {}", shown(from), shown(to)),
            bump: if warning.is_some() { Bump::Minor } else { Bump::Patch },
            warning,
        });
    }
}

/// Names in a row, the first of many.
fn few(names: &[String]) -> String {
    const MOST: usize = 20;
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST { format!("{shown} and {} more", names.len() - MOST) } else { shown }
}

/// The members of keywords whose order means nothing.
fn set(keyword: &str, value: &Value) -> Option<Vec<Value>> {
    match (keyword, value) {
        ("required" | "enum" | "type", Value::Array(items)) => Some(items.clone()),
        ("type", Value::String(_)) => Some(vec![value.clone()]),
        _ => None,
    }
}

/// What a changed bound asks for.
fn direction(keyword: &str, before: &Value, after: &Value) -> Bump {
    let (Some(before), Some(after)) = (before.as_f64(), after.as_f64()) else {
        return if after == &Value::Bool(false) && keyword == "uniqueItems" { Bump::Minor } else { Bump::Major };
    };
    let wider = match keyword {
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" | "minContains" => after <= before,
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" | "maxContains" => after >= before,
        "multipleOf" => after != 0.0 && (before / after).fract() == 0.0,
        _ => false,
    };
    if wider { Bump::Minor } else { Bump::Major }
}

/// A value as JSON, cut short.
pub(super) fn value(value: &Value) -> String {
    let full = value.to_string();
    if full.chars().nth(MAX_VALUE).is_none() {
        return full;
    }
    let start: String = full.chars().take(MAX_VALUE).collect();
    format!("{start}…")
}
