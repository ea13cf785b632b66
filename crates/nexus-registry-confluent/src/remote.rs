use std::time::Duration;

use bytes::{Bytes, BytesMut};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;

use crate::RemoteOptions;

/// Why a remote registry gave no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The address is none that can be asked.
    #[error("`{url}` is no address of a registry: {reason}")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It does not have the subject, or not this version.
    #[error("the registry does not have {what}")]
    Absent {
        /// What was asked for.
        what: String,
    },
    /// It cannot be reached, is too slow or answers with an error. Trying again later may help.
    #[error("the registry does not answer: {reason}")]
    Down {
        /// What happened last.
        reason: String,
    },
    /// It answered something that is no usable schema. Trying again does not help.
    #[error("the registry answered what cannot be used: {reason}")]
    Unusable {
        /// What is wrong with it.
        reason: String,
    },
}

/// One version as the registry answers it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    pub(crate) id: u32,
    pub(crate) version: u32,
    pub(crate) schema: String,
    #[serde(default)]
    pub(crate) schema_type: Option<String>,
    #[serde(default)]
    pub(crate) references: Vec<Reference>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) version: u32,
}

/// What it says when it says no.
#[derive(Deserialize)]
struct Refusal {
    error_code: u32,
}

const NO_SUBJECT: u32 = 40401;
const NO_VERSION: u32 = 40402;

/// Asks the registry.
pub(crate) struct Remote {
    http: reqwest::Client,
    base: String,
    options: RemoteOptions,
}

impl Remote {
    /// # Errors
    /// [`RemoteError::Address`].
    pub(crate) fn new(options: RemoteOptions) -> Result<Self, RemoteError> {
        let refuse = |reason: &str| RemoteError::Address { url: options.url.clone(), reason: reason.to_owned() };
        let url = Url::parse(&options.url).map_err(|error| refuse(&error.to_string()))?;
        if url.scheme() != "http" || url.host_str().is_none() {
            return Err(refuse("it must begin with http://; let a proxy beside this server speak https"));
        }
        let http = reqwest::Client::builder().timeout(options.timeout).redirect(reqwest::redirect::Policy::none());
        let http = http.build().map_err(|error| refuse(&error.to_string()))?;
        Ok(Self { http, base: options.url.trim_end_matches('/').to_owned(), options })
    }

    pub(crate) fn options(&self) -> &RemoteOptions {
        &self.options
    }

    /// One version of a subject; the newest when none is named.
    pub(crate) async fn version(&self, subject: &str, version: Option<u32>) -> Result<Answer, RemoteError> {
        let version = version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
        let path = format!("/subjects/{}/versions/{version}", utf8_percent_encode(subject, NON_ALPHANUMERIC));
        let what = || format!("version {version} of `{subject}`");
        let answer = self.asked(&path, &what).await;
        metrics::counter!("nexus_remote_registry_requests_total", "result" => label(&answer)).increment(1);
        let answer: Answer = serde_json::from_slice(&answer?)
            .map_err(|error| RemoteError::Unusable { reason: format!("{}: {error}", what()) })?;
        match answer.schema_type.as_deref() {
            Some("JSON") => Ok(answer),
            other => {
                let found = other.unwrap_or("AVRO");
                Err(RemoteError::Unusable { reason: format!("{} is of the type {found:.20}, not JSON", what()) })
            }
        }
    }

    /// Asks until there is an answer, or the attempts are over.
    async fn asked(&self, path: &str, what: &(dyn Fn() -> String + Sync)) -> Result<Bytes, RemoteError> {
        let mut wait = self.options.backoff;
        let mut attempt = 1;
        loop {
            match self.once(path, what).await {
                Err(RemoteError::Down { reason }) if attempt < self.options.attempts => {
                    tracing::debug!(attempt, reason, "a remote registry is asked again");
                    tokio::time::sleep(jittered(wait)).await;
                    (attempt, wait) = (attempt + 1, wait.saturating_mul(2));
                }
                outcome => return outcome,
            }
        }
    }

    async fn once(&self, path: &str, what: &(dyn Fn() -> String + Sync)) -> Result<Bytes, RemoteError> {
        let mut request = self.http.get(format!("{}{path}", self.base));
        request = request.header("accept", "application/vnd.schemaregistry.v1+json");
        if let Some((name, password)) = &self.options.credentials {
            request = request.basic_auth(name, Some(password));
        }
        let response = request.send().await.map_err(|error| down(&error))?;
        let status = response.status();
        let body = self.body(response).await?;
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::NOT_FOUND => match serde_json::from_slice::<Refusal>(&body) {
                Ok(Refusal { error_code: NO_SUBJECT | NO_VERSION }) => Err(RemoteError::Absent { what: what() }),
                _ => Err(RemoteError::Down { reason: "404 from something that is no registry".to_owned() }),
            },
            other => Err(RemoteError::Down { reason: format!("it answered {other}") }),
        }
    }

    /// The body, as far as it is not larger than allowed.
    async fn body(&self, mut response: Response) -> Result<Bytes, RemoteError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| down(&error))? {
            if body.len().saturating_add(chunk.len()) > self.options.max_answer {
                let reason = format!("an answer is larger than {} bytes", self.options.max_answer);
                return Err(RemoteError::Unusable { reason });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

fn label(answer: &Result<Bytes, RemoteError>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(RemoteError::Absent { .. }) => "absent",
        Err(RemoteError::Unusable { .. }) => "unusable",
        Err(_) => "down",
    }
}

/// The innermost cause says what happened; the outer ones repeat the address.
fn down(error: &reqwest::Error) -> RemoteError {
    if error.is_timeout() {
        return RemoteError::Down { reason: "no answer in time".to_owned() };
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    RemoteError::Down { reason: cause.to_string() }
}

/// Between a half and the whole of a wait, so that many servers do not ask in step.
pub(crate) fn jittered(wait: Duration) -> Duration {
    let share = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    wait.mul_f64(0.5 + share / 2.0)
}
