//! Names, ids and counts: each a type of its own, valid by construction.

use std::{fmt, str::FromStr};

use bytestring::ByteString;
use uuid::Uuid;

/// Immutable text that is cheap to clone and may share a larger buffer.
///
/// Texts of an event read from the log share the buffer it was read into; copy one with
/// `Text::from(text.to_string())` before keeping it for long.
pub type Text = ByteString;

/// Why a text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what}: {reason}")]
pub struct InvalidName {
    /// What was being named: "stream id", "event type", …
    pub what: &'static str,
    /// The refused text, cut to 64 characters.
    pub text: String,
    /// The rule that it breaks.
    pub reason: &'static str,
}

impl InvalidName {
    fn new(what: &'static str, text: &str, reason: &'static str) -> Self {
        Self { what, text: text.chars().take(64).flat_map(char::escape_debug).collect(), reason }
    }
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Text);

        impl $name {
            /// Checks and takes `text`.
            ///
            /// # Errors
            /// [`InvalidName`] says which rule the text breaks.
            pub fn new(text: impl Into<Text>) -> Result<Self, InvalidName> {
                let text = text.into();
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(reason) => Err(InvalidName::new($what, &text, reason)),
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as shared text.
            #[must_use]
            pub fn as_text(&self) -> &Text {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(Text::from(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_name! {
    /// The id of a stream, which is the id of the aggregate whose events it holds.
    ///
    /// 1 to 255 bytes of UTF-8 without control characters, not `.` or `..`, no white space at either end.
    /// Ids that start with `$` are the platform's own ([`StreamId::is_system`]).
    StreamId, "stream id", check_stream_id
}
text_name! {
    /// The stable name of an event type, past tense: `OrderPlaced`.
    ///
    /// 1 to 128 of the characters `A–Z a–z 0–9 . _ -`, starting with a letter.
    EventType, "event type", check_type_name
}
text_name! {
    /// The name of a command type, imperative: `PlaceOrder`. Same characters as [`EventType`].
    CommandType, "command type", check_type_name
}
text_name! {
    /// The name of an aggregate type: `Order`. Same characters as [`EventType`].
    AggregateType, "aggregate type", check_type_name
}

impl StreamId {
    /// Longest id in bytes.
    pub const MAX_BYTES: usize = 255;

    /// What the ids of the platform's own streams begin with.
    pub const SYSTEM: &str = "$";

    /// Whether this is one of the platform's own streams, such as `$schemas`.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.0.starts_with(Self::SYSTEM)
    }
}

fn check_stream_id(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("it is empty")
    } else if text.len() > StreamId::MAX_BYTES {
        Err("it is longer than 255 bytes")
    } else if text == "." || text == ".." {
        Err("`.` and `..` are reserved")
    } else if text.chars().any(char::is_control) {
        Err("it contains a control character")
    } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        Err("it starts or ends with white space")
    } else {
        Ok(())
    }
}

fn check_type_name(text: &str) -> Result<(), &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() {
        Err("it is empty")
    } else if text.len() > 128 {
        Err("it is longer than 128 characters")
    } else if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Err("it must start with a letter")
    } else if !text.chars().all(allowed) {
        Err("only letters, digits, `.`, `_` and `-` are allowed")
    } else {
        Ok(())
    }
}

macro_rules! uuid_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes the id as it is.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The id as a UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

uuid_name! {
    /// The id of one event: unique in the whole log, time-ordered (UUIDv7) when the platform makes it.
    EventId
}
uuid_name! {
    /// The id of one governance decision; every event admitted by that decision carries it.
    DecisionId
}

macro_rules! count {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u64);

        impl $name {
            /// Takes the number as it is.
            #[must_use]
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// `count` further on.
            #[must_use]
            pub const fn plus(self, count: u64) -> Self {
                Self(self.0.saturating_add(count))
            }

            /// How far `earlier` lies behind; 0 when it does not.
            #[must_use]
            pub const fn since(self, earlier: Self) -> u64 {
                self.0.saturating_sub(earlier.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

count! {
    /// A place in the whole log: dense, 1-based; 0 is before everything.
    Position
}
count! {
    /// A place in one stream: dense, 1-based; 0 means the stream does not exist.
    Version
}

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);
}

impl Version {
    /// The version of a stream that does not exist.
    pub const NONE: Self = Self(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_ids_are_bounded_and_printable() {
        for good in ["order-1", "a/b", "$schemas", "naïve ключ", &"x".repeat(255)] {
            assert!(StreamId::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a\nb", "a\0", " a", "a ", &"x".repeat(256)] {
            assert!(StreamId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn type_names_are_plain_identifiers() {
        assert!(EventType::new("OrderPlaced").is_ok());
        assert!(EventType::new("order.placed-v2").is_ok());
        for bad in ["", "1st", "Order Placed", "Órder", "a/b", &"x".repeat(129)] {
            assert!(EventType::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_invalid_name_is_quoted_short_and_escaped() {
        let error = StreamId::new("a\nb").unwrap_err();
        assert_eq!(error.to_string(), "`a\\nb` is not a valid stream id: it contains a control character");
        assert!(StreamId::new("y".repeat(70_000)).unwrap_err().text.len() <= 64);
    }
}
