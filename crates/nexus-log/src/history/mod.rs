//! The Merkle tree over the log: kept beside it, signed as it grows, and asked for proofs.
//!
//! A follower: it only reads what is durable, on a thread of its own and on those of its readers. Nothing here is on the
//! way of an append. `docs/formats/tree-heads.md` has the bytes.

mod heads_file;
mod key;
mod key_file;
mod leaves;
mod record;
mod settle;
mod signed;
mod tree;
mod tree_file;

pub(crate) use heads_file::{HEADS_FILE, ReadHeads, read_heads};
pub use key::{checkpoint, key_id, public_key_pem, signed_text};
pub(crate) use record::Record;
pub use signed::{Unproven, check_consistency, check_head, check_inclusion};
pub use tree::LogHistoryTree;
pub(crate) use tree::Shared;
pub(crate) use tree_file::{blocks_of, tree_image, tree_path};
