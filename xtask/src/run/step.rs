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
    /// The release binary, which the gate and the end-to-end tests run.
    Build,
    /// Our own gate over our own repository.
    Check,
    /// Unit, contract and integration tests, and the examples in the documentation.
    Test,
    /// The built binary from outside.
    E2e,
    /// The documentation of all crates; a warning is an error.
    Docs,
}

/// How a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By cargo, with these arguments.
    Cargo(&'static str),
    /// By the release binary, with these arguments.
    Nexus(&'static str),
    /// By tidy, which needs no process.
    Tidy,
}

impl Step {
    /// In the order they run: what fails fast comes first.
    pub(crate) const ALL: [Self; 8] =
        [Self::Fmt, Self::Tidy, Self::Clippy, Self::Build, Self::Check, Self::Test, Self::E2e, Self::Docs];

    /// How the step is done.
    pub(crate) fn way(self) -> Way {
        match self {
            Self::Fmt => Way::Cargo("fmt --all --check"),
            Self::Tidy => Way::Tidy,
            Self::Clippy => Way::Cargo("clippy --workspace --all-targets -- -D warnings"),
            Self::Build => Way::Cargo("build --release -p nexus-cli --bin nexus"),
            Self::Check => Way::Nexus("check --fail-level warning"),
            Self::Test => Way::Cargo("test --workspace --exclude nexus-e2e --no-fail-fast"),
            Self::E2e => Way::Cargo("test -p nexus-e2e --no-fail-fast"),
            Self::Docs => Way::Cargo("doc --workspace --no-deps"),
        }
    }

    /// Whether the step runs the release binary, so that one of yesterday would prove nothing.
    pub(crate) fn runs_binary(self) -> bool {
        matches!(self, Self::Check | Self::E2e)
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
            Self::Check => "check",
            Self::Test => "test",
            Self::E2e => "e2e",
            Self::Docs => "docs",
        })
    }
}
