//! How deep a text nests, told before it is parsed.

/// Deepest nesting of arrays, sets and objects that is parsed. The parser tries what begins with `[` or `{` as a
/// comprehension first and then again, so that each level doubles its work.
const DEEPEST: usize = 10;
/// Deepest nesting of parentheses that is parsed.
const MOST_PARENTHESES: usize = 64;
/// Most signs in a row that are parsed: each is one expression inside the one before.
const MOST_SIGNS: usize = 64;

/// The 1-based line where brackets or signs nest deeper than is parsed; `None` when none do. What stands in texts and
/// comments does not count.
pub(crate) fn line(source: &str) -> Option<u32> {
    let (mut depth, mut parentheses, mut signs, mut line) = (0_usize, 0_usize, 0_usize, 1_u32);
    let mut inside = Inside::Code;
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        if c == '\n' {
            line = line.saturating_add(1);
        }
        match (inside, c) {
            (Inside::Code, '#') => inside = Inside::Comment,
            (Inside::Code, '"') => inside = Inside::Text,
            (Inside::Code, '`') => inside = Inside::RawText,
            (Inside::Code, '[' | '{') => depth += 1,
            (Inside::Code, ']' | '}') => depth = depth.saturating_sub(1),
            (Inside::Code, '(') => parentheses += 1,
            (Inside::Code, ')') => parentheses = parentheses.saturating_sub(1),
            (Inside::Text, '\\') => drop(chars.next()),
            // A text ends with its line; one that does not is refused by the parser.
            (Inside::Comment | Inside::Text, '\n') | (Inside::Text, '"') | (Inside::RawText, '`') => {
                inside = Inside::Code;
            }
            _ => {}
        }
        signs = match (inside, c) {
            (Inside::Code, '-') => signs + 1,
            (Inside::Code, c) if !c.is_whitespace() => 0,
            _ => signs,
        };
        if depth > DEEPEST || parentheses > MOST_PARENTHESES || signs > MOST_SIGNS {
            return Some(line);
        }
    }
    None
}

#[derive(Clone, Copy)]
enum Inside {
    Code,
    Comment,
    Text,
    RawText,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_told_with_its_line() {
        assert_eq!(line(&"[".repeat(DEEPEST)), None);
        assert_eq!(line(&"x := \n[\n".repeat(DEEPEST + 1)), Some(22));
        assert_eq!(line(&"(".repeat(MOST_PARENTHESES)), None);
        assert_eq!(line(&"(".repeat(MOST_PARENTHESES + 1)), Some(1));
        assert_eq!(line(&format!("package p\nx := {}1", "- ".repeat(200))), Some(2));
        assert_eq!(line(&"f([1], {2})\n".repeat(1000)), None);
    }

    #[test]
    fn texts_and_comments_nest_nothing() {
        assert_eq!(line(&format!("# {}\nx := 1", "-".repeat(100))), None);
        assert_eq!(line(&format!("x := \"{}\"", "[".repeat(100))), None);
        assert_eq!(line(&format!("x := `\n{}`", "{".repeat(100))), None);
        assert_eq!(line(&format!("x := \"a\\\"b\" {}", "[".repeat(100))), Some(1));
        assert_eq!(line(&format!("# \"\nx := {}", "[".repeat(100))), Some(2));
        assert_eq!(line(&format!("x := \"#\" {}", "[".repeat(100))), Some(1));
    }
}
