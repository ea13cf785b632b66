use nexus_core::ports::{SchemaKind, Subject};

use super::{Draft, Looked, Rule};
use crate::{
    Level,
    facts::{Facts, Produced, Seen, ServiceManifest, is_below},
};

/// NX-EVT-002: every event type that is published has a registered schema, in that version, with that digest.
pub(crate) struct EventsAreRegistered;

impl Rule for EventsAreRegistered {
    fn id(&self) -> &'static str {
        "NX-EVT-002"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let mut looked = Vec::new();
        for service in &facts.services {
            for produced in &service.produces {
                let draft = unregistered(facts, service, produced);
                looked.push(Looked::at(&produced.event.value, draft.into_iter().collect()));
            }
        }
        for seen in &facts.seen {
            let Some(service) = facts.owner(&seen.text.file) else { continue };
            for (event, range) in &seen.events {
                let place = seen.text.place(range.clone());
                let draft = undeclared(service, seen, event).map(|draft| draft(place));
                looked.push(Looked::at(event, draft.into_iter().collect()));
            }
        }
        looked
    }
}

/// What is missing of the schema of an event that a manifest says is published.
fn unregistered(facts: &Facts, service: &ServiceManifest, produced: &Produced) -> Option<Draft> {
    let (event, version) = (&produced.event.value, produced.version.value);
    let pointer = format!("{}/produces/{event}", service.name.value);
    let draft = |range: std::ops::Range<usize>, message: String, fix: &str| {
        Some(Draft::new(service.place(range), pointer.clone(), message).fix(fix).of(Some(service)))
    };
    let Some(versions) = facts.schemas.versions(SchemaKind::Event, event) else {
        let message = format!("`{event}` is published and has no schema");
        let fix =
            format!("write its schema to `event/{event}/{version}.json` in the directory of schemas, and lock it");
        return draft(produced.event.range.clone(), message, &fix);
    };
    let Some(file) = versions.get(&version) else {
        let there = versions.keys().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let message = format!("`{event}` is published in version {version}, which has no schema; there is {there}");
        return draft(produced.version.range.clone(), message, "publish a version that there is, or add the schema");
    };
    let shown = |found: Option<Draft>| found.map(|found| found.shown("its schema", Some(file.place(""))));
    if let Some(wanted) = produced.schema.as_ref().filter(|wanted| !is_path_of(service, &wanted.value, &file.text.file))
    {
        let message = format!("`{}` is not the schema of `{event}` version {version}", wanted.value);
        return shown(draft(wanted.range.clone(), message, &format!("write the path of {}", file.text.file)));
    }
    let digest = file.digest();
    let stated = produced
        .digest
        .as_ref()
        .filter(|stated| digest.is_some_and(|is| is.to_string() != stated.value.to_lowercase()));
    if let Some(stated) = stated {
        let is = digest.map(|digest| digest.to_string()).unwrap_or_default();
        let message = format!("the schema of `{event}` version {version} has another digest than the manifest says");
        return shown(draft(
            stated.range.clone(),
            message,
            &format!("review the schema, then write `digest = \"{is}\"`"),
        ));
    }
    let Some(locked) = facts.schemas.locked.get(&(Subject::new(SchemaKind::Event, event), version)) else {
        let message = format!("`{event}` version {version} is published and not locked");
        let fix = "run `schema check DIR --lock`, and commit the lock with the schema";
        return shown(draft(produced.version.range.clone(), message, fix));
    };
    if digest.is_some_and(|digest| digest != locked.digest) {
        let message = format!("the schema of `{event}` version {version} is not the one that was locked");
        let fix = "put the schema back as it was locked, and write the change as the next version";
        let found = shown(draft(produced.version.range.clone(), message, fix));
        return found.map(|found| found.shown("its line in the lock", Some(locked.text.place(locked.range.clone()))));
    }
    None
}

/// Whether a path in a manifest, from there or from the root, is that of a file.
fn is_path_of(service: &ServiceManifest, written: &str, file: &str) -> bool {
    let written = written.trim_start_matches("./");
    let mut directory = service.directory();
    let mut rest = written;
    while let Some(above) = rest.strip_prefix("../") {
        rest = above;
        directory = crate::facts::directory_of(directory);
    }
    let joined = if directory.is_empty() { rest.to_owned() } else { format!("{directory}/{rest}") };
    joined == file || (written == file && is_below(file, ""))
}

/// What to say of an event type that a program makes and its manifest neither publishes nor reads.
fn undeclared<'a>(
    service: &'a ServiceManifest,
    seen: &'a Seen,
    event: &'a str,
) -> Option<impl FnOnce(crate::Place) -> Draft + use<'a>> {
    let publishes = service.produces.iter().any(|produced| produced.event.value == event);
    let reads = service.consumes.iter().any(|consumed| consumed.event.value == event);
    (!publishes && !reads).then_some(move |place: crate::Place| {
        let name = &service.name.value;
        Draft::new(
            place,
            format!("{name}/makes/{event}"),
            format!("`{name}` makes `{event}`, which its manifest does not publish"),
        )
        .fix(format!(
            "add `[[produces]] event = \"{event}\"` with its version to {}, and its schema",
            service.text.file
        ))
        .shown(format!("made in {}", seen.text.file), None)
        .of(Some(service))
    })
}
