//! However a genuine token is changed at random, it is refused.

use std::sync::LazyLock;

use nexus_identity::Algorithm;
use proptest::{prelude::*, sample::Index};

use crate::support::{claims, present, signed};

static GENUINE: LazyLock<Vec<String>> =
    LazyLock::new(|| Algorithm::ALL.map(|algorithm| signed(algorithm, &claims())).to_vec());

/// One change of a text.
#[derive(Debug, Clone)]
enum Change {
    Replace(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index, Index),
    Swap(Index, Index),
    Repeat(Index, Index),
    TakeFrom(usize, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        (place(), 32..127_u8).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (place(), 0..7_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (place(), 0..127_u8).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (place(), place()).prop_map(|(from, to)| Change::Remove(from, to)),
        (place(), place()).prop_map(|(one, other)| Change::Swap(one, other)),
        (place(), place()).prop_map(|(from, to)| Change::Repeat(from, to)),
        (0..4_usize, place(), place()).prop_map(|(other, from, to)| Change::TakeFrom(other, from, to)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let Some(last) = bytes.len().checked_sub(1) else { return };
    let range = |from: &Index, to: &Index| {
        let (from, to) = (from.index(last + 1), to.index(last + 1));
        from.min(to)..from.max(to)
    };
    match change {
        Change::Replace(at, byte) => bytes[at.index(last + 1)] = *byte,
        Change::Flip(at, bit) => bytes[at.index(last + 1)] ^= 1 << bit,
        Change::Insert(at, byte) => bytes.insert(at.index(last + 1), *byte),
        Change::Remove(from, to) => drop(bytes.drain(range(from, to))),
        Change::Swap(one, other) => bytes.swap(one.index(last + 1), other.index(last + 1)),
        Change::Repeat(from, to) => {
            let again = bytes[range(from, to)].to_vec();
            bytes.extend(again);
        }
        Change::TakeFrom(other, from, to) => {
            let other = GENUINE[*other].as_bytes();
            let range = range(from, to);
            let end = range.end.min(other.len());
            if range.start < end {
                bytes[range.start..end].copy_from_slice(&other[range.start..end]);
            }
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn a_changed_token_never_authenticates() {
    proptest!(config(), |(start in 0..4_usize, changes in prop::collection::vec(change(), 1..6))| {
        let mut bytes = GENUINE[start].clone().into_bytes();
        for change in &changes {
            apply(&mut bytes, change);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        prop_assume!(!GENUINE.contains(&text));
        prop_assert!(present(&text).is_err(), "{text}");
    });
}

#[test]
fn any_text_is_answered() {
    proptest!(config(), |(text in any::<String>())| prop_assert!(present(&text).is_err()));
}

#[test]
fn the_tokens_that_are_changed_are_accepted_unchanged() {
    for token in GENUINE.iter() {
        assert!(present(token).is_ok());
    }
}
