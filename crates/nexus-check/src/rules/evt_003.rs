use super::{Draft, Looked, Rule};
use crate::{Level, facts::Facts};

/// NX-EVT-003: every event type that is consumed is published by somebody, in a version that the consumer reads.
pub(crate) struct EventsHaveProducers;

impl Rule for EventsHaveProducers {
    fn id(&self) -> &'static str {
        "NX-EVT-003"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let mut looked = Vec::new();
        for service in &facts.services {
            for consumed in &service.consumes {
                let (event, versions) = (&consumed.event.value, &consumed.versions.value);
                let producers: Vec<_> = facts
                    .services
                    .iter()
                    .flat_map(|producer| producer.produces.iter().map(move |produced| (producer, produced)))
                    .filter(|(_, produced)| produced.event.value == *event)
                    .collect();
                let pointer = format!("{}/consumes/{event}", service.name.value);
                let draft = if producers.is_empty() {
                    let message = format!("nobody publishes `{event}`, which `{}` consumes", service.name.value);
                    let near = nearest(facts, event).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                    let fix =
                        format!("{near}Let the service that makes it say so with `[[produces]]`, or stop consuming it");
                    Some(Draft::new(service.place(consumed.event.range.clone()), pointer, message).fix(fix))
                } else if producers.iter().any(|(_, produced)| versions.contains(produced.version.value)) {
                    None
                } else {
                    let message = if versions.is_empty() {
                        format!("no version is within `{versions}`")
                    } else {
                        format!("no published version of `{event}` is within `{versions}`")
                    };
                    let fix = "read a version that is published: extend the bounds once the consumer knows it";
                    let mut draft =
                        Draft::new(service.place(consumed.versions.range.clone()), pointer, message).fix(fix);
                    for (producer, produced) in producers {
                        let text = format!("`{}` publishes version {}", producer.name.value, produced.version.value);
                        draft = draft.shown(text, Some(producer.place(produced.version.range.clone())));
                    }
                    Some(draft)
                };
                let drafts = draft.map(|draft| draft.of(Some(service))).into_iter().collect();
                looked.push(Looked::at(format!("{}: {event}", service.name.value), drafts));
            }
        }
        looked
    }
}

/// A published event type with nearly this name.
fn nearest<'a>(facts: &'a Facts, event: &str) -> Option<&'a str> {
    let published =
        facts.services.iter().flat_map(|service| &service.produces).map(|produced| produced.event.value.as_str());
    let scored = published.map(|name| (strsim::damerau_levenshtein(name, event), name));
    scored.min().filter(|(distance, _)| *distance <= event.len() / 3).map(|(_, name)| name)
}
