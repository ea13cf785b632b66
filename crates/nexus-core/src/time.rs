//! Points in time: UTC, microsecond resolution.

use std::{fmt, str::FromStr};

/// A moment in UTC with microsecond resolution, between the years −9999 and 9999.
///
/// Written as RFC 3339 with a `Z`. Ordering of events is by [`Position`](crate::Position), never by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);

    /// Microseconds since the Unix epoch; `None` when outside the supported years.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        jiff::Timestamp::from_microsecond(micros).ok().map(Self)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// This moment plus `micros`, held at the supported range.
    #[must_use]
    pub fn saturating_add_micros(self, micros: i64) -> Self {
        let bound = if micros < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self::from_micros(self.as_micros().saturating_add(micros)).unwrap_or(Self(bound))
    }

    /// The calendar month in UTC as `YYYY-MM`, for grouping.
    #[must_use]
    pub fn month(self) -> String {
        self.0.strftime("%Y-%m").to_string()
    }
}

impl From<jiff::Timestamp> for Timestamp {
    /// Drops what is finer than a microsecond.
    fn from(value: jiff::Timestamp) -> Self {
        Self::from_micros(value.as_microsecond()).unwrap_or(Self(value))
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    /// Reads RFC 3339 with an offset, such as `2026-01-31T12:00:00Z`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(Self::from)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        jiff::Timestamp::deserialize(deserializer).map(Self::from)
    }
}

impl schemars::JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}
