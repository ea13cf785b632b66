use nexus_core::ports::{CompatibilityMode, SchemaBump, SchemaKind, SemanticVersion, Subject};
use nexus_schema::compat;
use serde_json::Value;

use super::{
    Draft, Looked, Rule,
    versions::{Ways, shortened},
};
use crate::{
    Level, Place,
    facts::{Facts, SchemaFile, Versions},
};

/// NX-SCH-002: a change is a new version, raised by at least what the change asks for; a breaking one has an upcaster
/// that holds.
pub(crate) struct VersionsAreRaised;

impl Rule for VersionsAreRaised {
    fn id(&self) -> &'static str {
        "NX-SCH-002"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let mut looked: Vec<_> = facts
            .schemas
            .subjects
            .iter()
            .map(|(subject, versions)| {
                let changed =
                    versions.iter().filter_map(|(version, file)| changed_in_place(facts, subject, *version, file));
                let drafts = changed.chain(too_small(versions)).chain(upcasters(subject, versions)).collect();
                Looked::schemas(facts, subject, drafts)
            })
            .collect();
        looked.extend(gone(facts));
        looked
    }
}

/// A published version whose file is another one now.
fn changed_in_place(facts: &Facts, subject: &Subject, version: u32, file: &SchemaFile) -> Option<Draft> {
    let digest = file.digest()?;
    let key = (subject.clone(), version);
    let base = facts.base.as_ref();
    let before = base.and_then(|base| base.schemas.subjects.get(subject)?.get(&version));
    let locked = facts.schemas.locked.get(&key);
    let published = before.and_then(SchemaFile::digest).or_else(|| locked.map(|locked| locked.digest));
    if published.is_none_or(|published| published == digest) {
        return None;
    }
    let bump = before
        .and_then(SchemaFile::schema)
        .zip(file.schema())
        .map(|(before, after)| compat::judge(after, &[(version, before)], CompatibilityMode::Backward).required_bump);
    let asks = bump.map(|bump| format!(", and the change asks for a {bump} version")).unwrap_or_default();
    let next = version.saturating_add(1);
    let draft = Draft::new(
        file.place(""),
        "/",
        format!("version {version} of the {subject} was changed after it was published{asks}"),
    )
    .fix(format!("put the file back as it was, and write the change to `{next}.json`"));
    Some(match (locked, base) {
        (Some(locked), _) => {
            draft.shown("published with another digest", Some(locked.text.place(locked.range.clone())))
        }
        (None, Some(base)) => draft.shown(format!("it is another one in {}", base.name), None),
        (None, None) => draft,
    })
}

/// Numbers that are left out, and semantic versions that are raised by too little.
fn too_small(versions: &Versions) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for ((older, before), (newer, after)) in versions.iter().zip(versions.iter().skip(1)) {
        if *newer != older + 1 {
            let message = format!("version {newer} follows version {older}; what is between them is missing");
            let draft = Draft::new(after.place(""), "/", message);
            drafts.push(draft.fix(format!("number the version {}, or put the missing files back", older + 1)));
        }
        let (Some(old), Some(new)) = (before.schema(), after.schema()) else { continue };
        let (Some(from), Some(to)) = (semantic(old), semantic(new)) else { continue };
        let bump = compat::judge(new, &[(*older, old)], CompatibilityMode::Backward).required_bump;
        let least = from.raised(bump.max(SchemaBump::Patch));
        if to < least {
            let message = format!("{from} is raised to {to}, and the change is {bump}");
            let draft = Draft::new(after.place("/x-nexus-version"), "/x-nexus-version", message);
            let shown = draft.shown("the version before", Some(before.place("/x-nexus-version")));
            drafts.push(shown.fix(format!("say at least {least}")));
        }
    }
    drafts
}

fn semantic(schema: &Value) -> Option<SemanticVersion> {
    schema.get("x-nexus-version")?.as_str()?.parse().ok()
}

/// Upcasters that cannot be read, and those that do not lead their samples to the newest version.
fn upcasters(subject: &Subject, versions: &Versions) -> Vec<Draft> {
    let Some(newest) = versions.keys().next_back() else { return Vec::new() };
    let ways = Ways::to(subject, versions, *newest);
    let mut drafts = Vec::new();
    for (version, file) in versions {
        let Some((text, steps)) = &file.upcaster else { continue };
        let broken = |message: String| {
            Draft::new(text.head(), format!("{version}.upcast"), message)
                .fix("mend the steps: they have to hold for every document that the version lets in")
        };
        let failed = match (steps, &ways) {
            _ if subject.kind == SchemaKind::Command => {
                Some((format!("a {subject} is not stored, and so never upcast"), None))
            }
            (Err(reason), _) => Some((format!("not the steps of an upcaster: {reason}"), None)),
            (Ok(_), Err(reason)) => Some((reason.clone(), None)),
            (Ok(_), Ok(ways)) => ways.broken_sample(*version).map(|(sample, reason)| (reason, Some(sample))),
        };
        if let Some((reason, sample)) = failed {
            let draft = broken(format!("the upcaster of version {version} of the {subject} does not hold: {reason}"));
            let shown = sample.map(|sample| format!("tried with {}", shortened(&sample)));
            drafts.push(match shown {
                Some(shown) => draft.shown(shown, Some(file.place(""))),
                None => draft,
            });
        }
    }
    drafts
}

/// Published versions that have no file any more.
fn gone(facts: &Facts) -> Vec<Looked> {
    let there = |subject: &Subject, version: u32| {
        facts.schemas.subjects.get(subject).is_some_and(|versions| versions.contains_key(&version))
    };
    let mut looked = Vec::new();
    let mut tell = |subject: &Subject, version: u32, place: Place| {
        let message = format!("version {version} of the {subject} was published, and its file is gone");
        let draft = Draft::new(place, format!("{subject}/{version}"), message);
        looked.push(Looked::schemas(
            facts,
            subject,
            vec![draft.fix("put the file back; documents of it may be stored")],
        ));
    };
    for ((subject, version), locked) in &facts.schemas.locked {
        if !there(subject, *version) {
            tell(subject, *version, locked.text.place(locked.range.clone()));
        }
    }
    let before = facts.base.iter().flat_map(|base| &base.schemas.subjects);
    for (subject, versions) in before {
        for version in versions.keys().filter(|version| !there(subject, **version)) {
            if facts.schemas.locked.contains_key(&(subject.clone(), *version)) {
                continue;
            }
            tell(subject, *version, nearest_place(facts, subject));
        }
    }
    looked
}

/// A place for what is not there: another version, else any file that declares something.
fn nearest_place(facts: &Facts, subject: &Subject) -> Place {
    let newest = facts.schemas.subjects.get(subject).and_then(|versions| versions.values().next_back());
    let any = || facts.schemas.subjects.values().flat_map(|versions| versions.values()).next();
    let file = newest.or_else(any).map(|file| file.text.head());
    let service = || facts.services.first().map(|service| service.text.head());
    let policy = || facts.policies.iter().flat_map(|bundle| bundle.modules.iter().chain(&bundle.tests)).next();
    file.or_else(service)
        .or_else(|| policy().map(|text| text.head()))
        .unwrap_or_else(|| crate::facts::Text::new("nexus.schemas.lock", Vec::new()).head())
}
