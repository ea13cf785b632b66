use sha2::{Digest as _, Sha256};

/// A node of the tree.
pub(crate) type Hash = [u8; 32];

/// The root of a tree without leaves.
pub(crate) fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A leaf. The byte in front keeps leaves and inner nodes apart, so that neither can pass for the other.
pub(crate) fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// An inner node.
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root over nodes of one level, all of them complete but perhaps the last.
pub(crate) fn root_of(nodes: &[Hash]) -> Hash {
    let mut level = nodes.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                [alone] => Some(*alone),
                _ => None,
            })
            .collect();
    }
    level.first().copied().unwrap_or_else(empty_root)
}
