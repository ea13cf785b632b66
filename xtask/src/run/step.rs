use std::{fmt, time::Duration};

use clap::ValueEnum;

/// One step of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Formatting.
    Fmt,
    /// The rules of the repository.
    Tidy,
    /// Lints over all targets; a warning is an error.
    Clippy,
    /// The release binary, which the end-to-end tests run.
    Build,
    /// Unit, contract and integration tests, and the examples in the documentation.
    Test,
    /// The built binary from outside.
    E2e,
    /// The documentation of all crates; a warning is an error.
    Docs,
}

impl Step {
    /// In the order they run: what fails fast comes first.
    pub(crate) const ALL: [Self; 7] =
        [Self::Fmt, Self::Tidy, Self::Clippy, Self::Build, Self::Test, Self::E2e, Self::Docs];

    /// The cargo command of the step; `None` for tidy, which needs no process.
    pub(crate) fn cargo(self) -> Option<&'static str> {
        match self {
            Self::Fmt => Some("fmt --all --check"),
            Self::Tidy => None,
            Self::Clippy => Some("clippy --workspace --all-targets -- -D warnings"),
            Self::Build => Some("build --release -p nexus-cli --bin nexus"),
            Self::Test => Some("test --workspace --exclude nexus-e2e --no-fail-fast"),
            Self::E2e => Some("test -p nexus-e2e --no-fail-fast"),
            Self::Docs => Some("doc --workspace --no-deps"),
        }
    }

    /// Whether the step runs tests, and so must have run some.
    pub(crate) fn runs_tests(self) -> bool {
        matches!(self, Self::Test | Self::E2e)
    }

    /// When the step is given up. Generous: a cold build on two cores fits; together they stay below 90 minutes.
    pub(crate) fn limit(self) -> Duration {
        let minutes = match self {
            Self::Fmt | Self::Tidy => 1,
            Self::Clippy => 20,
            Self::Build | Self::E2e => 15,
            Self::Test => 25,
            Self::Docs => 10,
        };
        Duration::from_secs(minutes * 60)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fmt => "fmt",
            Self::Tidy => "tidy",
            Self::Clippy => "clippy",
            Self::Build => "build",
            Self::Test => "test",
            Self::E2e => "e2e",
            Self::Docs => "docs",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_steps_together_stay_below_ninety_minutes() {
        let total: Duration = Step::ALL.iter().map(|step| step.limit()).sum();
        assert!(total < Duration::from_secs(90 * 60), "{total:?}");
    }
}
