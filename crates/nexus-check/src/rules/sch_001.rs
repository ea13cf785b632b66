use std::collections::BTreeMap;

use nexus_core::ports::{CompatibilityBreach, CompatibilityMode, SchemaKind, Subject};
use nexus_schema::compat;

use super::{
    Draft, Looked, Rule,
    versions::{Ways, shortened, to_judge},
};
use crate::{
    Level,
    facts::{Facts, SchemaFile, Versions},
};

/// NX-SCH-001: a new version takes every document that may be stored or sent, as the mode of its kind asks.
pub(crate) struct ChangesAreCompatible;

impl Rule for ChangesAreCompatible {
    fn id(&self) -> &'static str {
        "NX-SCH-001"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let mut looked = Vec::new();
        for (subject, versions) in &facts.schemas.subjects {
            let mut drafts: Vec<_> = versions.values().filter_map(unusable).collect();
            for version in to_judge(facts, subject, versions) {
                drafts.extend(broken(subject, versions, version));
            }
            looked.push(Looked::schemas(facts, subject, drafts));
        }
        looked
    }
}

fn unusable(file: &SchemaFile) -> Option<Draft> {
    let reason = file.content.as_ref().err()?;
    let draft = Draft::new(file.text.head(), "", format!("not a schema that a registry takes: {reason}"));
    Some(draft.fix("make it a JSON Schema document that refers to nothing outside of it"))
}

/// What a version breaks, one finding for each place and reason.
fn broken(subject: &Subject, versions: &Versions, version: u32) -> Vec<Draft> {
    let Some(file) = versions.get(&version) else { return Vec::new() };
    let Some(schema) = file.schema() else { return Vec::new() };
    let earlier: Vec<_> =
        versions.range(..version).filter_map(|(number, file)| Some((*number, file.schema()?))).collect();
    let mode = CompatibilityMode::of(subject.kind);
    let report = compat::judge(schema, &earlier, mode);
    if report.compatible {
        return Vec::new();
    }
    let ways = Ways::to(subject, versions, version).ok();
    let upcast = |from: u32| ways.as_ref().is_some_and(|ways| ways.reach_from(from));
    let mut places: BTreeMap<(String, String), Vec<CompatibilityBreach>> = BTreeMap::new();
    for breach in report.breaches.into_iter().filter(|breach| !upcast(breach.version)) {
        places.entry((breach.pointer.clone(), breach.rule.clone())).or_default().push(breach);
    }
    places.into_values().filter_map(|breaches| draft(subject, mode, (version, file), &breaches)).collect()
}

fn draft(
    subject: &Subject,
    mode: CompatibilityMode,
    (version, file): (u32, &SchemaFile),
    breaches: &[CompatibilityBreach],
) -> Option<Draft> {
    let breach = breaches.last()?;
    let broken: Vec<_> = breaches.iter().map(|breach| breach.version.to_string()).collect();
    let message = format!("version {version} of the {subject} breaks {} ({})", broken.join(", "), breach.message);
    let why = match subject.kind {
        SchemaKind::Event => {
            format!("{mode}: events of version {} may be stored, and would not be readable", breach.version)
        }
        SchemaKind::Command => format!("{mode}: clients that send version {} would be refused", breach.version),
    };
    let fix = match subject.kind {
        SchemaKind::Event => {
            let steps = format!("{}.upcast.json", breach.version);
            format!(
                "{}; or lead stored events on with the steps of an upcaster, in `{steps}` beside the schema",
                breach.fix
            )
        }
        SchemaKind::Command => breach.fix.clone(),
    };
    let draft = Draft::new(file.place(&breach.pointer), format!("{}:{}", breach.pointer, breach.rule), message)
        .fix(fix)
        .shown(why, None);
    Some(match breaches.iter().find_map(|breach| breach.counter_example.as_ref()) {
        Some(document) => draft.shown(format!("this document breaks: {}", shortened(document)), None),
        None => draft,
    })
}
