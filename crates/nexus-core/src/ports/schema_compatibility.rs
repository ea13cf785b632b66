use std::{fmt, str::FromStr};

use serde_json::Value;

use crate::ports::SchemaKind;

/// Which changes of a schema a subject accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompatibilityMode {
    /// Every change.
    None,
    /// The new schema accepts every document of the newest version.
    Backward,
    /// The new schema accepts every document of every version.
    BackwardTransitive,
    /// The newest version accepts every document of the new schema.
    Forward,
    /// Every version accepts every document of the new schema.
    ForwardTransitive,
    /// Both, with the newest version.
    Full,
    /// Both, with every version.
    FullTransitive,
}

impl CompatibilityMode {
    /// Every mode, weakest first within its direction.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// The mode of a subject for which nobody chose one. A log never forgets, so a new schema of an event accepts
    /// every event that could be stored; a new schema of a command accepts what clients of the one before send.
    #[must_use]
    pub const fn of(kind: SchemaKind) -> Self {
        match kind {
            SchemaKind::Event => Self::BackwardTransitive,
            SchemaKind::Command => Self::Backward,
        }
    }

    /// Whether the new schema must accept the documents of earlier ones.
    #[must_use]
    pub const fn looks_back(self) -> bool {
        matches!(self, Self::Backward | Self::BackwardTransitive | Self::Full | Self::FullTransitive)
    }

    /// Whether earlier schemas must accept the documents of the new one.
    #[must_use]
    pub const fn looks_forward(self) -> bool {
        matches!(self, Self::Forward | Self::ForwardTransitive | Self::Full | Self::FullTransitive)
    }

    /// Whether every version counts, not only the newest.
    #[must_use]
    pub const fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    /// Whether it accepts changes that `other` refuses.
    #[must_use]
    pub const fn is_weaker_than(self, other: Self) -> bool {
        (other.looks_back() && !self.looks_back())
            || (other.looks_forward() && !self.looks_forward())
            || (other.is_transitive() && !self.is_transitive())
    }

    /// The name it has in requests and answers: `BACKWARD_TRANSITIVE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }
}

impl fmt::Display for CompatibilityMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text names no compatibility mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a compatibility mode is NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, FORWARD_TRANSITIVE, FULL or FULL_TRANSITIVE"
)]
pub struct InvalidCompatibilityMode;

impl FromStr for CompatibilityMode {
    type Err = InvalidCompatibilityMode;

    fn from_str(text: &str) -> Result<Self, InvalidCompatibilityMode> {
        Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(text)).ok_or(InvalidCompatibilityMode)
    }
}

/// What a change means to those who use the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemaBump {
    /// Nothing changed.
    None,
    /// Only words for people changed.
    Patch,
    /// Everything that was valid still is.
    Minor,
    /// Something that was valid is not any more, or that could not be ruled out.
    Major,
}

impl fmt::Display for SchemaBump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// Whether a schema may follow the versions before it.
#[derive(Debug, Clone, PartialEq)]
pub struct CompatibilityReport {
    /// Whether nothing stands against it.
    pub compatible: bool,
    /// The mode it was judged under.
    pub mode: CompatibilityMode,
    /// The smallest raise of the semantic version over the newest one.
    pub required_bump: SchemaBump,
    /// The versions it was compared with, ascending.
    pub against: Vec<u32>,
    /// Everything that stands against it.
    pub breaches: Vec<CompatibilityBreach>,
}

/// One reason why a schema may not follow another.
#[derive(Debug, Clone, PartialEq)]
pub struct CompatibilityBreach {
    /// Stable name of what is broken: `property-removed`; `undecided` when nothing could be proved.
    pub rule: String,
    /// JSON Pointer into the schema that refuses.
    pub pointer: String,
    /// What is wrong, for a person.
    pub message: String,
    /// What would make it right.
    pub fix: String,
    /// A document that is valid on one side and not on the other, when one was found.
    pub counter_example: Option<Value>,
    /// The earlier version that it breaks with.
    pub version: u32,
    /// Which of the two refuses.
    pub direction: CompatibilityDirection,
}

/// Which of two versions has to accept the documents of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompatibilityDirection {
    /// The new version has to accept documents of the old one.
    Backward,
    /// The old version has to accept documents of the new one.
    Forward,
}

impl fmt::Display for CompatibilityDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backward => "backward",
            Self::Forward => "forward",
        })
    }
}

/// One difference between two schemas that is not merely one of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChange {
    /// JSON Pointer: into the newer schema, or into the older one for what was removed.
    pub pointer: String,
    /// What happened there.
    pub kind: SchemaChangeKind,
    /// The difference, for a person.
    pub description: String,
    /// What this change alone asks for.
    pub bump: SchemaBump,
    /// What to look at where something else may depend on it.
    pub warning: Option<String>,
}

/// What happened at one place of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is different.
    Changed,
}

impl fmt::Display for SchemaChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        })
    }
}
