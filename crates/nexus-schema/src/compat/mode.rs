//! Which earlier versions a new one has to fit, and which way round.

use std::{fmt, str::FromStr};

/// What a subject promises about its next version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CompatibilityMode {
    /// Nothing.
    None,
    /// The new version accepts what the newest version let in.
    Backward,
    /// The newest version accepts what the new one lets in.
    Forward,
    /// Both.
    Full,
    /// The new version accepts what any version let in. The default: a log never forgets.
    #[default]
    BackwardTransitive,
    /// Every version accepts what the new one lets in.
    ForwardTransitive,
    /// Both, for every version.
    FullTransitive,
}

/// Which of two versions has to accept what the other let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The new version has to accept documents of the old one.
    Backward,
    /// The old version has to accept documents of the new one.
    Forward,
}

/// A text that names no [`CompatibilityMode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMode(String);

impl CompatibilityMode {
    /// Every mode.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::Forward,
        Self::Full,
        Self::BackwardTransitive,
        Self::ForwardTransitive,
        Self::FullTransitive,
    ];

    /// The name that registries of this field use, such as `BACKWARD_TRANSITIVE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::Forward => "FORWARD",
            Self::Full => "FULL",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// Whether every version counts, not the newest alone.
    #[must_use]
    pub fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    /// The ways round in which versions have to fit.
    #[must_use]
    pub fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Backward, Direction::Forward],
        }
    }
}

impl fmt::Display for CompatibilityMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CompatibilityMode {
    type Err = UnknownMode;

    /// Reads the name of a mode, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|mode| mode.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| UnknownMode(crate::graph::shown(text)))
    }
}

impl Direction {
    /// `backward` or `forward`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backward => "backward",
            Self::Forward => "forward",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no compatibility mode; there are ", self.0)?;
        for (index, mode) in CompatibilityMode::ALL.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{mode}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownMode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_is_read_from_its_name() {
        for mode in CompatibilityMode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            assert_eq!(mode.as_str().to_lowercase().parse(), Ok(mode));
        }
        let error = "SIDEWAYS".parse::<CompatibilityMode>().unwrap_err().to_string();
        assert!(error.contains("`SIDEWAYS`") && error.contains("FULL_TRANSITIVE"), "{error}");
    }
}
