//! Violations in words: what was expected and what was found.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use nexus_core::ports::Violation;
use serde_json::Value;

use crate::graph::shown;

/// Longest rendering of a value in a message, in characters.
const MAX_VALUE: usize = 80;

/// Adds what `error` says; an error about several members becomes one violation each.
pub(crate) fn push(error: &ValidationError<'_>, violations: &mut Vec<Violation>) {
    let pointer = error.instance_path().to_string();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                violations.push(Violation {
                    pointer: pointer.clone(),
                    keyword: error.kind().keyword().to_owned(),
                    message: format!("the schema declares no member `{}` here; remove it or declare it", shown(name)),
                });
            }
        }
        Kind::PropertyNames { error: inner } => violations.push(Violation {
            pointer,
            keyword: "propertyNames".to_owned(),
            message: format!("a member name does not fit: {}", message(inner)),
        }),
        kind => violations.push(Violation { pointer, keyword: kind.keyword().to_owned(), message: message(error) }),
    }
}

/// What `error` says, in a sentence.
pub(crate) fn sentence(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let names: Vec<String> = unexpected.iter().take(3).map(|name| format!("`{}`", shown(name))).collect();
            format!("the schema declares no member {} here", names.join(", "))
        }
        Kind::PropertyNames { error: inner } => format!("a member name does not fit: {}", message(inner)),
        _ => message(error),
    }
}

/// Why a schema does not compile.
pub(crate) fn schema_error(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().to_string();
    let reason = match error.kind() {
        Kind::Referencing(_) | Kind::Custom { .. } => shown(&error.to_string()),
        Kind::Format { format } if format == "regex" => format!(
            "{} is not a pattern that can be matched in linear time within {} bytes; look-around and \
             back-references are not supported",
            value(error.instance()),
            crate::limits::PATTERN_BYTES
        ),
        _ => message(error),
    };
    format!("at #{place}: {reason}")
}

fn message(error: &ValidationError<'_>) -> String {
    let found = value(error.instance());
    let expected = match error.kind() {
        Kind::Type { kind } => types(kind),
        Kind::Required { property } => return format!("the member {} is missing", value(property)),
        Kind::Enum { options } => format!("one of {}", value(options)),
        Kind::Constant { expected_value } => value(expected_value),
        Kind::Format { format } => format!("the format `{format}`"),
        Kind::Pattern { pattern } => format!("a match of the pattern `{}`", shown(pattern)),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("at least {limit} character(s)"),
        Kind::MaxLength { limit } => format!("at most {limit} character(s)"),
        Kind::MinItems { limit } => format!("at least {limit} item(s)"),
        Kind::MaxItems { limit } => format!("at most {limit} item(s)"),
        Kind::AdditionalItems { limit } => format!("at most {limit} item(s)"),
        Kind::MinProperties { limit } => format!("at least {limit} member(s)"),
        Kind::MaxProperties { limit } => format!("at most {limit} member(s)"),
        Kind::UniqueItems => "items that differ from each other".to_owned(),
        Kind::Contains => "at least one item of the required form".to_owned(),
        Kind::FalseSchema => "nothing: the schema allows no value here".to_owned(),
        Kind::OneOfMultipleValid { .. } => "exactly one alternative to fit, but several do".to_owned(),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => alternatives(error, context),
        _ => return shown(&error.to_string()),
    };
    format!("expected {expected}; found {found}")
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => format!("the type {one}"),
        TypeKind::Multiple(several) => {
            let names: Vec<String> = several.iter().map(|one| one.to_string()).collect();
            format!("one of the types {}", names.join(", "))
        }
    }
}

/// The alternatives and why the nearest of them, the one with the fewest complaints, does not fit.
fn alternatives(error: &ValidationError<'_>, context: &[Vec<ValidationError<'static>>]) -> String {
    let here = error.instance_path();
    // An alternative for another type is not what the writer meant.
    let foreign =
        |inner: &ValidationError<'_>| matches!(inner.kind(), Kind::Type { .. }) && inner.instance_path() == here;
    let nearest = context
        .iter()
        .filter(|errors| !errors.iter().any(foreign))
        .min_by_key(|errors| errors.len())
        .and_then(|errors| errors.first());
    let count = context.len();
    nearest.map_or_else(
        || format!("one of {count} alternatives"),
        |error| {
            let pointer = error.instance_path().to_string();
            let place = if pointer.is_empty() { String::new() } else { format!(" at {}", shown(&pointer)) };
            let inner: String = plain(error);
            format!("one of {count} alternatives, the nearest of which{place} {inner}")
        },
    )
}

/// One complaint inside another, without going further down.
fn plain(error: &ValidationError<'static>) -> String {
    match error.kind() {
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "has alternatives that do not fit either".to_owned(),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("has no member {}", value(&Value::from(unexpected.clone())))
        }
        _ => format!("says: {}", message(error)),
    }
}

/// A value as JSON, cut short. Never renders more of a long value than it shows.
fn value(value: &Value) -> String {
    let full = match value {
        Value::String(text) if text.len() > MAX_VALUE * 4 => {
            let start: String = text.chars().take(MAX_VALUE).collect();
            return format!("{}… ({} bytes)", Value::from(start), text.len());
        }
        Value::Array(items) if items.len() > MAX_VALUE => {
            return format!("an array of {} items", items.len());
        }
        Value::Object(members) if members.len() > MAX_VALUE / 4 => {
            return format!("an object of {} members", members.len());
        }
        other => other.to_string(),
    };
    if full.chars().nth(MAX_VALUE).is_some() {
        let start: String = full.chars().take(MAX_VALUE).collect();
        format!("{start}…")
    } else {
        full
    }
}
