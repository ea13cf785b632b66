//! Texts around lengths, and texts that patterns and formats accept.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;

use super::{Sampler, facets::Facets};

/// Longest text that is drawn, in characters.
const MAX_LENGTH: usize = 4_096;
/// How many different ways a pattern is written out.
const STYLES: usize = 8;

impl<'a> Sampler<'a> {
    pub(super) fn texts(&self, base: &Facets<'a>, hint: &Facets<'a>) -> Vec<String> {
        let minimum = base.counts("minLength").max().unwrap_or(0);
        let maximum = base.counts("maxLength").min().unwrap_or(usize::MAX);
        let lengths = cuts(base, hint, minimum, maximum);
        let strings =
            |facets: &Facets<'a>, keyword| -> Vec<&'a str> { facets.all(keyword).filter_map(Value::as_str).collect() };
        let demanded = strings(base, "pattern");
        let mut texts: Vec<String> = Vec::new();
        for pattern in &demanded {
            texts.extend(written(pattern, &lengths));
        }
        for format in strings(base, "format") {
            texts.extend(of_format(format).iter().map(|text| (*text).to_owned()));
        }
        if demanded.is_empty() {
            texts.extend(lengths.iter().map(|length| "a".repeat(*length)));
            for pattern in strings(hint, "pattern") {
                texts.extend(written(pattern, &lengths));
            }
            let padding = minimum.min(MAX_LENGTH);
            texts.extend(["0", "A", " ", "-", "é", "_", "\n"].iter().map(|text| text.repeat(padding.max(1))));
            for format in strings(hint, "format") {
                texts.extend(of_format(format).iter().map(|text| (*text).to_owned()));
            }
            texts.extend(["YQ==", "{}", "1"].map(str::to_owned));
        }
        texts.retain(|text| {
            let length = text.chars().count();
            (minimum..=maximum).contains(&length) && demanded.iter().all(|pattern| self.matches(pattern, text))
        });
        let mut unique: Vec<String> = Vec::new();
        for text in texts {
            if !unique.contains(&text) {
                unique.push(text);
            }
        }
        unique
    }
}

/// The lengths worth trying, within the bounds of the base.
fn cuts(base: &Facets<'_>, hint: &Facets<'_>, minimum: usize, maximum: usize) -> Vec<usize> {
    let mut lengths = vec![minimum.max(1).min(maximum), minimum];
    for facets in [hint, base] {
        for keyword in ["minLength", "maxLength"] {
            for cut in facets.counts(keyword) {
                lengths.extend([cut.saturating_sub(1), cut, cut.saturating_add(1)]);
            }
        }
    }
    lengths.push(2);
    let mut seen = Vec::new();
    for length in lengths {
        if (minimum..=maximum).contains(&length) && length <= MAX_LENGTH && !seen.contains(&length) {
            seen.push(length);
        }
    }
    seen
}

/// Texts that a pattern matches, plain and with something around them, and of the wanted lengths where it can be.
pub(super) fn written(pattern: &str, lengths: &[usize]) -> Vec<String> {
    let Ok(hir) = regex_syntax::ParserBuilder::new().nest_limit(64).build().parse(pattern) else { return Vec::new() };
    let mut texts = Vec::new();
    for style in 0..STYLES {
        let mut text = String::new();
        write(&hir, Style { index: style, repeats: style % 3 }, &mut text);
        texts.push(text);
    }
    for length in lengths {
        let mut text = String::new();
        write(&hir, Style { index: 0, repeats: *length }, &mut text);
        texts.push(text);
        if let Some(first) = texts.first().cloned() {
            let missing = length.saturating_sub(first.chars().count());
            texts.push(format!("{first}{}", "a".repeat(missing)));
            texts.push(format!("{}{first}", "a".repeat(missing)));
        }
    }
    if let Some(first) = texts.first().cloned() {
        texts.extend([format!("x{first}"), format!("{first}x"), format!("x{first}x"), format!("{first}{first}")]);
        texts.extend([format!("-{first}"), format!("{first} "), format!("{first}0")]);
    }
    texts
}

/// One way of writing a pattern out.
#[derive(Clone, Copy)]
struct Style {
    /// Which alternative and which character is taken.
    index: usize,
    /// How often more than necessary something is repeated.
    repeats: usize,
}

fn write(hir: &Hir, style: Style, text: &mut String) {
    if text.len() > MAX_LENGTH {
        return;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.extend(character(class, style.index)),
        HirKind::Capture(capture) => write(&capture.sub, style, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, style, text)),
        HirKind::Alternation(parts) => {
            if let Some(part) = parts.get(style.index % parts.len().max(1)) {
                write(part, style, text);
            }
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.map_or(usize::MAX, |most| most as usize);
            let times = (repetition.min as usize).saturating_add(style.repeats).min(most);
            for _ in 0..times {
                if text.len() > MAX_LENGTH {
                    break;
                }
                write(&repetition.sub, style, text);
            }
        }
    }
}

/// A character of a class: the first and the last of each range in turn, those of ASCII before others.
fn character(class: &Class, index: usize) -> Option<char> {
    let mut ends: Vec<char> = match class {
        Class::Unicode(class) => {
            class.ranges().iter().take(16).flat_map(|range| [range.start(), range.end()]).collect()
        }
        Class::Bytes(class) => {
            class.ranges().iter().take(16).flat_map(|range| [range.start().into(), range.end().into()]).collect()
        }
    };
    let inside = |wanted: char| match class {
        Class::Unicode(class) => class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&wanted)),
        Class::Bytes(class) => {
            class.ranges().iter().any(|range| (char::from(range.start())..=char::from(range.end())).contains(&wanted))
        }
    };
    ends.extend(['a', 'z', '0', 'A', ' ', '_'].into_iter().filter(|wanted| inside(*wanted)));
    ends.sort_by_key(|end| (!end.is_ascii_alphanumeric(), !end.is_ascii_graphic(), !end.is_ascii()));
    ends.dedup();
    ends.get(index % ends.len().max(1)).copied()
}

fn of_format(format: &str) -> &'static [&'static str] {
    match format {
        "date" => &["2026-01-31", "0001-12-31"],
        "date-time" => &["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+01:00"],
        "time" => &["12:00:00Z", "23:59:59.9+01:00"],
        "duration" => &["P1D", "PT1H30M"],
        "email" | "idn-email" => &["a@example.com", "first.last@example.org"],
        "hostname" | "idn-hostname" => &["example.com", "a"],
        "ipv4" => &["127.0.0.1", "10.0.0.255"],
        "ipv6" => &["::1", "2001:db8::1"],
        "uri" | "iri" | "uri-reference" | "iri-reference" => &["https://example.com/a", "urn:a:b"],
        "uri-template" => &["https://example.com/{a}", "a"],
        "uuid" => &["01890a5d-ac96-774b-bcce-b302099a8057", "00000000-0000-0000-0000-000000000000"],
        "json-pointer" => &["/a/b", ""],
        "relative-json-pointer" => &["0", "1/a"],
        "regex" => &["^a+$", "a"],
        _ => &[],
    }
}
