#![expect(clippy::expect_used, reason = "a test whose server does not answer must fail")]

use std::time::Duration;

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// Speaks HTTP to one server, from plain threads.
#[derive(Debug, Clone)]
pub struct Http {
    base: String,
    client: reqwest::Client,
    runtime: std::sync::Arc<tokio::runtime::Runtime>,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// The body as JSON; as a JSON string when it is not JSON.
    pub body: Value,
}

impl Answer {
    /// A header as text; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `code` of a problem; empty when there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Http {
    /// A client of the server at `base`.
    ///
    /// # Panics
    /// When no client can be made.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build();
        Self {
            base: base.to_owned(),
            client: client.expect("a client can be made"),
            runtime: std::sync::Arc::new(runtime.expect("a runtime can be made")),
        }
    }

    /// Sends a request; a body goes as `application/json` unless a header says otherwise.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.try_request(method, path, headers, body).expect("the server answers")
    }

    /// [`request`](Self::request), or `None` when no answer comes.
    #[must_use]
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Option<Answer> {
        let request = self.prepare(method, path, headers, body);
        self.runtime.block_on(async {
            let response = request.send().await.ok()?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let text = response.text().await.ok()?;
            let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
            Some(Answer { status, headers, body })
        })
    }

    fn prepare(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a valid method");
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body.to_vec());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
    }

    /// Sends a request and looks no further than the status: the body may never end.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn status(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> u16 {
        let request = self.prepare(method, path, headers, body);
        self.runtime.block_on(async { request.send().await.expect("the server answers").status().as_u16() })
    }

    /// GET.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], None)
    }

    /// POST with a JSON body.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, &[], Some(body.to_string().as_bytes()))
    }

    /// The log's head.
    ///
    /// # Panics
    /// When the server does not tell it.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.get("/api/events?limit=1").body.get("head").and_then(Value::as_u64).expect("events have a head")
    }

    /// All items of a read model, page by page, once it has seen the whole log.
    ///
    /// # Panics
    /// When a page is not answered.
    #[must_use]
    pub fn all(&self, resource: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        let head = self.head();
        loop {
            let path = format!("/api/queries/{resource}?limit=1000&consistentWith={head}{cursor}");
            let answer = self.request("GET", &path, &[("prefer", "wait=30")], None);
            assert_eq!(answer.status, 200, "{}", answer.body);
            items.extend(answer.body.get("items").and_then(Value::as_array).cloned().unwrap_or_default());
            match answer.body.get("nextToken").and_then(Value::as_str) {
                Some(token) => cursor = format!("&cursor={token}"),
                None => return items,
            }
        }
    }

    /// All events of the log, oldest first.
    ///
    /// # Panics
    /// When a page is not answered.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), 0);
        loop {
            let answer = self.get(&format!("/api/events?after={after}&limit=1000"));
            assert_eq!(answer.status, 200, "{}", answer.body);
            events.extend(answer.body.get("events").and_then(Value::as_array).cloned().unwrap_or_default());
            let number = |name: &str| answer.body.get(name).and_then(Value::as_u64).expect("a number");
            if number("next") >= number("head") {
                return events;
            }
            after = number("next");
        }
    }
}
