//! Linearizability in O(n log n), for operations that say at which version they happened.

use super::{Effect, Operation};

/// The version after an operation, and whether the operation is what made it.
fn place(operation: &Operation) -> (u64, bool) {
    match operation.effect {
        Effect::Append { last, .. } => (last, true),
        Effect::Read { version } | Effect::Conflict { version } => (version, false),
    }
}

/// Why a history is not linearizable; `None` when it is.
///
/// Appends are ordered by their versions, and an observation lies between the append that made its version and the
/// next one. So there is one order up to observations of the same version, which may go in the order of their calls.
/// It is a linearization exactly if nobody was answered before something earlier in it was called: walking along it,
/// the latest call so far must not be after the answer of any that follows.
pub(crate) fn violation(history: &[Operation]) -> Option<String> {
    let mut order: Vec<&Operation> = history.iter().collect();
    order.sort_by_key(|operation| {
        let (version, makes) = place(operation);
        (version, !makes, operation.called)
    });
    let mut version = 0;
    let mut latest_call = 0;
    for operation in order {
        match operation.effect {
            Effect::Append { first, last } if first == version + 1 && last >= first => version = last,
            Effect::Read { version: seen } | Effect::Conflict { version: seen } if seen == version => {}
            _ => return Some(format!("{operation:?} does not fit a stream at version {version}")),
        }
        if operation.answered < latest_call {
            return Some(format!("{operation:?} was answered before something earlier was called, at {latest_call}"));
        }
        latest_call = latest_call.max(operation.called);
    }
    None
}
