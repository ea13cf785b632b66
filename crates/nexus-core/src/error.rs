//! The small closed set of error kinds that generic code acts on.

use std::fmt;

/// What kind of failure an error is, for code that does not care about the details.
///
/// Every port error offers `kind()`; the HTTP layer maps kinds to statuses and the runtime retries what is
/// [`retryable`](ErrorKind::retryable).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The thing asked for does not exist.
    NotFound,
    /// The state of the store is not what the caller expected.
    Conflict,
    /// The request itself is wrong and will be wrong again.
    Invalid,
    /// Policy says no.
    Denied,
    /// The dependency cannot serve this now; later it may.
    Unavailable,
    /// The time limit passed.
    Timeout,
    /// Stored data is damaged.
    Corrupt,
    /// This adapter does not offer the operation.
    Unsupported,
    /// A defect in this program.
    Internal,
}

impl ErrorKind {
    /// Whether the same request may succeed later without being changed.
    #[must_use]
    pub fn retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Timeout)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Corrupt => "corrupt",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        })
    }
}
