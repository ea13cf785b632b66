use std::fmt;

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
