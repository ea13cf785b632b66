use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Who leads to whom.
pub(crate) type Edges<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// A shortest way from one node to another one, both included.
pub(crate) fn path<'a>(edges: &Edges<'a>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut reached_from: BTreeMap<&str, Option<&str>> = BTreeMap::from([(from, None)]);
    let mut open = VecDeque::from([from]);
    while let Some(node) = open.pop_front() {
        if node == to {
            let step = |node: &&'a str| reached_from.get(*node).copied().flatten();
            let mut way: Vec<_> = std::iter::successors(Some(node), step).collect();
            way.reverse();
            return Some(way);
        }
        for next in edges.get(node).into_iter().flatten().copied() {
            if !reached_from.contains_key(next) {
                reached_from.insert(next, Some(node));
                open.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_is_told_and_none_where_there_is_none() {
        let edges: Edges<'_> =
            [("a", ["b", "c"].into()), ("b", ["d"].into()), ("c", ["d"].into()), ("d", ["a"].into())].into();
        assert_eq!(path(&edges, "a", "d"), Some(vec!["a", "b", "d"]));
        assert_eq!(path(&edges, "d", "b"), Some(vec!["d", "a", "b"]));
        assert_eq!(path(&edges, "a", "e"), None);
    }
}
