//! From a document that breaks to what broke, why, and what to do.

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use nexus_core::ports::{CompatibilityBreach as Breach, CompatibilityDirection as Direction};
use serde_json::Value;

use super::version::Version;
use crate::{compile::Check, explain, graph::shown};

/// Most breaches told for one pair of versions.
const MAX_BREACHES: usize = 32;
/// Most complaints read about one document.
const MAX_COMPLAINTS: usize = 8;

/// Who is compared with whom.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    /// Who has to accept the documents.
    pub(super) reader: &'a Version,
    /// The number of the older of the two.
    pub(super) version: u32,
    pub(super) direction: Direction,
}

impl Pair<'_> {
    /// One breach for every keyword of the reader that refuses a witness, each with the smallest such witness.
    pub(super) fn breaches(&self, check: &Check, mut witnesses: Vec<Value>) -> Vec<Breach> {
        // Few complaints and little text make the clearest example.
        witnesses.sort_by_cached_key(|witness| {
            let mut complaints = 0;
            check.complain(witness, MAX_COMPLAINTS, |_| complaints += 1);
            (complaints, witness.to_string().len())
        });
        let mut breaches: Vec<Breach> = Vec::new();
        for witness in witnesses {
            if self.reader.is_too_deep(&witness) {
                push(self.depth(witness), &mut breaches);
                continue;
            }
            check.complain(&witness, MAX_COMPLAINTS, |error| push(self.of_error(error, &witness), &mut breaches));
        }
        breaches
    }

    /// Nothing was proved and nothing was found.
    pub(super) fn undecided(&self, pointer: String, reason: &str) -> Breach {
        let (readers, writers) = self.sides();
        Breach {
            rule: "undecided".to_owned(),
            message: format!(
                "undecided at #{}: {reason}; neither a proof that {readers} accepts every document of {writers} nor a \
                 document that breaks was found",
                shown(&pointer)
            ),
            pointer,
            fix: "simplify the schema at this place, or let somebody attest that the versions fit".to_owned(),
            counter_example: None,
            version: self.version,
            direction: self.direction,
        }
    }

    fn of_error(&self, error: &ValidationError<'_>, witness: &Value) -> Breach {
        let pointer = error.schema_path().to_string();
        let rule = self.rule(error);
        let place = error.instance_path().to_string();
        let (readers, writers) = self.sides();
        let at = if place.is_empty() { String::new() } else { format!(" at {}", shown(&place)) };
        Breach {
            message: format!("{writers} lets in a document that {readers} refuses{at}: {}", explain::sentence(error)),
            fix: fix(&rule, self.direction, &subject(error)),
            rule,
            pointer,
            counter_example: Some(witness.clone()),
            version: self.version,
            direction: self.direction,
        }
    }

    fn depth(&self, witness: Value) -> Breach {
        let (readers, writers) = self.sides();
        Breach {
            rule: "depth-narrowed".to_owned(),
            pointer: String::new(),
            message: format!(
                "{writers} lets in a document with more levels than the {} that {readers} can be checked for at bounded cost",
                self.reader.depth_limit().unwrap_or_default()
            ),
            fix: "let fewer alternatives lead to the same schema further in".to_owned(),
            counter_example: Some(witness),
            version: self.version,
            direction: self.direction,
        }
    }

    /// What to call reader and writer.
    fn sides(&self) -> (String, String) {
        let (new, old) = ("the new version".to_owned(), format!("version {}", self.version));
        match self.direction {
            Direction::Backward => (new, old),
            Direction::Forward => (old, new),
        }
    }

    /// The stable name of what broke. Seen from the other side, what was narrowed was widened.
    fn rule(&self, error: &ValidationError<'_>) -> String {
        let backward = self.direction == Direction::Backward;
        let name = match error.kind() {
            Kind::Required { .. } => return if backward { "required-added" } else { "required-removed" }.to_owned(),
            Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } => {
                return if backward { "property-removed" } else { "property-added" }.to_owned();
            }
            Kind::FalseSchema if error.schema_path().to_string().contains("tems") => "items",
            Kind::FalseSchema => {
                return if backward { "property-removed" } else { "property-added" }.to_owned();
            }
            Kind::UniqueItems => {
                return if backward { "unique-items-added" } else { "unique-items-removed" }.to_owned();
            }
            Kind::Constant { .. } => return "const-changed".to_owned(),
            Kind::Type { .. } => "type",
            Kind::Enum { .. } => "enum",
            Kind::Minimum { .. }
            | Kind::Maximum { .. }
            | Kind::ExclusiveMinimum { .. }
            | Kind::ExclusiveMaximum { .. } => "range",
            Kind::MultipleOf { .. } => "multiple-of",
            Kind::MinLength { .. } | Kind::MaxLength { .. } => "length",
            Kind::MinItems { .. } | Kind::MaxItems { .. } => "item-count",
            Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => "items",
            Kind::MinProperties { .. } | Kind::MaxProperties { .. } => "property-count",
            Kind::Pattern { .. } => "pattern",
            Kind::Format { .. } => "format",
            Kind::ContentEncoding { .. } | Kind::ContentMediaType { .. } => "content",
            Kind::Contains => "contains",
            Kind::PropertyNames { .. } => "property-names",
            Kind::AnyOf { .. } => "any-of",
            Kind::OneOfMultipleValid { .. } | Kind::OneOfNotValid { .. } => "one-of",
            Kind::Not { .. } => "not",
            _ => "schema",
        };
        format!("{name}-{}", if backward { "narrowed" } else { "widened" })
    }
}

fn push(breach: Breach, breaches: &mut Vec<Breach>) {
    let known = breaches
        .iter()
        .any(|other| other.rule == breach.rule && other.pointer == breach.pointer && other.fix == breach.fix);
    if !known && breaches.len() < MAX_BREACHES {
        breaches.push(breach);
    }
}

/// What the complaint is about, in a word.
fn subject(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Required { property } => format!("`{}`", shown(property.as_str().unwrap_or_default())),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().take(3).map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ")
        }
        Kind::FalseSchema => {
            let place = error.instance_path().to_string();
            format!("`{}`", shown(place.rsplit('/').next().unwrap_or_default()))
        }
        kind => format!("`{}`", kind.keyword()),
    }
}

fn fix(rule: &str, direction: Direction, subject: &str) -> String {
    match (rule, direction) {
        ("required-added", _) => {
            format!("make {subject} optional, or fill it with an upcaster and release a major version")
        }
        ("required-removed", _) => format!("keep {subject} required: readers of the old version rely on it"),
        ("property-removed", _) => {
            format!(
                "keep {subject} declared, deprecated if need be, so that its name stays reserved; or release a major version"
            )
        }
        ("property-added", _) => format!("let the old version accept undeclared members, or leave {subject} out"),
        ("const-changed", _) => "allow the old value as well, with `enum`".to_owned(),
        (_, Direction::Backward) => {
            format!(
                "accept at least what was accepted before at {subject}, or release a major version with an upcaster"
            )
        }
        (_, Direction::Forward) => format!("let in at most what the old version accepts at {subject}"),
    }
}
