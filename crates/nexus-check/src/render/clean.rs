//! Text from a repository is somebody else's: a file may be named after a terminal command, a message may quote one.

/// The text on one line, with everything that a terminal or a log would act on made visible instead.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { visible(c) }).collect()
}

/// A line of a source file: the same number of characters, so that columns hold, and with its tabs.
pub(crate) fn source_line(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { c } else { visible(c) }).collect()
}

/// JSON that says the same with escapes for everything that a terminal would act on; only strings can hold such characters.
pub(crate) fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push(c),
            _ if visible(c) == c => escaped.push(c),
            _ => escaped.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
    }
    escaped
}

/// The character, or one that shows it: the control pictures for ASCII, U+FFFD for the rest.
fn visible(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        _ if c.is_control() || reorders(c) => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

/// Whether the character changes how others are shown without being seen itself.
const fn reorders(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_acts_on_becomes_visible() {
        assert_eq!(one_line("a\x1b[31mb\r\n\tc\u{9b}2Jd\u{7f}"), "a␛[31mb␍␊ c\u{fffd}2Jd␡");
    }

    #[test]
    fn what_reorders_text_becomes_visible() {
        assert_eq!(one_line("a\u{202e}b\u{2066}c\u{feff}"), "a\u{fffd}b\u{fffd}c\u{fffd}");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        assert_eq!(one_line("Bücher 図書 🙂 {0} %41 ::x::"), "Bücher 図書 🙂 {0} %41 ::x::");
    }

    #[test]
    fn json_says_the_same_with_escapes() {
        let value = serde_json::json!("a\u{9b}b\u{202e}c\u{e0041}d\u{1b}\ne");
        let escaped = json(&value.to_string());
        assert!(escaped.is_ascii(), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_control_character_and_columns_hold(text in any::<String>()) {
            prop_assert!(!one_line(&text).chars().any(|c| c.is_control() || reorders(c)));
            prop_assert_eq!(source_line(&text).chars().count(), text.chars().count());
        }
    }
}
