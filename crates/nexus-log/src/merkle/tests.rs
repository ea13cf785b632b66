//! Against the recursive definition of RFC 9162, and the vectors that implementations of Certificate Transparency share.

use std::{convert::Infallible, ops::Range};

use proptest::prelude::*;

use super::{
    hash::{empty_root, node_hash},
    *,
};

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_le_bytes())).collect()
}

fn index(at: u64) -> usize {
    usize::try_from(at).unwrap()
}

/// MTH, word by word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [only] => *only,
        _ => {
            let mut half = 1;
            while half * 2 < leaves.len() {
                half *= 2;
            }
            node_hash(&naive_root(&leaves[..half]), &naive_root(&leaves[half..]))
        }
    }
}

/// PATH, word by word.
fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let half = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(half);
    let (mut path, sibling) = if index < half {
        (naive_path(index, left), naive_root(right))
    } else {
        (naive_path(index - half, right), naive_root(left))
    };
    path.push(sibling);
    path
}

/// SUBPROOF, word by word.
fn naive_subproof(from: usize, leaves: &[Hash], is_root: bool) -> Vec<Hash> {
    if from == leaves.len() {
        return if is_root { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let half = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(half);
    let (mut path, sibling) = if from <= half {
        (naive_subproof(from, left, is_root), naive_root(right))
    } else {
        (naive_subproof(from - half, right, false), naive_root(left))
    };
    path.push(sibling);
    path
}

fn subtree(leaves: &[Hash]) -> impl FnMut(Range<u64>) -> Result<Hash, Infallible> {
    |range| {
        let len = range.end - range.start;
        assert!(len.is_power_of_two() && range.start.is_multiple_of(len), "{range:?} is no complete subtree");
        Ok(naive_root(&leaves[index(range.start)..index(range.end)]))
    }
}

#[test]
fn roots_and_proofs_of_every_small_tree_are_those_of_the_definition() {
    let all = leaves(300);
    let mut frontier = Frontier::default();
    for size in 0..=all.len() {
        let tree = &all[..size];
        let root = naive_root(tree);
        assert_eq!(frontier.root(), root, "{size}");
        assert_eq!(root_of(tree), root, "{size}");
        assert_eq!(range_root(0..size as u64, &mut subtree(&all)), Ok(root), "{size}");
        if let Some(next) = all.get(size) {
            frontier.push(*next);
        }
        // Every leaf of the small trees; of the larger ones, some of each part.
        for index in (0..size).filter(|index| size <= 100 || index % 13 == size % 13 || index + 2 > size) {
            let path = inclusion_path(index as u64, size as u64, &mut subtree(&all)).unwrap();
            assert_eq!(path, naive_path(index, tree), "leaf {index} of {size}");
            assert!(inclusion_holds((index as u64, tree[index]), size as u64, &path, &root), "leaf {index} of {size}");
        }
    }
}

#[test]
fn every_small_tree_is_a_beginning_of_every_larger_one() {
    let all = leaves(130);
    let roots: Vec<Hash> = (0..=all.len()).map(|size| naive_root(&all[..size])).collect();
    for to in 0..=all.len() {
        for from in 0..=to {
            let path = consistency_path(from as u64, to as u64, &mut subtree(&all)).unwrap();
            if from > 0 {
                assert_eq!(path, naive_subproof(from, &all[..to], true), "{from} to {to}");
            }
            let (earlier, later) = ((from as u64, roots[from]), (to as u64, roots[to]));
            assert!(consistency_holds(earlier, later, &path), "{from} to {to}");
            assert!(from == to || !consistency_holds(later, earlier, &path), "{to} is no beginning of {from}");
        }
    }
}

#[test]
fn kept_levels_give_the_same_roots_as_all_leaves() {
    let count = 3 * BLOCK;
    let all = leaves(count);
    let mut levels = Levels::default();
    for block in all.chunks(index(BLOCK)) {
        levels.push(root_of(block));
    }
    assert_eq!(levels.blocks(), 3);
    assert_eq!(levels.complete(&(BLOCK..2 * BLOCK)), Some(naive_root(&all[256..512])));
    assert_eq!(levels.complete(&(0..2 * BLOCK)), Some(naive_root(&all[..512])));
    assert_eq!(levels.complete(&(0..4 * BLOCK)), None, "the fourth block is not there");
    assert_eq!(levels.complete(&(0..128)), None, "half a block is not kept");
}

#[test]
fn levels_above_the_blocks_are_kept_once_they_are_complete() {
    let blocks: Vec<Hash> = leaves(2 * BLOCK);
    let mut levels = Levels::default();
    for (count, block) in (1..).zip(&blocks) {
        levels.push(*block);
        let kept = levels.complete(&(0..BLOCK * BLOCK));
        assert_eq!(kept.is_some(), count >= BLOCK, "after {count} blocks");
    }
    assert_eq!(levels.complete(&(0..BLOCK * BLOCK)), Some(naive_root(&blocks[..256])));
    assert_eq!(levels.complete(&(0..2 * BLOCK * BLOCK)), Some(naive_root(&blocks)));
    assert_eq!(levels.complete(&(BLOCK * BLOCK..2 * BLOCK * BLOCK)), Some(naive_root(&blocks[256..])));
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hash(hex: &str) -> Hash {
    bytes(hex).try_into().unwrap()
}

/// The inputs and roots of the reference tests of Certificate Transparency.
const CT_INPUTS: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const CT_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn the_vectors_of_certificate_transparency_hold() {
    assert_eq!(empty_root(), hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    let all: Vec<Hash> = CT_INPUTS.iter().map(|input| leaf_hash(&bytes(input))).collect();
    for (size, root) in (1..).zip(CT_ROOTS) {
        assert_eq!(naive_root(&all[..size]), hash(root), "{size}");
    }
    let path = inclusion_path(0, 8, &mut subtree(&all)).unwrap();
    let wanted = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(path, wanted.map(hash));
    let path = consistency_path(6, 8, &mut subtree(&all)).unwrap();
    let wanted = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(path, wanted.map(hash));
}

proptest! {
    #[test]
    fn a_changed_inclusion_proof_does_not_hold(
        size in 2_u64..300, at in any::<prop::sample::Index>(), change in 0_usize..5, byte in any::<prop::sample::Index>(),
    ) {
        let all = leaves(size);
        let index = at.index(all.len());
        let root = naive_root(&all);
        let mut path = naive_path(index, &all);
        let (mut place, mut leaf, mut wanted) = (index as u64, all[index], root);
        match change {
            0 => place = (place + 1) % size,
            1 => leaf[byte.index(32)] ^= 1,
            2 => wanted[byte.index(32)] ^= 1,
            3 => { path.pop(); }
            _ => { let node = byte.index(path.len()); path[node][byte.index(32)] ^= 1; }
        }
        prop_assert!(!inclusion_holds((place, leaf), size, &path, &wanted));
    }

    #[test]
    fn a_changed_consistency_proof_does_not_hold(
        to in 3_u64..300, at in any::<prop::sample::Index>(), change in 0_usize..4, byte in any::<prop::sample::Index>(),
    ) {
        let all = leaves(to);
        let from = 1 + at.index(all.len() - 1);
        let mut path = naive_subproof(from, &all, true);
        let (mut earlier, mut later) = (naive_root(&all[..from]), naive_root(&all));
        match change {
            0 => earlier[byte.index(32)] ^= 1,
            1 => later[byte.index(32)] ^= 1,
            2 => { path.pop(); }
            _ => { let node = byte.index(path.len()); path[node][byte.index(32)] ^= 1; }
        }
        prop_assert!(!consistency_holds((from as u64, earlier), (to, later), &path));
    }
}
