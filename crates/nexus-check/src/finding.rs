use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// How much a finding matters. Ordered: an error is more than a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing; never fails the gate.
    Note,
    /// To be mended; fails the gate when it is asked to.
    Warning,
    /// Fails the gate.
    Error,
}

impl Level {
    /// The name in every rendering.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A point in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Point {
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in characters.
    pub column: u32,
}

/// A part of a file of the repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Relative to the root that was checked, with `/`.
    pub file: String,
    /// The first character.
    pub start: Point,
    /// One past the last character.
    pub end: Point,
}

/// What shows that a finding is true: an edge, a call site, a document that breaks, a consumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Evidence {
    /// What it is, in words.
    pub text: String,
    /// Where it can be seen, when that is in the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// One thing that a rule has found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Finding {
    /// The rule, such as `NX-ARCH-001`.
    pub rule: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What it is about, stable under edits of the file: a JSON pointer, `service/edge`, an event type.
    pub pointer: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// What mends it.
    pub remediation: String,
    /// Who is responsible for the place, when a manifest says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl Finding {
    /// Names the finding from one run to the next: rule, file and pointer, never the line, so that an edit elsewhere
    /// in the file does not make it a new one. 16 bytes in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = Sha256::new();
        for part in [self.rule, &self.place.file, &self.pointer] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Where the rule is explained, relative to the documentation.
    #[must_use]
    pub fn docs(&self) -> String {
        format!("docs/rules/{}.md", self.rule)
    }
}
