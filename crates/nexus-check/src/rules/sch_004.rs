use nexus_core::ports::{SchemaKind, Subject};

use super::{Draft, Looked, Rule, versions::is_published};
use crate::{
    Level,
    facts::{Facts, SchemaFile, Versions},
};

/// NX-SCH-004: who is affected by a new version. It forbids nothing; it says whom to talk to.
pub(crate) struct ConsumersAreNamed;

impl Rule for ConsumersAreNamed {
    fn id(&self) -> &'static str {
        "NX-SCH-004"
    }

    fn level(&self) -> Level {
        Level::Note
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let events = facts.schemas.subjects.iter().filter(|(subject, _)| subject.kind == SchemaKind::Event);
        events.map(|(subject, versions)| Looked::schemas(facts, subject, drafts(facts, subject, versions))).collect()
    }
}

fn drafts(facts: &Facts, subject: &Subject, versions: &Versions) -> Vec<Draft> {
    let is_known = versions.keys().any(|version| is_published(facts, subject, *version));
    let new = versions.iter().filter(|(version, _)| is_known && !is_published(facts, subject, **version));
    new.filter_map(|(version, file)| draft(facts, subject, *version, file)).collect()
}

fn draft(facts: &Facts, subject: &Subject, version: u32, file: &SchemaFile) -> Option<Draft> {
    let consumers: Vec<_> = facts
        .services
        .iter()
        .flat_map(|service| service.consumes.iter().map(move |consumed| (service, consumed)))
        .filter(|(_, consumed)| consumed.event.value == subject.name)
        .collect();
    let behind: Vec<_> = consumers
        .iter()
        .filter(|(_, consumed)| !consumed.versions.value.contains(version))
        .map(|(service, _)| format!("`{}`", service.name.value))
        .collect();
    let names: Vec<_> = consumers.iter().map(|(service, _)| format!("`{}`", service.name.value)).collect();
    if names.is_empty() {
        return None;
    }
    let message = format!("version {version} of the {subject} reaches {}", names.join(", "));
    let fix = if behind.is_empty() {
        "nothing has to be done: all of them say that they read it".to_owned()
    } else {
        format!("let {} read version {version} before it is published, and extend `versions` there", behind.join(", "))
    };
    let mut draft = Draft::new(file.place(""), "/", message).fix(fix);
    for (service, consumed) in consumers {
        let owner = service.owner().map(|owner| format!(", of {owner},")).unwrap_or_default();
        let text = format!("`{}`{owner} reads {}", service.name.value, consumed.versions.value);
        draft = draft.shown(text, Some(service.place(consumed.event.range.clone())));
    }
    Some(draft)
}
