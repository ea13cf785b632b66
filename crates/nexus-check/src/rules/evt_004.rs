use std::collections::BTreeMap;

use nexus_core::ports::SchemaKind;
use serde_json::Value;

use super::{Draft, Looked, Rule};
use crate::{
    Level, Place,
    facts::{Facts, SchemaFile, ServiceManifest},
};

/// NX-EVT-004: an event is named after what happened, and somebody says what it means and answers for it.
pub(crate) struct EventsAreDescribed;

impl Rule for EventsAreDescribed {
    fn id(&self) -> &'static str {
        "NX-EVT-004"
    }

    fn level(&self) -> Level {
        Level::Warning
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let mut events: BTreeMap<&str, Event<'_>> = BTreeMap::new();
        for service in &facts.services {
            for produced in &service.produces {
                let place = service.place(produced.event.range.clone());
                let event = events.entry(&produced.event.value).or_default();
                event.producer.get_or_insert((service, place));
            }
        }
        for (subject, versions) in &facts.schemas.subjects {
            if subject.kind == SchemaKind::Event {
                events.entry(&subject.name).or_default().newest = versions.last_key_value().map(|(_, file)| file);
            }
        }
        events.into_iter().map(|(name, event)| Looked::at(name, event.drafts(name))).collect()
    }
}

/// What is known of one event type.
#[derive(Default)]
struct Event<'a> {
    producer: Option<(&'a ServiceManifest, Place)>,
    newest: Option<&'a SchemaFile>,
}

impl Event<'_> {
    fn drafts(&self, name: &str) -> Vec<Draft> {
        let schema = self.newest.map(|file| file.place(""));
        let producer = self.producer.as_ref();
        let Some(named) = producer.map(|(_, place)| place.clone()).or_else(|| schema.clone()) else {
            return Vec::new();
        };
        let says = |member: &str| {
            let value = self.newest.and_then(SchemaFile::schema).and_then(|schema| schema.get(member));
            value.and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty())
        };
        let mut drafts = Vec::new();
        if !is_past(name) {
            let message = format!("`{name}` does not say that something happened");
            let fix = "name it in the past tense: `OrderPlaced`, not `PlaceOrder` or `Order`";
            drafts.push(Draft::new(named.clone(), format!("{name}/name"), message).fix(fix));
        }
        if !says("x-nexus-owner") && producer.is_none_or(|(service, _)| service.owner.is_none()) {
            let message = format!("nobody answers for `{name}`");
            let fix = "name an `owner` in the [service] that publishes it, or `x-nexus-owner` in its schema";
            drafts.push(Draft::new(named, format!("{name}/owner"), message).fix(fix));
        }
        if let Some(schema) = schema.filter(|_| !says("description")) {
            let message = format!("the schema of `{name}` does not say what it means");
            let fix = "add a `description`: what happened, in the words of the people whose business it is";
            drafts.push(Draft::new(schema, format!("{name}/description"), message).fix(fix));
        }
        drafts.into_iter().map(|draft| draft.of(producer.map(|(service, _)| *service))).collect()
    }
}

/// Words of the past that do not end in -ed.
const IRREGULAR: &[&str] = &[
    "arisen",
    "begun",
    "bound",
    "bought",
    "broken",
    "brought",
    "built",
    "caught",
    "chosen",
    "cut",
    "done",
    "drawn",
    "drawn",
    "fallen",
    "fed",
    "fell",
    "found",
    "frozen",
    "given",
    "gone",
    "grown",
    "held",
    "hit",
    "kept",
    "known",
    "laid",
    "left",
    "lent",
    "lost",
    "made",
    "met",
    "overdrawn",
    "overridden",
    "paid",
    "put",
    "read",
    "rebuilt",
    "reset",
    "resent",
    "run",
    "seen",
    "sent",
    "set",
    "shown",
    "shut",
    "sold",
    "spent",
    "split",
    "spread",
    "stolen",
    "stuck",
    "sunk",
    "swept",
    "taken",
    "taught",
    "thrown",
    "told",
    "undone",
    "unsubscribed",
    "went",
    "withdrawn",
    "withheld",
    "won",
    "written",
];
/// Words that end in -ed and are not of the past.
const NOT_PAST: &[&str] =
    &["bed", "breed", "embed", "exceed", "feed", "need", "proceed", "seed", "speed", "succeed", "weed"];

/// Whether a word after the first is one of the past, or the only one is.
fn is_past(name: &str) -> bool {
    let words = words(name);
    let past = |word: &String| {
        (word.ends_with("ed") && word.len() > 3 && !NOT_PAST.contains(&word.as_str()))
            || IRREGULAR.contains(&word.as_str())
    };
    words.iter().skip(usize::from(words.len() > 1)).any(past)
}

/// `order.OrderPlaced_v2` is order, order, placed, v2.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c.is_uppercase() || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_past_has_a_word_of_the_past() {
        for past in [
            "OrderPlaced",
            "OrderItemsCancelled",
            "PaymentReceivedFromBank",
            "order.paid",
            "MailSent",
            "order_placed",
            "Created",
        ] {
            assert!(is_past(past), "{past}");
        }
        for other in ["PlaceOrder", "Order", "UserFeed", "PaidOrder", "SetPrice", "OrderUpdate"] {
            assert!(!is_past(other), "{other}");
        }
    }
}
