//! SQL, in files and in the texts of programs: which statement does what to which table.
//!
//! It is not parsed by the grammar of one database. What is in a repository is written for several, has placeholders
//! of the program around it and stands in bodies of functions, and a statement that a grammar does not know must not
//! go unseen. So the words are told apart in a way that no text can break, and statements are recognised by their
//! first words.

mod lexer;
mod statements;

pub(crate) use statements::{Origin, Statement, Verb, statements};
