//! Outcomes by everything they depend on, so that the same question is evaluated once per thread.

use std::collections::HashMap;

use nexus_core::{
    Json,
    ports::{PolicyInput, VerdictOutcome},
};

use crate::{
    pick::Picked,
    reads::{Fact, Reads},
};

/// The parts of the payloads of one request that a bundle reads.
pub(crate) struct Picks<'de> {
    pub(crate) payload: Picked<'de>,
    pub(crate) event: Picked<'de>,
}

/// Recent outcomes of one thread.
#[derive(Default)]
pub(crate) struct Memo {
    outcomes: HashMap<Vec<u8>, VerdictOutcome>,
}

impl Memo {
    /// Most outcomes kept; beyond it all are forgotten.
    const MAX_ENTRIES: usize = 1024;
    /// Longest key in bytes; a request that needs a longer one is evaluated every time.
    const MAX_KEY: usize = 1024;

    /// How many outcomes are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// The outcome kept for `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Option<VerdictOutcome> {
        self.outcomes.get(key).cloned()
    }

    /// Keeps an outcome. Failures are not kept: what was too slow once may not be again.
    pub(crate) fn keep(&mut self, key: Vec<u8>, outcome: &VerdictOutcome) {
        if key.len() > Self::MAX_KEY || matches!(outcome, VerdictOutcome::Failed { .. }) {
            return;
        }
        if self.outcomes.len() >= Self::MAX_ENTRIES {
            self.outcomes.clear();
        }
        self.outcomes.insert(key, outcome.clone());
    }
}

/// Everything the outcome can depend on, written one after the other.
///
/// Two requests with the same key get the same outcome. Two requests with the same outcome may well have different
/// keys: for payloads the key holds the text of a value, not what it means.
pub(crate) fn key(reads: &Reads, input: &PolicyInput<'_>, picks: &Picks<'_>) -> Vec<u8> {
    let mut key = Key(Vec::with_capacity(128));
    for fact in &reads.facts {
        let mut path = fact.path().iter().map(String::as_str);
        let (first, second) = (path.next().unwrap_or_default(), path.next());
        match (fact, text_at(input, first, second)) {
            (Fact::StartsWith(_, prefix), Some(text)) => {
                let starts = text.map(|text| text.starts_with(prefix.as_str()));
                key.maybe(starts.map(|starts| if starts { "y" } else { "n" }));
            }
            (_, Some(text)) => key.maybe(text),
            (_, None) => key.compound(input, first, second),
        }
    }
    for raw in picks.payload.iter().chain(&picks.event) {
        key.maybe(raw.map(serde_json::value::RawValue::get));
    }
    key.0
}

/// The text at a path where there can be nothing but a text. `Some(None)` when it is absent.
fn text_at<'a>(input: &PolicyInput<'a>, first: &str, second: Option<&str>) -> Option<Option<&'a str>> {
    match (first, second) {
        ("kind", _) => Some(Some(input.kind.as_str())),
        ("action", _) => Some(Some(input.action)),
        ("resource", Some("type")) => Some(Some(input.resource.resource_type)),
        ("resource", Some("id")) => Some(Some(input.resource.id)),
        ("actor", Some("id")) => Some(Some(&input.actor.id)),
        ("event", Some("type")) => Some(input.event.map(|event| event.event_type)),
        ("context", Some("service")) => Some(Some(&input.request.service)),
        ("context", Some("environment")) => Some(Some(&input.request.environment)),
        ("context", Some("clientId")) => Some(input.request.client_id.as_deref()),
        _ => None,
    }
}

struct Key(Vec<u8>);

impl Key {
    /// A text with its length, so that no two sequences of texts look the same; or that there is none.
    fn maybe(&mut self, text: Option<&str>) {
        let length = text.map_or(u64::MAX, |text| u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(text.unwrap_or_default().as_bytes());
    }

    /// A part of the input that is not one text. Payloads come through the picks; a member the input never has
    /// needs nothing.
    fn compound(&mut self, input: &PolicyInput<'_>, first: &str, second: Option<&str>) {
        match (first, second) {
            ("resource", None) => {
                self.maybe(Some(input.resource.resource_type));
                self.maybe(Some(input.resource.id));
            }
            ("actor", None) => {
                self.maybe(Some(&input.actor.id));
                self.roles(input);
                self.claims(input);
            }
            ("actor", Some("roles")) => self.roles(input),
            ("actor", Some("claims")) => self.claims(input),
            ("event", None) => self.maybe(input.event.map(|event| event.event_type)),
            ("schema", _) => {
                let schema = input.schema;
                let wanted = |name: &str| second.is_none_or(|second| second == name);
                let id = schema.filter(|_| wanted("id")).map(|schema| schema.id.to_string());
                let version = schema.filter(|_| wanted("version")).map(|schema| schema.version.to_string());
                let registered = schema.filter(|_| wanted("registered")).map(|schema| schema.registered);
                self.maybe(schema.map(|_| ""));
                self.maybe(id.as_deref());
                self.maybe(version.as_deref());
                self.maybe(registered.map(|registered| if registered { "y" } else { "n" }));
            }
            _ => {}
        }
    }

    fn claims(&mut self, input: &PolicyInput<'_>) {
        self.maybe(input.actor.claims.as_ref().map(Json::as_str));
    }

    fn roles(&mut self, input: &PolicyInput<'_>) {
        self.maybe(Some(&input.actor.roles.len().to_string()));
        for role in &input.actor.roles {
            self.maybe(Some(role));
        }
    }
}
