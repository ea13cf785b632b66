use std::{collections::BTreeMap, ops::Range};

use super::token::{Token, TokenKind};

/// Longest name of a constant that is filled in, in bytes.
const MOST_NAME: usize = 64;
/// Most tokens of the arguments of a call that are looked at.
const MOST_ARGUMENTS: usize = 64;

/// A text as the program will have it: neighbours joined, constants filled in, and where each part is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// From where in `text` on it is written from where in the source on; ascending.
    segments: Vec<(usize, Range<usize>)>,
    /// The first token of it.
    pub(crate) first: usize,
}

impl Piece {
    /// Where a part of it is written.
    pub(crate) fn written(&self, part: Range<usize>) -> Range<usize> {
        let start = self.offset(part.start);
        let last = self.offset(part.end.saturating_sub(1).max(part.start));
        start..(last + usize::from(part.end > part.start)).max(start)
    }

    fn offset(&self, at: usize) -> usize {
        let index = self.segments.partition_point(|(from, _)| *from <= at);
        let Some((from, range)) = index.checked_sub(1).and_then(|index| self.segments.get(index)) else { return 0 };
        (range.start + (at - from)).min(range.end.saturating_sub(1).max(range.start))
    }

    fn push(&mut self, text: &str, written: Range<usize>) {
        self.segments.push((self.text.len(), written));
        self.text.push_str(text);
    }
}

/// The texts that are given a name, by it; `None` where a name is given to several.
pub(crate) type Constants = BTreeMap<String, Option<usize>>;

/// Finds `NAME = "…"`, whatever stands between the name and the sign: a type, or nothing.
pub(crate) fn constants(source: &str, tokens: &[Token]) -> Constants {
    let mut found = Constants::new();
    for (index, _) in tokens.iter().enumerate().filter(|(_, token)| token.is_text()) {
        let name = index.checked_sub(1).filter(|sign| tokens.get(*sign).is_some_and(|token| token.is_sign('=')));
        if let Some(name) = name.and_then(|sign| name_before(tokens, sign)).and_then(|name| source.get(name)) {
            let one = !found.contains_key(name);
            found.insert(name.to_owned(), one.then_some(index));
        }
    }
    found
}

/// The name that `=` gives a value: the word before it, or the word before the `:` of its type.
fn name_before(tokens: &[Token], sign: usize) -> Option<Range<usize>> {
    let before = tokens.get(sign.saturating_sub(8)..sign)?;
    let is_of_type = |token: &&Token| matches!(token.kind, TokenKind::Word | TokenKind::Sign('&' | '\'' | '<' | '>'));
    let type_length = before.iter().rev().take_while(is_of_type).count();
    let colon = before.len() - type_length;
    let typed = colon.checked_sub(2).and_then(|name| before.get(name)).filter(|name| name.is_word());
    let named = if before.get(colon.wrapping_sub(1)).is_some_and(|token| token.is_sign(':')) { typed } else { None };
    named.or_else(|| before.last().filter(|token| token.is_word())).map(|name| name.inner.clone())
}

/// Puts the texts of a source together.
pub(crate) struct Pieces<'a> {
    pub(crate) source: &'a str,
    pub(crate) tokens: &'a [Token],
    pub(crate) constants: &'a Constants,
    /// Whether strings that follow each other are one, as in Python.
    pub(crate) joins_neighbours: bool,
}

impl Pieces<'_> {
    /// Every text of the source, each in one piece.
    pub(crate) fn all(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut index = 0;
        while let Some(token) = self.tokens.get(index) {
            if token.is_text() {
                let (piece, next) = self.piece(index);
                pieces.push(piece);
                index = next;
            } else {
                index += 1;
            }
        }
        pieces
    }

    /// The piece that begins at a token, and the token after it.
    fn piece(&self, first: usize) -> (Piece, usize) {
        let mut piece = Piece { text: String::new(), segments: Vec::new(), first };
        let in_concat = self.is_concat(first);
        let mut index = first;
        while let Some(token) = self.tokens.get(index) {
            match token.kind {
                TokenKind::Text { raw } => self.text(&mut piece, index, raw),
                TokenKind::Word => {
                    let value = self.constant(self.source.get(token.inner.clone()).unwrap_or(""));
                    piece.push(value.unwrap_or("?"), token.range.clone());
                }
                TokenKind::Sign(_) => break,
            }
            let joint = self.tokens.get(index + 1);
            let joins = |sign: &Token| sign.is_sign('+') || (in_concat && sign.is_sign(','));
            index += 1;
            if joint.is_some_and(joins) && self.tokens.get(index + 1).is_some_and(|next| self.is_part(next, index + 1))
            {
                index += 1;
            } else if !(self.joins_neighbours && joint.is_some_and(Token::is_text)) {
                break;
            }
        }
        (piece, index)
    }

    /// Whether a token after `+` belongs to the text: a text, or a name that is not called or looked into.
    fn is_part(&self, token: &Token, index: usize) -> bool {
        let looked_into = |next: &Token| ['(', '.', ':', '['].iter().any(|sign| next.is_sign(*sign));
        token.is_text() || (token.is_word() && !self.tokens.get(index + 1).is_some_and(looked_into))
    }

    /// Whether the text is in Rust's `concat!(…)`.
    fn is_concat(&self, first: usize) -> bool {
        let before = first.checked_sub(3).and_then(|start| self.tokens.get(start..first));
        before.is_some_and(|before| {
            let word = before.first().and_then(|word| self.source.get(word.inner.clone()));
            word == Some("concat")
                && before.iter().skip(1).map(|token| token.kind).eq([TokenKind::Sign('!'), TokenKind::Sign('(')])
        })
    }

    fn constant(&self, name: &str) -> Option<&str> {
        let token = self.tokens.get((*self.constants.get(name)?)?)?;
        self.source.get(token.inner.clone())
    }

    /// Adds a text, with its escapes as blanks of the same length and constants in place of `{NAME}`, `${NAME}`, and of
    /// `{}` where they are handed to what formats the text.
    fn text(&self, piece: &mut Piece, index: usize, raw: bool) {
        let Some(token) = self.tokens.get(index) else { return };
        let written = self.source.get(token.inner.clone()).unwrap_or("");
        let mut arguments = self.arguments(index).into_iter();
        let mut done = 0;
        for (open, _) in written.match_indices('{') {
            // No name is longer; without a bound many open braces would be searched to the end for each.
            let inside = written.as_bytes().get(open + 1..).unwrap_or_default().iter().take(MOST_NAME);
            let Some(length) = inside.into_iter().position(|byte| *byte == b'}').filter(|_| open >= done) else {
                continue;
            };
            let close = open + 1 + length;
            let name = written.get(open + 1..close).unwrap_or("").trim();
            let name = if name.is_empty() { arguments.next().flatten() } else { Some(name) };
            if let Some(value) = name.and_then(|name| self.constant(name)) {
                let dollar = written.get(done..open).is_some_and(|before| before.ends_with('$'));
                self.plain(piece, token, raw, done..open - usize::from(dollar));
                piece.push(value, token.inner.start + open..token.inner.start + close + 1);
                done = close + 1;
            }
        }
        self.plain(piece, token, raw, done..written.len());
    }

    /// What follows a text in the call it is the first argument of: the name where an argument is only that.
    fn arguments(&self, text: usize) -> Vec<Option<&str>> {
        let mut arguments = Vec::new();
        let (mut depth, mut start) = (0_usize, text + 1);
        for (at, token) in self.tokens.iter().enumerate().skip(text + 1).take(MOST_ARGUMENTS) {
            let ends = depth == 0 && (token.is_sign(',') || token.is_sign(')'));
            if ends && start > text + 1 {
                let only = self.tokens.get(start).filter(|only| at == start + 1 && only.is_word());
                arguments.push(only.and_then(|only| self.source.get(only.inner.clone())));
            }
            match token.kind {
                _ if ends && token.is_sign(',') => start = at + 1,
                TokenKind::Sign('(' | '[' | '{') => depth += 1,
                TokenKind::Sign(')' | ']' | '}') if depth > 0 => depth -= 1,
                TokenKind::Sign(')' | ']' | '}' | ';') => break,
                _ if at == text + 1 => break,
                _ => {}
            }
        }
        arguments
    }

    fn plain(&self, piece: &mut Piece, token: &Token, raw: bool, part: Range<usize>) {
        let range = token.inner.start + part.start..token.inner.start + part.end;
        let written = self.source.get(range.clone()).unwrap_or("");
        if raw || !written.contains('\\') {
            return piece.push(written, range);
        }
        let mut escaped = false;
        let meant: String = written
            .chars()
            .map(|c| {
                let blank = (!escaped && c == '\\') || (escaped && matches!(c, 'n' | 't' | 'r' | '0' | '\n' | '\\'));
                escaped = !escaped && c == '\\';
                if blank { ' ' } else { c }
            })
            .collect();
        piece.push(&meant, range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{
        files::Language,
        source::{plain, rust},
    };

    fn pieces(source: &str, tokens: &[Token], joins_neighbours: bool) -> Vec<Piece> {
        let constants = constants(source, tokens);
        Pieces { source, tokens, constants: &constants, joins_neighbours }.all()
    }

    fn of_rust(source: &str) -> Vec<String> {
        pieces(source, &rust::tokens(source).unwrap(), false).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn what_is_joined_is_one_text() {
        assert_eq!(of_rust(r#"f(concat!("DELETE ", "FROM x"), "y")"#), ["DELETE FROM x", "y"]);
        let python = "T: str = 'events'\nq = ('DELETE '\n  'FROM ' + T + \" WHERE\" + f(x))";
        let tokens = plain::tokens(python, Language::Python);
        let texts: Vec<_> = pieces(python, &tokens, true).into_iter().map(|piece| piece.text).collect();
        assert_eq!(texts, ["events", "DELETE FROM events WHERE"]);
    }

    #[test]
    fn constants_are_filled_in_where_there_is_one_of_the_name() {
        let source = r#"const T: &'static str = "events"; f(format!("DELETE FROM {T} {}", x)); g("a" + T);"#;
        assert_eq!(of_rust(source), ["events", "DELETE FROM events {}", "aevents"]);
        let source = r#"const T: &str = "events"; f(format!("{} FROM {} {x}", g(a, b), T)); g("{}", t, T);"#;
        assert_eq!(of_rust(source), ["events", "{} FROM events {x}", "{}"]);
        let source = r#"const T: &str = "a"; mod b { const T: &str = "b"; } f("x {T}");"#;
        assert_eq!(of_rust(source), ["a", "b", "x {T}"]);
        let script = "const T = 'events'; q(`DELETE FROM ${T} WHERE ${x}`)";
        let tokens = plain::tokens(script, Language::Script);
        let texts: Vec<_> = pieces(script, &tokens, false).into_iter().map(|piece| piece.text).collect();
        assert_eq!(texts, ["events", "DELETE FROM events WHERE ${x}"]);
    }

    #[test]
    fn a_long_text_takes_no_longer_than_its_length() {
        let source = format!("f(\"{}}}\")", "{".repeat(1_000_000));
        assert_eq!(of_rust(&source).len(), 1);
    }

    #[test]
    fn a_part_of_a_text_is_found_where_it_is_written() {
        let source = r#"const T: &str = "events"; f("DELETE\n FROM {T} x");"#;
        let piece = pieces(source, &rust::tokens(source).unwrap(), false).pop().unwrap();
        let written = |part: &str| {
            let start = piece.text.find(part).unwrap();
            &source[piece.written(start..start + part.len())]
        };
        assert_eq!((written("DELETE"), written("FROM"), written(" x")), ("DELETE", "FROM", " x"));
        assert!(written("FROM events").starts_with("FROM {"));
    }
}
