//! What is answered.

use std::fmt;

use serde_json::Value;

use super::mode::Direction;

/// How far the version number of a schema has to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bump {
    /// Nothing changed.
    None,
    /// Only words for people changed: titles, descriptions, examples.
    Patch,
    /// Everything the newest version let in is still accepted.
    Minor,
    /// Something that was accepted is no more, or that could not be ruled out.
    Major,
}

/// The verdict on a new version.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Whether the new version fits as the mode demands: there are no breaches.
    pub compatible: bool,
    /// The smallest bump that is honest, from the newest old version. [`Bump::Major`] also when the mode did not ask
    /// for backward compatibility and the new version does not have it.
    pub required_bump: Bump,
    /// Every way in which the new version does not fit, by old version, backward before forward.
    pub breaches: Vec<Breach>,
    /// What changed since the newest old version.
    pub changes: Vec<Change>,
}

/// One way in which two versions do not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// Stable name of what is broken: `required-added`, `property-removed`, `enum-narrowed`, `type-narrowed`, …, or
    /// `undecided` when neither a proof nor a counter-example was found.
    pub rule: String,
    /// JSON Pointer to the keyword that refuses, in the schema that refuses: the new version when the direction is
    /// backward, the old one when it is forward.
    pub pointer: String,
    /// What happened, for a person.
    pub message: String,
    /// What would make it fit.
    pub fix: String,
    /// A document that one version lets in and the other refuses. It was checked against both. `None` only when the
    /// verdict is not that documents break but that nothing could be proved.
    pub counter_example: Option<Value>,
    /// The old version that does not fit.
    pub version: u32,
    /// Which way round.
    pub direction: Direction,
}

/// One difference between two versions that is not merely one of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// JSON Pointer: into the newer schema, or into the older one for what was removed.
    pub pointer: String,
    /// What happened there.
    pub kind: ChangeKind,
    /// The difference, for a person: `` `minimum` 0 → 5 ``.
    pub description: String,
    /// What this change alone asks for. A change that may narrow counts as [`Bump::Major`] here, although
    /// [`super::judge`] may prove that, together with the others, it breaks nothing.
    pub bump: Bump,
    /// What to look at, where the schema itself does not break anything but something else might.
    pub warning: Option<String>,
}

/// What happened at one place of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is different.
    Changed,
}

impl Bump {
    /// `none`, `patch`, `minor` or `major`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ChangeKind {
    /// `added`, `removed` or `changed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
