use std::ops::Range;

/// What a part of SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a plain name.
    Word,
    /// A name in quotes.
    Quoted,
    /// A string.
    Text,
    /// One sign.
    Sign(u8),
}

/// A part of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SqlToken {
    pub(super) kind: Kind,
    /// Where it is, in bytes.
    pub(super) range: Range<usize>,
    /// What it says, without quotes.
    pub(super) inner: Range<usize>,
    /// Whether it is the first on its line.
    pub(super) begins_line: bool,
}

/// The parts of any text as SQL, without comments. The marks of dollar quotes are passed and what is between them is
/// not, as it is most often the body of a function.
pub(super) fn tokens(sql: &str) -> Vec<SqlToken> {
    let mut scan = Scan { bytes: sql.as_bytes(), at: 0, begins_line: true, tokens: Vec::new() };
    while let Some(byte) = scan.peek(0) {
        scan.next(byte);
    }
    scan.tokens
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    begins_line: bool,
    tokens: Vec<SqlToken>,
}

fn is_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 0x80
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn next(&mut self, byte: u8) {
        match byte {
            b'\n' => (self.at, self.begins_line) = (self.at + 1, true),
            _ if byte.is_ascii_whitespace() => self.at += 1,
            b'-' if self.peek(1) == Some(b'-') => self.skip_line(),
            b'#' if self.begins_line || self.peek(1) == Some(b' ') => self.skip_line(),
            b'/' if self.peek(1) == Some(b'*') => self.skip_comment(),
            b'\'' => self.quoted(b'\'', Kind::Text),
            b'"' | b'`' => self.quoted(byte, Kind::Quoted),
            b'[' if self.bracket() => self.quoted(b']', Kind::Quoted),
            b'$' if self.dollar_mark() > 0 => self.at += self.dollar_mark(),
            _ if is_name(byte) => {
                let start = self.at;
                while self.peek(0).is_some_and(is_name) {
                    self.at += 1;
                }
                self.push(Kind::Word, start..self.at, start..self.at);
            }
            _ => {
                self.at += 1;
                self.push(Kind::Sign(byte), self.at - 1..self.at, self.at - 1..self.at);
            }
        }
    }

    fn push(&mut self, kind: Kind, range: Range<usize>, inner: Range<usize>) {
        self.tokens.push(SqlToken { kind, range, inner, begins_line: self.begins_line });
        self.begins_line = false;
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
    }

    /// Passes a comment with those within it. MySQL's `/*! … */` is run there, so only its marks are passed.
    fn skip_comment(&mut self) {
        if self.peek(2) == Some(b'!') {
            self.at += 3;
            while self.peek(0).is_some_and(|byte| byte.is_ascii_digit()) {
                self.at += 1;
            }
            return;
        }
        let mut depth = 0_usize;
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'*')) => (self.at, depth) = (self.at + 2, depth + 1),
                (b'*', Some(b'/')) => (self.at, depth) = (self.at + 2, depth.saturating_sub(1)),
                _ => self.at += 1,
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Takes what is in quotes; the quote twice is one of it. Without an end only the quote is passed, so that one
    /// strange quote hides nothing.
    fn quoted(&mut self, end: u8, kind: Kind) {
        let start = self.at;
        let mut at = start + 1;
        while let Some(byte) = self.bytes.get(at) {
            let escapes = *byte == b'\\' && kind == Kind::Text && self.is_escape(at, end);
            if escapes || (*byte == end && self.bytes.get(at + 1) == Some(&end)) {
                at += 2;
            } else if *byte == end {
                self.at = at + 1;
                return self.push(kind, start..at + 1, start + 1..at);
            } else {
                at += 1;
            }
        }
        self.at = start + 1;
    }

    /// Whether a backslash keeps the quote after it from ending the string. Databases differ; a string that ends in a
    /// backslash is followed by what can follow a string.
    fn is_escape(&self, at: usize, end: u8) -> bool {
        let follows = self.bytes.get(at + 2).copied().unwrap_or(b' ');
        self.bytes.get(at + 1) == Some(&end) && !follows.is_ascii_whitespace() && !b",);|".contains(&follows)
    }

    /// Whether `[` begins a name in brackets, and not a subscript or a type.
    fn bracket(&self) -> bool {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let name = rest.iter().take_while(|byte| is_name(**byte) || **byte == b' ').count();
        name > 0 && rest.get(name) == Some(&b']') && !rest.first().is_some_and(u8::is_ascii_digit)
    }

    /// The length of `$tag$`; 0 when there is none.
    fn dollar_mark(&self) -> usize {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let tag = rest.iter().take_while(|byte| is_name(**byte)).count();
        if rest.get(tag) == Some(&b'$') && !rest.first().is_some_and(u8::is_ascii_digit) { tag + 2 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sql: &str) -> Vec<&str> {
        tokens(sql).into_iter().map(|token| sql.get(token.inner).unwrap_or("<cut>")).collect()
    }

    #[test]
    fn comments_are_passed_and_bodies_of_functions_are_not() {
        assert_eq!(
            said("a -- b\n/* c /* d */ e */ f # g\n$body$ h $body$ /*!40000 i */"),
            ["a", "f", "h", "i", "*", "/"]
        );
    }

    #[test]
    fn names_and_strings_are_told_apart_in_every_quote() {
        assert_eq!(said("\"a b\" `c` [d e] 'it''s' x[1]"), ["a b", "c", "d e", "it''s", "x", "[", "1", "]"]);
    }

    #[test]
    fn a_backslash_escapes_a_quote_where_the_string_goes_on() {
        assert_eq!(said(r"'it\'s' a 'C:\' b"), [r"it\'s", "a", r"C:\", "b"]);
    }

    #[test]
    fn a_quote_without_an_end_hides_nothing() {
        assert_eq!(said("it's DELETE"), ["it", "s", "DELETE"]);
    }

    #[test]
    fn whatever_the_bytes_it_comes_to_an_end_within_them() {
        for sql in ["'", "\"", "[", "$", "$a", "/*", "--", "'é", "é'", "\u{0}\u{FFFD}", "/*!"] {
            assert!(tokens(sql).iter().all(|token| token.range.end <= sql.len()), "{sql:?}");
        }
        tokens(&"/*".repeat(100_000));
    }
}
