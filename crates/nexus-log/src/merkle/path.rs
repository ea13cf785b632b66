//! Which nodes a proof consists of.

use std::ops::Range;

use super::hash::{Hash, empty_root, node_hash};

/// The size of the left part of a tree of `size` leaves, at least two: the largest power of two below it.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The root over the leaves in `range`, which is a subtree of some tree, from the roots of complete subtrees.
pub(crate) fn range_root<E>(
    range: Range<u64>,
    complete: &mut impl FnMut(Range<u64>) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let size = range.end.saturating_sub(range.start);
    if size == 0 {
        return Ok(empty_root());
    }
    if size.is_power_of_two() {
        return complete(range);
    }
    let middle = range.start + split(size);
    let left = complete(range.start..middle)?;
    Ok(node_hash(&left, &range_root(middle..range.end, complete)?))
}

/// PATH of RFC 9162, section 2.1.3.1: the siblings from leaf `leaf` to the root of a tree of `size` leaves.
pub(crate) fn inclusion_path<E>(
    leaf: u64,
    size: u64,
    complete: &mut impl FnMut(Range<u64>) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let mut path = Vec::new();
    let mut range = 0..size;
    while range.end - range.start > 1 {
        let middle = range.start + split(range.end - range.start);
        let (next, sibling) = if leaf < middle {
            (range.start..middle, middle..range.end)
        } else {
            (middle..range.end, range.start..middle)
        };
        path.push(range_root(sibling, complete)?);
        range = next;
    }
    path.reverse();
    Ok(path)
}

/// PROOF of RFC 9162, section 2.1.4.1: what leads from the tree of `from` leaves to that of `to` leaves. Empty when one
/// of them is empty or both are the same.
pub(crate) fn consistency_path<E>(
    from: u64,
    to: u64,
    complete: &mut impl FnMut(Range<u64>) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let mut path = Vec::new();
    if from == 0 || from >= to {
        return Ok(path);
    }
    let mut range = 0..to;
    while range.end != from {
        let middle = range.start + split(range.end - range.start);
        let (next, sibling) = if from <= middle {
            (range.start..middle, middle..range.end)
        } else {
            (middle..range.end, range.start..middle)
        };
        path.push(range_root(sibling, complete)?);
        range = next;
    }
    // The verifier knows the earlier root; it needs a node only where that root is not one.
    if range.start > 0 {
        path.push(range_root(range, complete)?);
    }
    path.reverse();
    Ok(path)
}
