//! Sources of programs, seen as words, texts and signs. That is less than a syntax tree, and for these rules more:
//! what stands in macros is seen, a file that does not parse is, and every language is seen the same way.
//!
//! Reading order: `token` (what is seen), `rust` and `plain` (how it is told apart), `pieces` (texts as the program
//! will have them), `source` (a file with all that).

mod pieces;
mod plain;
mod rust;
#[expect(clippy::module_inception, reason = "the file is the type, the folder how it is made")]
mod source;
mod token;

pub(crate) use pieces::Piece;
pub(crate) use source::Source;
pub(crate) use token::TokenKind;
