//! Named and listed schemas, and keywords that only one version has.

use nexus_core::ports::{SchemaBump as Bump, SchemaChangeKind as ChangeKind};
use serde_json::{Map, Value};

use super::{Place, Walk, words};
use crate::{
    compat::normal::{Holds, holds, texts},
    graph::{join, shown},
};

impl<'a> Walk<'a> {
    /// `properties` and the like: by name.
    pub(super) fn named(
        &mut self,
        keyword: &str,
        (before, from): (&'a Map<String, Value>, &str),
        (after, to): (&'a Map<String, Value>, &str),
    ) {
        for (name, new) in after {
            let at = Place { schema: new, pointer: join(to, name) };
            match before.get(name) {
                Some(old) if old.is_array() || new.is_array() => {
                    self.assertion("required", &Place { schema: old, pointer: join(from, name) }, &at);
                }
                Some(old) => self.schemas(Place { schema: old, pointer: join(from, name) }, at),
                None => {
                    let description = format!("{} `{}` {}", what(keyword), shown(name), summary(new));
                    // An open object may hold such a member already; a closed one cannot.
                    let bump = if keyword == "properties" { Bump::Minor } else { Bump::Major };
                    self.push(at.pointer, ChangeKind::Added, description, bump);
                }
            }
        }
        for (name, old) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
            let description = format!("{} `{}` {}", what(keyword), shown(name), summary(old));
            let bump =
                if keyword.starts_with("dependent") || keyword == "dependencies" { Bump::Minor } else { Bump::Major };
            self.push(join(from, name), ChangeKind::Removed, description, bump);
        }
    }

    /// `allOf` and the like. What is the same on both sides is set aside first, so that another order is no change.
    pub(super) fn listed(
        &mut self,
        keyword: &str,
        (before, from): (&'a [Value], &str),
        (after, to): (&'a [Value], &str),
    ) {
        let ordered = matches!(keyword, "prefixItems" | "items");
        let place = |schema: &'a Value, pointer: &str, index: usize| Place {
            schema,
            pointer: join(pointer, &index.to_string()),
        };
        let old: Vec<_> = before.iter().enumerate().map(|(index, part)| place(part, from, index)).collect();
        let new: Vec<_> = after.iter().enumerate().map(|(index, part)| place(part, to, index)).collect();
        let unmatched = |these: &[Place<'a>], others: &'a [Value]| -> Vec<Place<'a>> {
            let others = texts(others);
            these.iter().filter(|one| ordered || !others.contains(&one.schema.to_string())).cloned().collect()
        };
        let (old, new) = (unmatched(&old, after), unmatched(&new, before));
        let pairs = old.len().min(new.len());
        for (one, other) in old.iter().zip(&new) {
            self.schemas(one.clone(), other.clone());
        }
        let (fewer, more) = match keyword {
            "allOf" => (Bump::Minor, Bump::Major),
            "anyOf" => (Bump::Major, Bump::Minor),
            _ => (Bump::Major, Bump::Major),
        };
        for (rest, kind, bump) in [(&old, ChangeKind::Removed, fewer), (&new, ChangeKind::Added, more)] {
            for one in rest.iter().skip(pairs) {
                self.push(one.pointer.clone(), kind, format!("`{keyword}` branch {}", summary(one.schema)), bump);
            }
        }
    }

    /// A keyword that only one version has.
    pub(super) fn one_sided(&mut self, keyword: &str, place: Place<'a>, kind: ChangeKind) {
        let added = kind == ChangeKind::Added;
        let bump = match holds(self.draft, keyword) {
            None => {
                let (from, to) = if added { (None, Some(&place)) } else { (Some(&place), None) };
                return self.annotation(keyword, from, to);
            }
            Some(Holds::Named) if matches!(keyword, "$defs" | "definitions") => return,
            // The same as without it.
            Some(_) if place.schema == &Value::Bool(true) && keyword.starts_with("additional") => Bump::Minor,
            Some(_) if added => Bump::Major,
            Some(Holds::Named) if keyword != "dependentSchemas" && keyword != "dependencies" => Bump::Major,
            Some(_) => Bump::Minor,
        };
        let description = format!("`{keyword}` {}", words::value(place.schema));
        self.push(place.pointer, kind, description, bump);
    }
}

fn what(keyword: &str) -> &'static str {
    match keyword {
        "properties" => "property",
        "patternProperties" => "properties matching",
        _ => "dependency on",
    }
}

fn summary(schema: &Value) -> String {
    match schema.get("type") {
        Some(kind) => format!("of type {}", words::value(kind)),
        None => words::value(schema),
    }
}
