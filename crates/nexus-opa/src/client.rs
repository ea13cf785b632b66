//! What goes over the wire.

use std::time::Duration;

use nexus_core::ports::PolicyModule;
use reqwest::{Client, RequestBuilder, StatusCode, Url, header, redirect};

use crate::{
    OpaError, OpaOptions,
    answer::{self, Answer},
};

/// Largest answer to a question, in bytes.
const MAX_ANSWER: usize = 256 * 1024;
/// Largest list of modules, in bytes; servers send their syntax trees along.
const MAX_MODULES: usize = 32 * 1024 * 1024;
/// Longest time for the list of modules.
const MODULES_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server could not be reached, or did not answer in time.
    Unreachable(String),
    /// It answered, but nothing that can be used.
    Unusable(String),
}

#[derive(Debug)]
pub(crate) struct OpaClient {
    http: Client,
    /// Makes a connection for every request.
    fresh: Client,
    data: Url,
    policies: Url,
    path: String,
    token: Option<header::HeaderValue>,
}

impl OpaClient {
    pub(crate) fn new(options: &OpaOptions) -> Result<Self, OpaError> {
        let client = |idle| {
            let client = Client::builder()
                .redirect(redirect::Policy::none())
                // A proxy would see what is asked, and could answer in the place of the server.
                .no_proxy()
                .connect_timeout(options.timeout())
                .pool_max_idle_per_host(idle);
            client.build().map_err(|error| OpaError::Client(error.to_string()))
        };
        Ok(Self {
            http: client(options.max_in_flight)?,
            fresh: client(0)?,
            data: options.at(&format!("/v1/data/{}?provenance=true", options.path()))?,
            policies: options.at("/v1/policies")?,
            path: options.path().to_owned(),
            token: options.token().cloned(),
        })
    }

    /// Asks one question. The caller bounds the time.
    pub(crate) async fn decide(&self, body: Vec<u8>) -> Result<Answer, Trouble> {
        let question = |http: &Client| {
            let request = http.post(self.data.clone()).header(header::CONTENT_TYPE, "application/json");
            request.body(body.clone())
        };
        let bytes = match self.bytes(question(&self.http), MAX_ANSWER).await {
            // The connection may have been closed while nothing was asked. To ask again changes nothing at the server.
            Err((_, true)) => self.bytes(question(&self.fresh), MAX_ANSWER).await,
            answer => answer,
        };
        let bytes = bytes.map_err(|(trouble, _)| trouble)?;
        answer::decision(&self.path, bytes).map_err(Trouble::Unusable)
    }

    /// The modules of the server, in the order of their names.
    pub(crate) async fn modules(&self) -> Result<Vec<PolicyModule>, Trouble> {
        let asked = self.bytes(self.fresh.get(self.policies.clone()), MAX_MODULES);
        let bytes = tokio::time::timeout(MODULES_TIMEOUT, asked).await;
        let bytes = bytes.map_err(|_| Trouble::Unreachable(format!("no answer within {MODULES_TIMEOUT:?}")))?;
        answer::modules(bytes.map_err(|(trouble, _)| trouble)?).map_err(Trouble::Unusable)
    }

    /// The body of an answer; of a failure also whether it can be that of a connection that was closed before.
    async fn bytes(&self, mut request: RequestBuilder, limit: usize) -> Result<Vec<u8>, (Trouble, bool)> {
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token.clone());
        }
        let mut response = request.send().await.map_err(|error| {
            let stale = !error.is_connect() && !error.is_timeout();
            (Trouble::Unreachable(told(error)), stale)
        })?;
        let status = response.status();
        if status != StatusCode::OK {
            let reason = format!("it answered with status {}", status.as_u16());
            return Err((
                if is_away(status) { Trouble::Unreachable(reason) } else { Trouble::Unusable(reason) },
                false,
            ));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| (Trouble::Unreachable(told(error)), false))? {
            if bytes.len() + chunk.len() > limit {
                return Err((Trouble::Unusable(format!("its answer has more than {limit} bytes")), false));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// What something in front of the server says when it is not there.
fn is_away(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// The reason with what led to it, without the address.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
