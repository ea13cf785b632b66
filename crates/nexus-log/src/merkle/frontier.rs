use super::hash::{Hash, empty_root, node_hash};

/// A tree that only grows and only tells its root: the complete subtrees it consists of, largest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

impl Frontier {
    /// Adds the next leaf.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Like adding one to a binary number: each carry joins two subtrees of one size.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.nodes.push(hash);
        self.size += 1;
    }

    /// The root over everything so far.
    pub(crate) fn root(&self) -> Hash {
        let joined = self.nodes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or_else(empty_root)
    }
}
