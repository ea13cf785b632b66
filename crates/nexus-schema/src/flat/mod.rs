//! A JSON document as one list of entries that borrow from its text: what documents are checked in.
//!
//! A tree of owned values would copy every key and every text of a document, only to be freed after one look. Here a
//! document is one allocation, whatever it holds. `entry` reads a document, `node` shows it to the validator.

mod entry;
mod node;

pub(crate) use entry::Flat;
pub(crate) use node::Borrowing;
