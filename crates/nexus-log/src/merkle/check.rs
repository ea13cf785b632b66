//! The checks of RFC 9162, sections 2.1.3.2 and 2.1.4.2, for whoever has nothing but hashes.

use super::hash::{Hash, node_hash};

/// Whether `path` leads from `leaf`, which is leaf number `index`, to `root`, that of a tree of `size` leaves.
pub(crate) fn inclusion_holds((index, leaf): (u64, Hash), size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether `path` shows that the tree with size and root `from` is a beginning of the tree with size and root `to`.
pub(crate) fn consistency_holds(from: (u64, Hash), to: (u64, Hash), path: &[Hash]) -> bool {
    if from.0 == 0 || from.0 == to.0 {
        // Nothing is a beginning of everything, and a tree of itself.
        return path.is_empty() && from.0 <= to.0 && (from.0 == 0 || from.1 == to.1);
    }
    if from.0 > to.0 {
        return false;
    }
    let (mut node, mut last) = (from.0 - 1, to.0 - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    // The earlier root is a node of the later tree exactly if its size is a power of two; then it is not in the path.
    let (start, rest) = match path.split_first() {
        _ if from.0.is_power_of_two() => (from.1, path),
        Some((first, rest)) => (*first, rest),
        None => return false,
    };
    let (mut earlier, mut later) = (start, start);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            earlier = node_hash(sibling, &earlier);
            later = node_hash(sibling, &later);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            later = node_hash(&later, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && earlier == from.1 && later == to.1
}
