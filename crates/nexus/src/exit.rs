use std::{fmt, process::ExitCode, process::Termination};

/// How a run of the application ended; the process exits with its code.
///
/// 0 ok · 1 found what it looks for · 2 usage or environment · 3 policy, or the gate itself failed · 4 schema incompatibility · 5 tests failed ·
/// 6 not authorised · 7 conflict · 8 not found · 9 unreachable · 10 timed out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "return it from main"]
pub struct Exit(u8);

impl Exit {
    /// All went well.
    pub const OK: Self = Self(0);

    /// The exit code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        self.0
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.0)
    }
}

/// Why a command line verb did not do what it was asked: printed to standard error, then the process exits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// The business or a check said no: exit 1.
    pub fn refused(message: impl fmt::Display) -> Self {
        Self::with_code(1, message)
    }

    /// Something is wrong with the arguments, the files or the machine: exit 2.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::with_code(2, message)
    }

    /// The server cannot be reached: exit 9.
    pub fn unreachable(message: impl fmt::Display) -> Self {
        Self::with_code(9, message)
    }

    /// A failure with one of the documented exit codes.
    pub fn with_code(code: u8, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), hint: None }
    }

    /// The same with another of the documented exit codes.
    #[must_use]
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Adds what the person can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The exit this failure ends the process with.
    pub fn exit(&self) -> Exit {
        Exit(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  fix: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
