use std::ops::Range;

/// What a part of a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name or keyword.
    Word,
    /// A string.
    Text {
        /// Whether a backslash means itself.
        raw: bool,
    },
    /// One sign that is neither.
    Sign(char),
}

/// A part of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// Where it is, in bytes; of a string with its quotes.
    pub(crate) range: Range<usize>,
    /// What it says: of a string without its quotes.
    pub(crate) inner: Range<usize>,
}

impl Token {
    pub(crate) fn word(range: Range<usize>) -> Self {
        Self { kind: TokenKind::Word, inner: range.clone(), range }
    }

    pub(crate) fn sign(sign: char, start: usize) -> Self {
        let range = start..start + sign.len_utf8();
        Self { kind: TokenKind::Sign(sign), inner: range.clone(), range }
    }

    pub(crate) fn text(raw: bool, range: Range<usize>, inner: Range<usize>) -> Self {
        Self { kind: TokenKind::Text { raw }, range, inner }
    }

    pub(crate) fn is_sign(&self, sign: char) -> bool {
        self.kind == TokenKind::Sign(sign)
    }

    pub(crate) fn is_word(&self) -> bool {
        self.kind == TokenKind::Word
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.kind, TokenKind::Text { .. })
    }
}
