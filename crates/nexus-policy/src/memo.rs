//! Outcomes by everything they depend on, so that the same question is evaluated once per thread.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use nexus_core::{
    Json,
    ports::{PolicyInput, PolicySchema, VerdictOutcome},
};
use serde_json::value::RawValue;

use crate::{pick::Picked, reads::Fact};

/// The parts of the payloads of one request that a bundle reads.
pub(crate) struct Picks<'de> {
    pub(crate) payload: Picked<'de>,
    pub(crate) event: Picked<'de>,
}

/// Recent outcomes of one thread.
#[derive(Default)]
pub(crate) struct Memo {
    outcomes: HashMap<Box<[u8]>, VerdictOutcome, RandomState>,
    /// The key of the question that is asked now.
    key: Vec<u8>,
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

    /// The outcome kept for a question, which is the current one from now on.
    pub(crate) fn ask(&mut self, parts: &[Part], input: &PolicyInput<'_>, picks: &Picks<'_>) -> Option<VerdictOutcome> {
        self.key.clear();
        write_key(&mut self.key, parts, input, picks);
        self.outcomes.get(self.key.as_slice()).cloned()
    }

    /// Keeps the outcome of the current question. Failures are not kept: what was too slow once may not be again.
    pub(crate) fn keep(&mut self, outcome: &VerdictOutcome) {
        if self.key.len() > Self::MAX_KEY {
            // One large request is no reason to hold on to so much.
            self.key = Vec::new();
            return;
        }
        if matches!(outcome, VerdictOutcome::Failed { .. }) {
            return;
        }
        if self.outcomes.len() >= Self::MAX_ENTRIES {
            self.outcomes.clear();
        }
        self.outcomes.insert(self.key.as_slice().into(), outcome.clone());
    }
}

/// A part of the input, other than payloads, that a bundle reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A text.
    Text(TextPart),
    /// Only whether a text starts with something.
    StartsWith(TextPart, String),
    Roles,
    Claims,
    /// All of `input.actor`.
    Actor,
    /// All of `input.resource`.
    Resource,
    Schema(SchemaPart),
}

/// A part of the input that is a text, or absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextPart {
    Kind,
    Action,
    ResourceType,
    ResourceId,
    ActorId,
    EventType,
    Service,
    Environment,
    ClientId,
}

/// Members of `input.schema`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaPart {
    Id,
    Version,
    Registered,
    All,
}

impl Part {
    /// Whether many requests have it in common: not who somebody is, and not which thing of its type is meant.
    pub(crate) fn is_common(&self) -> bool {
        match self {
            Self::Text(part) => !matches!(part, TextPart::ResourceId | TextPart::ActorId),
            Self::StartsWith(..) | Self::Roles | Self::Schema(_) => true,
            Self::Claims | Self::Actor | Self::Resource => false,
        }
    }

    /// The part that a fact is about. `None` for what comes through the picks, and for members the input never has:
    /// these are the same in every request.
    pub(crate) fn of(fact: &Fact) -> Option<Self> {
        let mut path = fact.path().iter().map(String::as_str);
        let (first, second) = (path.next()?, path.next());
        if let Some(text) = TextPart::at(first, second) {
            return Some(match fact {
                Fact::StartsWith(_, prefix) => Self::StartsWith(text, prefix.clone()),
                Fact::Value(_) => Self::Text(text),
            });
        }
        match (first, second) {
            ("resource", None) => Some(Self::Resource),
            ("actor", None) => Some(Self::Actor),
            ("actor", Some("roles")) => Some(Self::Roles),
            ("actor", Some("claims")) => Some(Self::Claims),
            ("event", None) => Some(Self::Text(TextPart::EventType)),
            ("schema", Some("id")) => Some(Self::Schema(SchemaPart::Id)),
            ("schema", Some("version")) => Some(Self::Schema(SchemaPart::Version)),
            ("schema", Some("registered")) => Some(Self::Schema(SchemaPart::Registered)),
            ("schema", _) => Some(Self::Schema(SchemaPart::All)),
            _ => None,
        }
    }
}

impl TextPart {
    fn at(first: &str, second: Option<&str>) -> Option<Self> {
        match (first, second) {
            ("kind", _) => Some(Self::Kind),
            ("action", _) => Some(Self::Action),
            ("resource", Some("type")) => Some(Self::ResourceType),
            ("resource", Some("id")) => Some(Self::ResourceId),
            ("actor", Some("id")) => Some(Self::ActorId),
            ("event", Some("type")) => Some(Self::EventType),
            ("context", Some("service")) => Some(Self::Service),
            ("context", Some("environment")) => Some(Self::Environment),
            ("context", Some("clientId")) => Some(Self::ClientId),
            _ => None,
        }
    }

    fn of<'a>(self, input: &PolicyInput<'a>) -> Option<&'a str> {
        match self {
            Self::Kind => Some(input.kind.as_str()),
            Self::Action => Some(input.action),
            Self::ResourceType => Some(input.resource.resource_type),
            Self::ResourceId => Some(input.resource.id),
            Self::ActorId => Some(&input.actor.id),
            Self::EventType => input.event.map(|event| event.event_type),
            Self::Service => Some(&input.request.service),
            Self::Environment => Some(&input.request.environment),
            Self::ClientId => input.request.client_id.as_deref(),
        }
    }
}

/// Writes everything the outcome can depend on, one after the other.
///
/// Two requests with the same key get the same outcome. Two requests with the same outcome may well have different
/// keys: for payloads the key holds the text of a value, not what it means.
fn write_key(key: &mut Vec<u8>, parts: &[Part], input: &PolicyInput<'_>, picks: &Picks<'_>) {
    for part in parts {
        match part {
            Part::Text(part) => text(key, part.of(input)),
            Part::StartsWith(part, prefix) => key.push(match part.of(input) {
                None => 0,
                Some(text) if text.starts_with(prefix.as_str()) => 1,
                Some(_) => 2,
            }),
            Part::Roles => roles(key, input),
            Part::Claims => claims(key, input),
            Part::Actor => {
                text(key, Some(&input.actor.id));
                roles(key, input);
                claims(key, input);
            }
            Part::Resource => {
                text(key, Some(input.resource.resource_type));
                text(key, Some(input.resource.id));
            }
            Part::Schema(part) => schema(key, *part, input.schema),
        }
    }
    for raw in picks.payload.iter().chain(&picks.event) {
        text(key, raw.map(RawValue::get));
    }
}

/// A text with its length, so that no two sequences of texts look the same; or that there is none.
fn text(key: &mut Vec<u8>, text: Option<&str>) {
    let length = text.map_or(u32::MAX, |text| u32::try_from(text.len()).unwrap_or(u32::MAX));
    key.extend_from_slice(&length.to_le_bytes());
    key.extend_from_slice(text.unwrap_or_default().as_bytes());
}

fn roles(key: &mut Vec<u8>, input: &PolicyInput<'_>) {
    let count = u32::try_from(input.actor.roles.len()).unwrap_or(u32::MAX);
    key.extend_from_slice(&count.to_le_bytes());
    for role in &input.actor.roles {
        text(key, Some(role));
    }
}

fn claims(key: &mut Vec<u8>, input: &PolicyInput<'_>) {
    text(key, input.actor.claims.as_ref().map(Json::as_str));
}

fn schema(key: &mut Vec<u8>, part: SchemaPart, schema: Option<PolicySchema>) {
    let Some(schema) = schema else { return key.push(0) };
    key.push(1);
    if matches!(part, SchemaPart::Id | SchemaPart::All) {
        key.extend_from_slice(&schema.id.to_le_bytes());
    }
    if matches!(part, SchemaPart::Version | SchemaPart::All) {
        key.extend_from_slice(&schema.version.to_le_bytes());
    }
    if matches!(part, SchemaPart::Registered | SchemaPart::All) {
        key.push(u8::from(schema.registered));
    }
}
