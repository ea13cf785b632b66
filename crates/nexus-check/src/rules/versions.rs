//! What the rules on schemas ask of the versions of a subject.

use std::sync::Arc;

use nexus_core::{
    Json,
    framework::example_of,
    ports::{CompatibilityMode, SchemaKind, SchemaRegistry, Subject},
    upcast::{Chain, DeclaredUpcaster, Upcasters},
};
use nexus_schema::{JsonSchemaRegistry, compat};
use serde_json::{Map, Value};

use crate::facts::{Facts, Versions};

/// Whether a version was published: it is locked, or it was there before.
pub(super) fn is_published(facts: &Facts, subject: &Subject, version: u32) -> bool {
    let before = facts.base.as_ref().map(|base| &base.schemas);
    let there = |schemas: &crate::facts::Schemas| {
        schemas.subjects.get(subject).is_some_and(|versions| versions.contains_key(&version))
            || schemas.locked.contains_key(&(subject.clone(), version))
    };
    match before {
        Some(base) => there(base),
        None => facts.schemas.locked.contains_key(&(subject.clone(), version)),
    }
}

/// The versions whose verdict counts: the newest, and all that are new.
pub(super) fn to_judge(facts: &Facts, subject: &Subject, versions: &Versions) -> Vec<u32> {
    let newest = versions.keys().next_back().copied();
    let is_new = |version: &u32| facts.base.is_some() && !is_published(facts, subject, *version);
    versions.keys().copied().filter(|version| Some(*version) == newest || is_new(version)).collect()
}

/// How stored events of each version reach one version: by the upcasters in files, and as they are where the next
/// version takes them.
pub(super) struct Ways<'a> {
    subject: &'a Subject,
    versions: &'a Versions,
    chain: Chain,
}

impl<'a> Ways<'a> {
    /// The ways to a version; `Err` says why the upcasters do not fit together.
    pub(super) fn to(subject: &'a Subject, versions: &'a Versions, wanted: u32) -> Result<Self, String> {
        let mut chain = Chain::to(&subject.name, wanted);
        let numbers: Vec<_> = versions.keys().copied().filter(|version| *version <= wanted).collect();
        for (older, newer) in numbers.iter().zip(numbers.iter().skip(1)) {
            let (Some(before), Some(after)) = (versions.get(older), versions.get(newer)) else { continue };
            let steps = before.upcaster.as_ref().filter(|_| subject.kind == SchemaKind::Event);
            chain = match steps {
                Some((_, Ok(steps))) => chain.upcaster(DeclaredUpcaster {
                    to: *newer,
                    ..DeclaredUpcaster::new(&subject.name, *older, steps.clone())
                }),
                Some((_, Err(_))) => continue,
                None => {
                    let (Some(before), Some(after)) = (before.schema(), after.schema()) else { continue };
                    let report = compat::judge(after, &[(*older, before)], CompatibilityMode::Backward);
                    if !report.compatible {
                        continue;
                    }
                    chain.unchanged(*older, *newer)
                }
            }
            .map_err(|error| error.to_string())?;
        }
        Ok(Self { subject, versions, chain })
    }

    /// Whether events of a version reach it.
    pub(super) fn reach_from(&self, version: u32) -> bool {
        self.chain.reaches_from(version).is_ok()
    }

    /// The first sample of a version that does not become a document of the version wanted, and why.
    pub(super) fn broken_sample(&self, version: u32) -> Option<(Value, String)> {
        let registry = Arc::new(JsonSchemaRegistry::new());
        for (number, file) in self.versions {
            // A file that is no schema is a finding of its own.
            _ = file
                .schema()
                .map(|schema| registry.register_at(SchemaKind::Event, &self.subject.name, *number, schema));
        }
        let checker: Arc<dyn SchemaRegistry> = Arc::clone(&registry) as _;
        let upcasters = Upcasters::new([self.chain.clone()], Upcasters::checked_by(checker));
        let schema = self.versions.get(&version)?.schema()?;
        samples(schema).into_iter().find_map(|sample| {
            let payload = Json::from_value(&sample);
            let fits = registry.check(SchemaKind::Event, &self.subject.name, Some(version), &payload).is_ok();
            let failed = upcasters.proven_payload(&self.subject.name, version, &payload).err()?;
            fits.then(|| (sample, failed.to_string()))
        })
    }
}

/// Documents a schema suggests: with everything it declares, with only what it requires, and without each member that
/// may be missing.
fn samples(schema: &Value) -> Vec<Value> {
    let full = example_of(schema);
    let Some(members) = full.as_object().cloned() else { return vec![full] };
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_required = |name: &String| required.iter().any(|wanted| wanted.as_str() == Some(name));
    let without = |leave_out: &dyn Fn(&String) -> bool| {
        let kept =
            members.iter().filter(|(name, _)| !leave_out(name)).map(|(name, value)| (name.clone(), value.clone()));
        Value::Object(kept.collect::<Map<_, _>>())
    };
    let mut all = vec![without(&|name| !is_required(name))];
    all.extend(members.keys().filter(|name| !is_required(name)).map(|one| without(&|name| name == one)));
    all.push(full);
    all
}

/// A document on one line, cut where it is long.
pub(super) fn shortened(document: &Value) -> String {
    let text = document.to_string();
    let cut: String = text.chars().take(300).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { text }
}

/// The declared members of a schema with the pointers of their schemas, those within them included.
pub(super) fn members(schema: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), schema)];
    while let Some((pointer, schema)) = open.pop() {
        let Some(object) = schema.as_object() else { continue };
        for (keyword, value) in object {
            let at = format!("{pointer}/{keyword}");
            match (keyword.as_str(), value) {
                ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(schemas)) => {
                    for (name, schema) in schemas {
                        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                        if keyword == "properties" {
                            found.push((at.clone(), schema));
                        }
                        open.push((at, schema));
                    }
                }
                ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(schemas)) => {
                    open.extend(schemas.iter().enumerate().map(|(index, schema)| (format!("{at}/{index}"), schema)));
                }
                ("items" | "additionalProperties" | "if" | "then" | "else" | "not" | "contains", Value::Object(_)) => {
                    open.push((at, value));
                }
                _ => {}
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
