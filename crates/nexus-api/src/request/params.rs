use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use percent_encoding::percent_decode_str;

use crate::problem::{Code, Problem};

/// The query string, decoded strictly: unknown, repeated and undecodable parameters are refused, not guessed.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    const MAX_COUNT: usize = 64;

    pub(crate) fn of(uri: &Uri) -> Result<Self, Problem> {
        let mut pairs = Vec::new();
        for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == Self::MAX_COUNT {
                let detail = format!("a query string has at most {} parameters", Self::MAX_COUNT);
                return Err(Problem::new(Code::InvalidParameter, detail));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decoded(name)?, decoded(value)?));
        }
        Ok(Self { pairs })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Refuses everything but the known names.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.iter().find(|(name, _)| !known.contains(name)) {
            None => Ok(()),
            Some((name, _)) => Err(unknown(name, known)),
        }
    }

    /// The value of a parameter that may be given once.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.iter().filter(|(given, _)| *given == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Problem::parameter(name, format!("`{name}` is given more than once"))),
            (value, None) => Ok(value),
        }
    }

    /// A whole number without sign.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.one(name)? else {
            return Ok(None);
        };
        let refuse = || Problem::parameter(name, format!("`{name}` must be a whole number from 0 to {}", u64::MAX));
        digits(text).map(Some).ok_or_else(refuse)
    }

    /// How many items a page holds: 1 to 1000.
    pub(crate) fn limit(&self, default: usize) -> Result<usize, Problem> {
        let Some(text) = self.one("limit")? else {
            return Ok(default);
        };
        let limit = digits(text).and_then(|limit| usize::try_from(limit).ok());
        limit
            .filter(|limit| (1..=1000).contains(limit))
            .ok_or_else(|| Problem::parameter("limit", "`limit` must be a whole number from 1 to 1000"))
    }

    /// A switch: present, or `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.one(name)? {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(_) => Err(Problem::parameter(name, format!("`{name}` must be true or false"))),
        }
    }

    /// Values separated by commas.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<&str>, Problem> {
        let text = self.one(name)?.unwrap_or_default();
        Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect())
    }
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}

pub(crate) fn unknown(name: &str, known: &[&str]) -> Problem {
    let shown: String = name.chars().take(64).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Problem::parameter(&shown, format!("`{shown}` is not a parameter of this route; known: {known}"))
}

/// A number written with digits only.
pub(crate) fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn decoded(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Problem::new(Code::InvalidParameter, "the query string is not UTF-8 once decoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Result<Params, Problem> {
        Params::of(&format!("/x?{query}").parse().unwrap())
    }

    #[test]
    fn values_are_decoded_once_and_strictly() {
        let given = params("a=x%20y+z&b=%2525&c").unwrap();
        assert_eq!(given.one("a").unwrap(), Some("x y z"));
        assert_eq!(given.one("b").unwrap(), Some("%25"));
        assert!(given.flag("c").unwrap());
        assert!(params("a=%ff").is_err());
        assert!(params("a=1&a=2").unwrap().one("a").is_err());
        assert!(params(&"a=1&".repeat(65)).is_err());
    }

    #[test]
    fn numbers_are_digits_within_their_range() {
        for bad in ["-1", "+1", "%2B1", "1.5", "1e3", "NaN", "", "99999999999999999999", "٣"] {
            assert!(params(&format!("n={bad}")).and_then(|given| given.number("n")).is_err(), "{bad}");
        }
        for bad in ["0", "1001", "-1", "x"] {
            assert!(params(&format!("limit={bad}")).unwrap().limit(50).is_err(), "{bad}");
        }
        assert_eq!(params("limit=1000").unwrap().limit(50).unwrap(), 1000);
    }
}
