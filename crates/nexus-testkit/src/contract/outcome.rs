use std::{error::Error, fmt, panic::Location};

/// What a case answers: nothing, or how the adapter breaks the contract.
pub type Outcome = Result<(), Breach>;

/// How an adapter breaks a contract, and at which line of the case that showed.
///
/// Any error turns into a breach with `?`; for that it is not an error itself. Its `Debug` output is what a failing
/// test prints.
pub struct Breach {
    what: String,
    place: &'static Location<'static>,
}

impl Breach {
    /// A breach of the contract seen at the calling line.
    #[track_caller]
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: Location::caller() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.what, self.place.file(), self.place.line())
    }
}

impl fmt::Debug for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<E: Error> From<E> for Breach {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::new(format!("unexpected error: {error}"))
    }
}

/// Returns a [`Breach`] from the case unless the condition holds.
macro_rules! check {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err($crate::contract::Breach::new(format!($($what)+)));
        }
    };
}

/// Returns a [`Breach`] from the case unless both values are equal.
macro_rules! check_eq {
    ($actual:expr, $expected:expr, $($what:tt)+) => {
        match (&$actual, &$expected) {
            (actual, expected) => {
                if *actual != *expected {
                    let what = format!($($what)+);
                    let text = format!("{what}: expected {expected:?}, got {actual:?}");
                    return Err($crate::contract::Breach::new(text));
                }
            }
        }
    };
}

pub(crate) use {check, check_eq};
