use std::{fmt, str::FromStr};

/// Versions of an event's schema that a consumer reads: `>=1, <3`, `2`, `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionRange {
    text: String,
    /// The smallest and the largest version, both included.
    bounds: (u32, u32),
}

impl VersionRange {
    pub(crate) fn contains(&self, version: u32) -> bool {
        (self.bounds.0..=self.bounds.1).contains(&version)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bounds.0 > self.bounds.1
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for VersionRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "versions are `*`, a number, or bounds such as `>=1, <3`";
        let (mut low, mut high) = (1, u32::MAX);
        for part in text.split(',').map(str::trim).filter(|part| *part != "*") {
            let digits = part.trim_start_matches(['<', '>', '=']);
            let number: u32 = digits.trim().parse().map_err(|_| FORM)?;
            let sign = part.get(..part.len() - digits.len()).unwrap_or("");
            match sign {
                ">=" => low = low.max(number),
                ">" => low = low.max(number.saturating_add(1)),
                "<=" => high = high.min(number),
                "<" => high = high.min(number.saturating_sub(1)),
                "=" | "" => (low, high) = (low.max(number), high.min(number)),
                _ => return Err(FORM),
            }
        }
        Ok(Self { text: text.to_owned(), bounds: (low, high) })
    }
}

/// A number of something in a unit: `10/s`, `30d`, `1000 events`.
pub(crate) struct Limit;

impl Limit {
    /// Why a text is no rate; `None` when it is one.
    pub(crate) fn wrong_rate(text: &str) -> Option<&'static str> {
        const FORM: &str = "a rate is a number per unit of time, such as `10/s`, `100/min` or `5/h`";
        let Some((count, unit)) = text.split_once('/') else { return Some(FORM) };
        let units = ["s", "sec", "second", "m", "min", "minute", "h", "hour", "d", "day"];
        wrong_count(count).or_else(|| (!units.contains(&unit.trim())).then_some(FORM))
    }

    /// Why a text is no bound on what is read at once; `None` when it is one.
    pub(crate) fn wrong_range(text: &str) -> Option<&'static str> {
        const FORM: &str = "a range is a number and its unit, such as `30d`, `24h` or `10000 events`";
        let unit = text.trim().trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
        let count = text.trim().strip_suffix(unit).unwrap_or("");
        let units = ["s", "min", "h", "d", "w", "y", "event", "events", "position", "positions", "version", "versions"];
        wrong_count(count).or_else(|| (!units.contains(&unit.trim())).then_some(FORM))
    }

    /// Whether a text names somebody who may, rather than everybody.
    pub(crate) fn is_authorization(text: &str) -> bool {
        let open = ["", "none", "no", "off", "public", "anonymous", "anyone", "*"];
        !open.contains(&text.trim().to_lowercase().as_str())
    }
}

fn wrong_count(text: &str) -> Option<&'static str> {
    let count = text.trim().replace('_', "").parse::<u64>().unwrap_or(0);
    (count == 0).then_some("the limit has to be a whole number above zero")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_between_bounds() {
        let range = |text: &str| text.parse::<VersionRange>();
        let holds = |text: &str| (1..=5).filter(|version| range(text).unwrap().contains(*version)).collect::<Vec<_>>();
        assert_eq!(holds(">=1, <3"), [1, 2]);
        assert_eq!(holds(">1,<=4"), [2, 3, 4]);
        assert_eq!(holds("2"), [2]);
        assert_eq!(holds("=3"), [3]);
        assert_eq!(holds("*"), [1, 2, 3, 4, 5]);
        assert!(range(">=3, <3").unwrap().is_empty());
        for wrong in ["", "one", "^1", ">=", "1.0.0", "=>1", "99999999999"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_limit_limits() {
        for rate in ["10/s", "100/min", "1_000 / hour"] {
            assert_eq!(Limit::wrong_rate(rate), None, "{rate}");
        }
        for rate in ["", "0/s", "unlimited", "10", "10/parsec", "-1/s"] {
            assert!(Limit::wrong_rate(rate).is_some(), "{rate}");
        }
        for range in ["30d", "24 h", "10_000 events"] {
            assert_eq!(Limit::wrong_range(range), None, "{range}");
        }
        for range in ["", "0d", "all", "10", "10 parsecs"] {
            assert!(Limit::wrong_range(range).is_some(), "{range}");
        }
        assert!(Limit::is_authorization("role:auditor") && !Limit::is_authorization(" Public "));
    }
}
