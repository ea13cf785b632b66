use std::{collections::BTreeMap, ops::Range};

use crate::facts::{files::FileKind, source::Source};

/// How many tokens after an attribute its item is looked for.
const MOST_AHEAD: usize = 200;

/// The event types a source makes: those it declares with `#[nexus::event]`, and those it names where an event type is
/// asked for.
pub(crate) fn made(source: &Source) -> Vec<(String, Range<usize>)> {
    let mut found: BTreeMap<String, Range<usize>> = BTreeMap::new();
    for index in 0..source.tokens.len() {
        let tokens = if source.kind == FileKind::Rust && is_event_attribute(source, index) {
            declared(source, index)
        } else {
            named(source, index).into_iter().collect()
        };
        for token in tokens {
            let name = source.says(token).to_owned();
            // Where it is first is where it is told.
            if let Some(token) = source.tokens.get(token) {
                found.entry(name).or_insert_with(|| token.range.clone());
            }
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|(_, range)| range.start);
    found
}

/// `#[nexus::event]`.
fn is_event_attribute(source: &Source, index: usize) -> bool {
    source.are_signs(index, "#[")
        && source.is_word(index + 2, "nexus")
        && source.are_signs(index + 3, "::")
        && source.is_word(index + 5, "event")
}

/// The names that `#[nexus::event]` declares: the variants of an enum, or a struct.
fn declared(source: &Source, index: usize) -> Vec<usize> {
    let is_item = |at: &usize| ["struct", "enum"].contains(&source.says(*at));
    let Some(item) = (index..index + MOST_AHEAD).find(is_item) else { return Vec::new() };
    if source.says(item) == "struct" {
        return vec![item + 1];
    }
    let Some(open) = (item..item + MOST_AHEAD).find(|at| source.is_sign(*at, '{')) else { return Vec::new() };
    let (mut depth, mut expects, mut variants) = (0_usize, true, Vec::new());
    for at in open + 1..source.tokens.len() {
        if ['{', '(', '['].iter().any(|sign| source.is_sign(at, *sign)) {
            depth += 1;
        } else if ['}', ')', ']'].iter().any(|sign| source.is_sign(at, *sign)) {
            let Some(outer) = depth.checked_sub(1) else { break };
            depth = outer;
        } else if depth == 0 && source.is_sign(at, ',') {
            expects = true;
        } else if depth == 0 && expects && source.tokens.get(at).is_some_and(|token| token.is_word()) {
            variants.push(at);
            expects = false;
        }
    }
    variants
}

/// `EventType::new("…")`, `NewEvent::new("…")`, `event_type: "…"`, `"eventType": "…"`.
fn named(source: &Source, index: usize) -> Option<usize> {
    let name = source.says(index);
    let is_member = ["event_type", "eventType"].contains(&name);
    let text = if ["EventType", "NewEvent"].contains(&name) {
        let is_made =
            source.are_signs(index + 1, "::") && source.is_word(index + 4 - 1, "new") && source.is_sign(index + 4, '(');
        is_made.then_some(index + 5)
    } else if is_member && (source.is_sign(index + 1, ':') || source.is_sign(index + 1, '=')) {
        Some(index + 2)
    } else {
        None
    }?;
    let is_type = |name: &str| {
        name.chars().next().is_some_and(char::is_uppercase)
            && name.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
    };
    source.tokens.get(text).filter(|token| token.is_text() && is_type(source.says(text))).map(|_| text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::{files::Language, text::Text};

    fn found(text: &str, kind: FileKind) -> Vec<String> {
        let source = Source::new(Arc::new(Text::new("a", text.into())), kind);
        made(&source).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn events_are_seen_where_they_are_declared_and_where_they_are_named() {
        let declared = "#[nexus::event] pub enum E { #[x(a, b)] OrderPlaced { a: Vec<(u8, u8)>, b: u8 }, Cancelled(A, B), C }\n\
                        #[nexus::event] struct Paid { x: u8 }";
        assert_eq!(found(declared, FileKind::Rust), ["OrderPlaced", "Cancelled", "C", "Paid"]);
        let named = "fn f() { EventType::new(\"A\"); NewEvent::new(\"B\", x); let e = E { event_type: \"C\" }; \
                     let event_type = name; EventType::new(\"not a type\"); g(\"D\"); }";
        assert_eq!(found(named, FileKind::Rust), ["A", "B", "C"]);
        let script =
            "append({ eventType: 'A', payload }); const e = { \"eventType\": \"B\" }; if (x.eventType == 'C') {}";
        assert_eq!(found(script, FileKind::Plain(Language::Script)), ["A", "B"]);
    }
}
