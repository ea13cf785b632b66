//! Histories of concurrent operations on one stream, and whether they are linearizable: whether each operation can be
//! thought to happen at one instant between its call and its answer.

mod exhaustive;
mod rules;

pub(crate) use exhaustive::is_linearizable;
pub(crate) use rules::violation;

/// What an operation did. Every append is known by the versions it got, because the stream in the end tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It made the events from version `first` to version `last`.
    Append { first: u64, last: u64 },
    /// It saw the stream at this version.
    Read { version: u64 },
    /// It was refused because the stream was at this version.
    Conflict { version: u64 },
}

/// An operation with the moments of its call and its answer. An append that was never answered but is there has
/// happened before the stream was read again after the crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) called: u64,
    pub(crate) answered: u64,
    pub(crate) effect: Effect,
}
