use super::token::Token;
use crate::facts::files::Language;

/// How deep templates within templates are followed.
const MOST_DEPTH: usize = 32;

/// The words, texts and signs of a source of any language, without its comments. What does not end at its line by the
/// rules of the language ends there, so that one strange line hides no others.
pub(crate) fn tokens(source: &str, language: Language) -> Vec<Token> {
    let mut scan = Scan { source, bytes: source.as_bytes(), at: 0, language, tokens: Vec::new() };
    while let Some(byte) = scan.peek(0) {
        scan.next(byte);
    }
    scan.tokens
}

struct Scan<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    language: Language,
    tokens: Vec<Token>,
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(text.as_bytes()))
    }

    /// Takes whatever begins here.
    fn next(&mut self, byte: u8) {
        let python = self.language == Language::Python;
        let triple = python || self.language == Language::Java;
        match byte {
            b'#' if python => self.skip_to("\n"),
            b'/' if !python && self.peek(1) == Some(b'/') => self.skip_to("\n"),
            b'/' if !python && self.peek(1) == Some(b'*') => self.skip_to("*/"),
            b'"' if triple && self.starts_with("\"\"\"") => self.long("\"\"\""),
            b'\'' if python && self.starts_with("'''") => self.long("'''"),
            b'`' if self.language == Language::Script => self.template(),
            b'`' if self.language == Language::Go => self.long("`"),
            b'"' | b'\'' => self.short(byte),
            _ if byte == b'_' || byte == b'$' || byte.is_ascii_alphanumeric() || byte >= 0x80 => self.word(),
            _ => {
                if !byte.is_ascii_whitespace() {
                    self.tokens.push(Token::sign(char::from(byte), self.at));
                }
                self.at += 1;
            }
        }
    }

    fn skip_to(&mut self, end: &str) {
        let rest = self.source.get(self.at..).unwrap_or("");
        self.at = rest.find(end).map_or(self.bytes.len(), |found| self.at + found + end.len());
    }

    fn word(&mut self) {
        let start = self.at;
        while self
            .peek(0)
            .is_some_and(|byte| byte == b'_' || byte == b'$' || byte.is_ascii_alphanumeric() || byte >= 0x80)
        {
            self.at += 1;
        }
        self.tokens.push(Token::word(start..self.at));
    }

    /// A string that ends at its line.
    fn short(&mut self, quote: u8) {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek(0).filter(|byte| *byte != quote && *byte != b'\n') {
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        let end = self.at.min(self.bytes.len());
        self.at = end + usize::from(self.peek(0) == Some(quote));
        self.tokens.push(Token::text(false, start..self.at, start + 1..end));
    }

    /// A string over several lines.
    fn long(&mut self, quotes: &str) {
        let start = self.at;
        self.at += quotes.len();
        let inner = self.at;
        self.skip_to(quotes);
        let end = if self.at > inner && self.source.get(inner..self.at).is_some_and(|text| text.ends_with(quotes)) {
            self.at - quotes.len()
        } else {
            self.at
        };
        self.tokens.push(Token::text(quotes == "`", start..self.at, inner..end));
    }

    fn template(&mut self) {
        let start = self.at;
        self.skip_template(0);
        let end = if self.at > start + 1 { self.at - 1 } else { self.at };
        self.tokens.push(Token::text(false, start..self.at, (start + 1).min(end)..end));
    }

    /// Passes a template with what stands in its `${…}`.
    fn skip_template(&mut self, depth: usize) {
        self.at += 1;
        let mut braces = 0_usize;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.at += 1,
                b'`' if braces == 0 || depth >= MOST_DEPTH => break,
                b'`' => {
                    self.skip_template(depth + 1);
                    continue;
                }
                b'$' if braces == 0 && self.peek(1) == Some(b'{') => (self.at, braces) = (self.at + 1, 1),
                b'{' if braces > 0 => braces += 1,
                b'}' if braces > 0 => braces -= 1,
                _ => {}
            }
            self.at += 1;
        }
        self.at = (self.at + 1).min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, language: Language) -> Vec<&str> {
        let tokens = tokens(source, language);
        tokens.into_iter().filter(Token::is_text).map(|token| source.get(token.inner).unwrap()).collect()
    }

    #[test]
    fn strings_are_told_from_comments_in_every_language() {
        let python = "# 'no'\nx = 'a' + \"b\"  # 'no'\ny = '''c\n'd' ''' // 2\nz = f\"e\"";
        assert_eq!(texts(python, Language::Python), ["a", "b", "c\n'd' ", "e"]);
        let script = "// 'no'\n/* \"no\" */ const a = 'a'; f(`b ${g(`x`)} c`, \"it's\")";
        assert_eq!(texts(script, Language::Script), ["a", "b ${g(`x`)} c", "it's"]);
        assert_eq!(texts("a := `b\"\nc` // `no`\nd(\"e\")", Language::Go), ["b\"\nc", "e"]);
        assert_eq!(
            texts("String a = \"\"\"\n b \"c\" \"\"\"; char d = '\"'; f(\"e\");", Language::Java),
            ["\n b \"c\" ", "\"", "e"]
        );
    }

    #[test]
    fn a_string_that_does_not_end_hides_one_line_at_most() {
        assert_eq!(texts("let a = /'/;\nf('b')", Language::Script), ["/;", "b"]);
    }

    #[test]
    fn whatever_the_bytes_it_comes_to_an_end_within_them() {
        for language in [Language::Python, Language::Script, Language::Go, Language::Java] {
            for source in ["\"", "'", "`", "\"\"\"", "'''", "\"\\", "`\\", "`${", "/*", "`${`${`", "é\"é", "\u{0}"] {
                for token in tokens(source, language) {
                    assert!(token.range.end <= source.len() && token.inner.end <= token.range.end, "{source:?}");
                }
            }
            tokens(&"`${".repeat(100_000), language);
        }
    }
}
