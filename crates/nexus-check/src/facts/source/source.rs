use std::sync::Arc;

use super::{
    pieces::{Constants, Piece, Pieces, constants},
    plain, rust,
    token::Token,
};
use crate::facts::{
    files::{FileKind, Language},
    text::Text,
};

/// A source as words, texts and signs.
pub(crate) struct Source {
    pub(crate) text: Arc<Text>,
    pub(crate) kind: FileKind,
    pub(crate) tokens: Vec<Token>,
    pub(crate) constants: Constants,
}

impl Source {
    pub(crate) fn new(text: Arc<Text>, kind: FileKind) -> Self {
        let tokens = match kind {
            FileKind::Plain(language) => plain::tokens(&text.text, language),
            // What Rust's own lexer does not take is read as what is most like it.
            _ => rust::tokens(&text.text).unwrap_or_else(|| plain::tokens(&text.text, Language::Script)),
        };
        let constants = constants(&text.text, &tokens);
        Self { text, kind, tokens, constants }
    }

    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let joins_neighbours = self.kind == FileKind::Plain(Language::Python);
        Pieces { source: &self.text.text, tokens: &self.tokens, constants: &self.constants, joins_neighbours }.all()
    }

    /// What a token says; empty when there is none.
    pub(crate) fn says(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| self.text.get(token.inner.clone()))
    }

    /// Whether there is this word.
    pub(crate) fn is_word(&self, index: usize, word: &str) -> bool {
        self.tokens.get(index).is_some_and(Token::is_word) && self.says(index) == word
    }

    pub(crate) fn is_sign(&self, index: usize, sign: char) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is_sign(sign))
    }

    /// Whether these signs follow each other from here.
    pub(crate) fn are_signs(&self, index: usize, signs: &str) -> bool {
        signs.chars().enumerate().all(|(offset, sign)| self.is_sign(index + offset, sign))
    }

    /// What is called with the token as its first argument: `client.get`.
    pub(crate) fn called_with(&self, index: usize) -> Option<String> {
        let mut at = index.checked_sub(1)?;
        while self.is_sign(at, '&') {
            at = at.checked_sub(1)?;
        }
        if !self.is_sign(at, '(') {
            return None;
        }
        let mut start = at;
        while let Some(before) = start.checked_sub(1) {
            let is_path = self.is_sign(before, '.') || self.is_sign(before, ':') || self.is_sign(before, '!');
            if !is_path && !(self.tokens.get(before)?.is_word() && (start == at || !self.tokens.get(start)?.is_word()))
            {
                break;
            }
            start = before;
        }
        let range = self.tokens.get(start)?.range.start..self.tokens.get(at)?.range.start;
        let called = self.text.get(range).trim();
        // What puts a text together is not what it is put together for.
        let outer = (called == "format!").then(|| self.called_with(start)).flatten();
        outer.or_else(|| Some(called.to_owned()).filter(|called| !called.is_empty()))
    }
}
