use std::{fmt, str::FromStr};

use super::{Sources, github, json, junit, sarif, text};
use crate::GateReport;

/// The ways a report is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rendering {
    /// For a person at a terminal.
    Text,
    /// One JSON document, versioned.
    Json,
    /// One JSON document a line, for each finding that counts.
    Jsonl,
    /// SARIF 2.1.0, as code scanning takes it.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// JUnit XML: a suite per rule, a case per subject.
    Junit,
}

impl Rendering {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Text, Self::Json, Self::Jsonl, Self::Sarif, Self::Github, Self::Junit];

    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Junit => "junit",
        }
    }
}

impl fmt::Display for Rendering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Rendering {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let names = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|rendering| rendering.as_str() == name);
        found.ok_or_else(|| format!("it is one of: {}", names()))
    }
}

/// Why a report could not be told.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written as {rendering}: {reason}")]
pub struct RenderError {
    /// As what.
    pub(super) rendering: Rendering,
    /// What the writer said.
    pub(super) reason: String,
}

/// Tells a report; the text is empty or ends with a line feed. `colored` matters to [`Rendering::Text`] alone.
///
/// # Errors
/// When a writer of a format refuses what it is given.
pub fn render(
    report: &GateReport,
    rendering: Rendering,
    sources: &Sources,
    colored: bool,
) -> Result<String, RenderError> {
    match rendering {
        Rendering::Text => Ok(text::text(report, sources, colored)),
        Rendering::Github => Ok(github::annotations(report)),
        Rendering::Json => json::json(report),
        Rendering::Jsonl => json::lines(report),
        Rendering::Sarif => sarif::sarif(report),
        Rendering::Junit => junit::junit(report),
    }
}
