use std::{fmt, str::FromStr, time::Duration};

use reqwest::{Url, header::HeaderValue};

/// What is done while a policy server cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenUnreachable {
    /// The copy of its modules is asked, inside the process; without a copy everything is refused.
    #[default]
    LastKnownGood,
    /// The embedded policy decides alone. Whoever can make the server slow decides without it.
    Embedded,
    /// Everything is refused.
    Deny,
}

impl WhenUnreachable {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LastKnownGood, Self::Embedded, Self::Deny];

    /// The name in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LastKnownGood => "last-known-good",
            Self::Embedded => "embedded",
            Self::Deny => "deny",
        }
    }
}

impl FromStr for WhenUnreachable {
    type Err = OpaError;

    fn from_str(text: &str) -> Result<Self, OpaError> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == text);
        found.ok_or_else(|| OpaError::WhenUnreachable { given: text.chars().take(64).collect() })
    }
}

/// Why a policy server cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpaError {
    /// The text is no address of a policy server.
    #[error("`url`: {0}")]
    Url(&'static str),
    /// The text is no path of a package.
    #[error("`path`: it is names of letters, digits and `_` with slashes between, such as `nexus` or `shop/orders`")]
    Path,
    /// The timeout is too short or too long.
    #[error("`timeout_ms`: a decision may take from 1 to 10000 ms")]
    Timeout,
    /// The token cannot be sent.
    #[error("`token`: it has characters that cannot be sent in a header")]
    Token,
    /// There is no such way to go on.
    #[error("`when_unreachable`: `{given}` is not one of last-known-good, embedded, deny")]
    WhenUnreachable {
        /// What was given.
        given: String,
    },
    /// No client can be made.
    #[error("no client can be made: {0}")]
    Client(String),
}

/// Where a policy server is, how it is asked, and what is done while it cannot be reached.
#[derive(Clone)]
pub struct OpaOptions {
    url: Url,
    path: String,
    timeout: Duration,
    token: Option<HeaderValue>,
    /// What is done while it cannot be reached.
    pub when_unreachable: WhenUnreachable,
    /// Most questions that are on their way at the same time; others wait, within their time.
    pub max_in_flight: usize,
    /// Time between two looks at its modules.
    pub refresh: Duration,
}

impl OpaOptions {
    /// Longest time of one decision, when none is set.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_millis(100);
    /// The path that is asked, when none is set.
    pub const DEFAULT_PATH: &str = "nexus";

    /// A server at an address that `/v1/data/…` is put behind, with defaults: the package `nexus`, 100 ms for a decision,
    /// 64 questions at a time, the last known good modules while it is away.
    ///
    /// # Errors
    /// When it is not `https`, unless the host is this machine: whoever can change the answers decides.
    pub fn new(url: &str) -> Result<Self, OpaError> {
        let url: Url = url.parse().map_err(|_| OpaError::Url("this is no URL"))?;
        let host = url.host_str().unwrap_or_default();
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if !(url.scheme() == "https" || url.scheme() == "http" && local) {
            let why = "a policy server is asked over https only (over http on this machine): who can change its answers decides";
            return Err(OpaError::Url(why));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OpaError::Url("credentials do not belong in a URL; set `token`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(OpaError::Url("it ends before `/v1/data`, without a query"));
        }
        Ok(Self {
            url,
            path: Self::DEFAULT_PATH.to_owned(),
            timeout: Self::DEFAULT_TIMEOUT,
            token: None,
            when_unreachable: WhenUnreachable::default(),
            max_in_flight: 64,
            refresh: Duration::from_secs(30),
        })
    }

    /// Asks the package at this path.
    ///
    /// # Errors
    /// When it is no path of a package.
    pub fn with_path(mut self, path: &str) -> Result<Self, OpaError> {
        let plain = |name: &str| {
            let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if path.len() > 256 || !path.split('/').all(plain) {
            return Err(OpaError::Path);
        }
        path.clone_into(&mut self.path);
        Ok(self)
    }

    /// Gives a decision this long, all of it included.
    ///
    /// # Errors
    /// When that is less than a millisecond or more than ten seconds.
    pub fn with_timeout(mut self, timeout: Duration) -> Result<Self, OpaError> {
        if timeout < Duration::from_millis(1) || timeout > Duration::from_secs(10) {
            return Err(OpaError::Timeout);
        }
        self.timeout = timeout;
        Ok(self)
    }

    /// Shows this bearer token with every question.
    ///
    /// # Errors
    /// When it has characters that cannot be sent.
    pub fn with_token(mut self, token: &str) -> Result<Self, OpaError> {
        let mut header = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| OpaError::Token)?;
        header.set_sensitive(true);
        self.token = Some(header);
        Ok(self)
    }

    /// The address, as it was given.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// The path that is asked.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Longest time of one decision.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What stands in the header `Authorization`.
    pub(crate) fn token(&self) -> Option<&HeaderValue> {
        self.token.as_ref()
    }

    /// The address of something at the server.
    pub(crate) fn at(&self, rest: &str) -> Result<Url, OpaError> {
        format!("{}{rest}", self.url()).parse().map_err(|_| OpaError::Url("this is no URL"))
    }
}

impl fmt::Debug for OpaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaOptions")
            .field("url", &self.url())
            .field("path", &self.path)
            .field("timeout", &self.timeout)
            .field("token", &self.token.is_some())
            .field("when_unreachable", &self.when_unreachable)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_whose_answers_nobody_can_change_are_asked() {
        for fine in ["https://opa.example", "http://localhost:8181", "http://127.0.0.1:1/opa/", "http://[::1]:8181"] {
            assert!(OpaOptions::new(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "opa.example",
            "http://opa.example",
            "http://127.0.0.1.example",
            "ftp://localhost",
            "https://ann:secret@opa.example",
            "https://opa.example/?a=b",
            "https://opa.example/#x",
            "",
        ] {
            assert!(matches!(OpaOptions::new(wrong), Err(OpaError::Url(_))), "{wrong}");
        }
        let options = OpaOptions::new("http://localhost:4747/opa/").unwrap();
        assert_eq!(options.at("/v1/data/nexus").unwrap().as_str(), "http://localhost:4747/opa/v1/data/nexus");
    }

    #[test]
    fn paths_times_and_tokens_are_checked_and_a_token_is_not_shown() {
        let options = || OpaOptions::new("https://opa.example").unwrap();
        assert!(options().with_path("shop/orders_2").is_ok());
        for wrong in ["", "/nexus", "nexus/", "a//b", "a b", "a.b", "../x", "2a", "a?x", "a%2f"] {
            assert_eq!(options().with_path(wrong).unwrap_err(), OpaError::Path, "{wrong}");
        }
        assert!(options().with_timeout(Duration::from_millis(1)).is_ok());
        for wrong in [0, 10_001] {
            assert_eq!(options().with_timeout(Duration::from_millis(wrong)).unwrap_err(), OpaError::Timeout);
        }
        assert_eq!(options().with_token("a\nb").unwrap_err(), OpaError::Token);
        let shown = format!("{:?}", options().with_token("s3cr3t").unwrap());
        assert!(!shown.contains("s3cr3t"), "{shown}");
        for way in WhenUnreachable::ALL {
            assert_eq!(way.as_str().parse(), Ok(way));
        }
        assert!(
            "allow".parse::<WhenUnreachable>().unwrap_err().to_string().contains("last-known-good, embedded, deny")
        );
    }
}
