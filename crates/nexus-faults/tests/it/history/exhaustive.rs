//! Linearizability by trying every order (Wing and Gong 1993): slow, and obviously right.

use super::{Effect, Operation};

/// Whether some order of the operations keeps to their moments and to what a stream does.
pub(crate) fn is_linearizable(history: &[Operation]) -> bool {
    goes_on(&mut history.to_vec(), 0)
}

fn goes_on(left: &mut Vec<Operation>, version: u64) -> bool {
    let Some(first_answer) = left.iter().map(|operation| operation.answered).min() else { return true };
    for index in 0..left.len() {
        let next = left[index];
        // What was called after somebody else was answered cannot come before it.
        if next.called > first_answer {
            continue;
        }
        let after = match next.effect {
            Effect::Append { first, last } if first == version + 1 && last >= first => last,
            Effect::Read { version: seen } | Effect::Conflict { version: seen } if seen == version => version,
            _ => continue,
        };
        left.swap_remove(index);
        let possible = goes_on(left, after);
        left.push(next);
        let last = left.len() - 1;
        left.swap(index, last);
        if possible {
            return true;
        }
    }
    false
}
