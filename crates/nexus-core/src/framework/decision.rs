use std::{borrow::Cow, fmt};

use crate::framework::Events;

/// What a handler decided: events, possibly none, or a [`Rejection`].
///
/// Made with `.into()` from one event, an array, a `Vec`, an `Option`, a `Rejection` or a `Result` of any of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<E>(Result<Vec<E>, Rejection>);

impl<E> Decision<E> {
    /// Nothing needs to happen.
    #[must_use]
    pub fn nothing() -> Self {
        Self(Ok(Vec::new()))
    }

    /// The events, or the rejection.
    ///
    /// # Errors
    /// The rejection.
    pub fn into_result(self) -> Result<Vec<E>, Rejection> {
        self.0
    }
}

impl<E: Events> From<E> for Decision<E> {
    fn from(event: E) -> Self {
        Self(Ok(vec![event]))
    }
}

impl<E> From<Vec<E>> for Decision<E> {
    fn from(events: Vec<E>) -> Self {
        Self(Ok(events))
    }
}

impl<E, const N: usize> From<[E; N]> for Decision<E> {
    fn from(events: [E; N]) -> Self {
        Self(Ok(events.into()))
    }
}

impl<E> From<Option<E>> for Decision<E> {
    fn from(event: Option<E>) -> Self {
        Self(Ok(event.into_iter().collect()))
    }
}

impl<E> From<Rejection> for Decision<E> {
    fn from(rejection: Rejection) -> Self {
        Self(Err(rejection))
    }
}

impl<E, T: Into<Self>> From<Result<T, Rejection>> for Decision<E> {
    fn from(result: Result<T, Rejection>) -> Self {
        match result {
            Ok(events) => events.into(),
            Err(rejection) => rejection.into(),
        }
    }
}

/// A business "no": a normal answer, not an error of the program. Answered as 422 with the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Stable, in kebab-case: `order-not-cancellable`.
    pub code: Cow<'static, str>,
    /// What the rule is and what broke it.
    pub message: String,
}

impl Rejection {
    /// A rejection with a stable code and a message for a person.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Rejection {}

/// What can hold a [`Rejection`]: the return type of a function that uses [`require!`](crate::require).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold a rejection",
    label = "`require!` returns a rejection here",
    note = "let the function return `Decision<…>` or `Result<…, Rejection>`"
)]
pub trait FromRejection {
    /// The answer that is this rejection.
    fn from_rejection(rejection: Rejection) -> Self;
}

impl<E> FromRejection for Decision<E> {
    fn from_rejection(rejection: Rejection) -> Self {
        rejection.into()
    }
}

impl<T> FromRejection for Result<T, Rejection> {
    fn from_rejection(rejection: Rejection) -> Self {
        Err(rejection)
    }
}

/// Rejects the command unless a condition holds: `require!(condition, "stable-code", "message {with} {}", values)`.
///
/// Returns from the surrounding function, which answers a `Decision` or a `Result<_, Rejection>`.
#[macro_export]
macro_rules! require {
    ($condition:expr, $code:literal, $($message:tt)+) => {
        if !$condition {
            return $crate::framework::FromRejection::from_rejection($crate::framework::Rejection::new(
                $code,
                ::std::format!($($message)+),
            ));
        }
    };
}
