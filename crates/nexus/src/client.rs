//! A small HTTP client for the API: what the command line speaks, and what an application's own verbs may use.

use std::time::Duration;

use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::Value;

use crate::exit::Failure;

/// The end of even the longest answer.
const LONGEST: Duration = Duration::from_hours(24 * 30);

/// Speaks to one Nexus server.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    http: reqwest::Client,
}

/// An answer of the server, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// The body; `Null` when there is none.
    pub body: Value,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Path below the server's address, percent-encoded by [`segment`] where needed.
    pub path: &'a str,
    /// Query parameters.
    pub query: &'a [(&'a str, String)],
    /// Further headers.
    pub headers: &'a [(&'static str, String)],
    /// JSON text; its presence makes the request a POST.
    pub body: Option<String>,
}

impl Client {
    /// Where a server listens when nothing else is said.
    pub const DEFAULT_SERVER: &'static str = "http://127.0.0.1:4747";

    /// A client of the server at `base`, such as `http://127.0.0.1:4747`.
    ///
    /// # Errors
    /// When `base` is not an `http` or `https` URL.
    pub fn new(base: &str) -> Result<Self, Failure> {
        let base = base.trim_end_matches('/');
        let known = ["http://", "https://"].iter().any(|scheme| base.starts_with(scheme));
        if !(known && reqwest::Url::parse(base).is_ok()) {
            return Err(Failure::usage(format_args!("`{base}` is not an http:// or https:// address"))
                .hint(format_args!("for example --server {}", Self::DEFAULT_SERVER)));
        }
        Ok(Self { base: base.to_owned(), http: http_client(HeaderMap::new())? })
    }

    /// The same client, saying who asks with every request.
    ///
    /// # Errors
    /// When the text is no token that can be sent.
    pub fn with_token(self, token: &str) -> Result<Self, Failure> {
        let plain = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let value = plain.then(|| HeaderValue::from_str(&format!("Bearer {token}")).ok()).flatten();
        // The text is not repeated here: it may well be a secret that was put in the wrong place.
        let mut value = value.ok_or_else(|| Failure::usage("the token is not one word of plain characters"))?;
        value.set_sensitive(true);
        Ok(Self { http: http_client(HeaderMap::from_iter([(AUTHORIZATION, value)]))?, ..self })
    }

    /// Whether what is sent can be read on its way: it leaves this machine without encryption.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        let host = reqwest::Url::parse(&self.base).ok().and_then(|url| url.host_str().map(str::to_owned));
        let local = host.is_some_and(|host| matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]"));
        !local && self.base.starts_with("http://")
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.base
    }

    /// Sends a request and answers whatever the server said.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let response = self.start(request).await?;
        self.answer(response).await
    }

    async fn answer(&self, response: reqwest::Response) -> Result<Answer, Failure> {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.map_err(|error| self.no_answer(&error))?;
        let body = match text.trim() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Ok(Answer { status: status.as_u16(), headers, body })
    }

    /// Sends a request and hands out the response while it is still arriving.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn start(&self, request: Request<'_>) -> Result<reqwest::Response, Failure> {
        self.build(request).send().await.map_err(|error| self.no_answer(&error))
    }

    /// [`start`](Self::start) for an answer that may take hours to arrive. The head of it must come within a minute;
    /// how long to wait for a part of the body is up to the caller.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn start_long(&self, request: Request<'_>) -> Result<reqwest::Response, Failure> {
        let sent = self.build(request).timeout(LONGEST).send();
        let late = |_| Failure::with_code(10, format_args!("the server at {} did not answer in time", self.base));
        let answered = tokio::time::timeout(Duration::from_mins(1), sent).await.map_err(late)?;
        answered.map_err(|error| self.no_answer(&error))
    }

    /// Deletes something and answers what the server says about it.
    ///
    /// # Errors
    /// When no answer came, or the answer is a problem.
    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        let sent = self.http.delete(format!("{}{path}", self.base)).send().await;
        let answer = self.answer(sent.map_err(|error| self.no_answer(&error))?).await?;
        answer.into_success().map(|answer| answer.body)
    }

    fn build(&self, request: Request<'_>) -> reqwest::RequestBuilder {
        let method = if request.body.is_some() { Method::POST } else { Method::GET };
        let mut builder = self.http.request(method, format!("{}{}", self.base, request.path)).query(request.query);
        for (name, value) in request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(body) = request.body {
            builder = builder.header("content-type", "application/json").body(body);
        }
        builder
    }

    /// Gets a JSON document.
    ///
    /// # Errors
    /// When no answer came, or the answer is a problem.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        let answer = self.send(Request { path, query, headers: &[], body: None }).await?;
        answer.into_success().map(|answer| answer.body)
    }

    /// Posts a JSON document and answers the one that comes back.
    ///
    /// # Errors
    /// When no answer came, or the answer is a problem.
    pub async fn post(&self, path: &str, body: String) -> Result<Value, Failure> {
        let answer = self.send(Request { path, query: &[], headers: &[], body: Some(body) }).await?;
        answer.into_success().map(|answer| answer.body)
    }

    /// Puts a JSON document in the place of what is at a path, and answers the one that comes back.
    ///
    /// # Errors
    /// When no answer came, or the answer is a problem.
    pub async fn put(&self, path: &str, body: String) -> Result<Value, Failure> {
        let request = self.http.put(format!("{}{path}", self.base)).header("content-type", "application/json");
        let response = request.body(body).send().await.map_err(|error| self.no_answer(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.map_err(|error| self.no_answer(&error))?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }.into_success().map(|answer| answer.body)
    }

    fn no_answer(&self, error: &reqwest::Error) -> Failure {
        let base = &self.base;
        if error.is_timeout() {
            return Failure::with_code(10, format_args!("the server at {base} did not answer in time"));
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Failure::unreachable(format_args!("the server at {base} cannot be reached: {cause}"))
            .hint("start one with `nexus dev`, or name another with --server URL")
    }
}

impl Answer {
    /// This answer if its status says success, otherwise the problem it carries as a failure.
    ///
    /// # Errors
    /// The problem.
    pub fn into_success(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.failure()) }
    }

    /// The problem this answer carries.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let text = |name: &str| self.body.get(name).and_then(Value::as_str);
        let status = StatusCode::from_u16(self.status).map_or_else(|_| self.status.to_string(), |s| s.to_string());
        let mut message = text("detail").or_else(|| text("title")).unwrap_or(&status).to_owned();
        if let Some(code) = text("code") {
            message = format!("{message} [{code}]");
        }
        for error in self.body.get("errors").and_then(Value::as_array).into_iter().flatten() {
            let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            let place = [part("pointer"), part("rule")].join(" ");
            message.push_str(&format!("\n  {}: {}", place.trim(), part("detail")));
            if !part("fix").is_empty() {
                message.push_str(&format!("\n    fix: {}", part("fix")));
            }
        }
        let failure = Failure::with_code(exit_code(self.status), message);
        match self.status {
            401 => {
                failure.hint("set NEXUS_TOKEN to a token that this server accepts, or name a file: --token-file FILE")
            }
            _ => failure,
        }
    }
}

fn http_client(headers: HeaderMap) -> Result<reqwest::Client, Failure> {
    let builder = reqwest::Client::builder().default_headers(headers).redirect(reqwest::redirect::Policy::none());
    let builder = builder.connect_timeout(Duration::from_secs(5)).timeout(Duration::from_mins(1));
    builder.build().map_err(|error| Failure::usage(format_args!("no HTTP client: {error}")))
}

fn exit_code(status: u16) -> u8 {
    match status {
        422 => 1,
        403 => 3,
        401 => 6,
        409 | 412 | 428 => 7,
        404 | 410 => 8,
        502 | 503 => 9,
        504 => 10,
        _ => 2,
    }
}

/// Percent-encodes one path segment (RFC 3986: everything but unreserved characters).
#[must_use]
pub fn segment(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes()
        .map(|byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_survive_slashes_and_unicode() {
        assert_eq!(segment("a/b ü~1"), "a%2Fb%20%C3%BC~1");
    }

    #[test]
    fn a_server_address_without_http_is_refused_with_an_example() {
        let failure = Client::new("localhost:4747").unwrap_err();
        assert!(failure.to_string().contains("--server http://127.0.0.1:4747"), "{failure}");
        assert!(Client::new("https://nexus.example").is_ok());
    }

    #[test]
    fn a_token_is_not_shown_and_not_sent_in_pieces() {
        let client = Client::new("http://localhost:1").unwrap().with_token("nxt_s3cret").unwrap();
        assert!(!format!("{client:?}").contains("s3cret"));
        for bad in ["", "two words", "line\nbreak", "clé"] {
            let failure = Client::new("http://localhost:1").unwrap().with_token(bad).unwrap_err();
            assert!(bad.is_empty() || !failure.to_string().contains(bad), "{failure}");
        }
    }

    #[test]
    fn plain_http_to_another_machine_is_exposed() {
        for (base, exposed) in [
            ("http://127.0.0.1:4747", false),
            ("http://localhost", false),
            ("http://[::1]:1", false),
            ("https://nexus.example", false),
            ("http://nexus.example", true),
            ("http://127.0.0.1.nexus.example", true),
            ("http://10.0.0.1:4747", true),
        ] {
            assert_eq!(Client::new(base).unwrap().is_exposed(), exposed, "{base}");
        }
    }
}
