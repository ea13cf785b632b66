use std::{sync::Arc, thread, time::Duration};

use nexus_core::ports::Subject;
use reqwest::{
    Client, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};
use serde_json::Value;

use super::text::Text;
use crate::{AccessToken, CheckError};

/// Longest time a server may take for one answer.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Most bytes of one answer that are read.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What a server has of these subjects, as the schema files it would be.
///
/// # Errors
/// [`CheckError::Base`] when it cannot be asked, or answers what no registry answers; [`CheckError::NotLetIn`] when it
/// answers whom it knows only, or not this one.
pub(crate) fn schemas<'a>(
    address: &str,
    token: Option<&AccessToken>,
    subjects: impl Iterator<Item = &'a Subject>,
) -> Result<Vec<Arc<Text>>, CheckError> {
    let failed = |failed| match failed {
        Failed::NotLetIn(reason) => CheckError::NotLetIn { base: address.to_owned(), reason },
        Failed::Else(reason) => CheckError::Base { base: address.to_owned(), reason },
    };
    let subjects: Vec<_> = subjects.cloned().collect();
    // On a thread of its own, since the caller may be within a runtime already.
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
            runtime.block_on(Registry::at(address, token)?.schemas(&subjects))
        });
        asking.join().unwrap_or_else(|_| Err(Failed::Else("asking it ended unexpectedly".to_owned())))
    })
    .map_err(failed)
}

/// Why a server did not tell its schemas.
enum Failed {
    NotLetIn(String),
    Else(String),
}

impl From<String> for Failed {
    fn from(reason: String) -> Self {
        Self::Else(reason)
    }
}

impl From<&str> for Failed {
    fn from(reason: &str) -> Self {
        Self::Else(reason.to_owned())
    }
}

/// The registry of a server.
struct Registry {
    base: Url,
    http: Client,
    has_token: bool,
}

impl Registry {
    /// A redirect is not followed, so that the token goes to the address that was given and nowhere else.
    fn at(address: &str, token: Option<&AccessToken>) -> Result<Self, String> {
        let base = Url::parse(address).map_err(|error| error.to_string())?;
        if base.cannot_be_a_base() {
            return Err("not the address of a server".to_owned());
        }
        let headers = token.map(authorization).transpose()?.unwrap_or_default();
        let http = Client::builder().default_headers(headers).timeout(TIME_LIMIT).redirect(Policy::none()).build();
        Ok(Self { base, http: http.map_err(|error| error.to_string())?, has_token: token.is_some() })
    }

    async fn schemas(&self, subjects: &[Subject]) -> Result<Vec<Arc<Text>>, Failed> {
        let mut texts = Vec::new();
        for subject in subjects {
            let Some(listed) = self.ask(subject, &["versions"]).await? else { continue };
            let versions = listed.get("versions").and_then(Value::as_array).ok_or("it lists no versions")?;
            for version in versions {
                let number =
                    version.get("version").and_then(Value::as_u64).ok_or("a version has no number")?.to_string();
                let Some(whole) = self.ask(subject, &["versions", &number]).await? else { continue };
                let schema = whole.get("schema").ok_or("a version has no schema")?;
                let file = format!("{}/{}/{number}.json", subject.kind, subject.name);
                texts.push(Arc::new(Text::new(file, schema.to_string().into_bytes())));
            }
        }
        Ok(texts)
    }

    /// One answer; `None` when the server knows no such thing.
    async fn ask(&self, subject: &Subject, below: &[&str]) -> Result<Option<Value>, Failed> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "schemas", subject.name.as_str()]).extend(below);
        }
        url.query_pairs_mut().append_pair("kind", &subject.kind.to_string());
        let mut response = self.http.get(url).send().await.map_err(|error| told(&error))?;
        match response.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::UNAUTHORIZED if self.has_token => {
                return Err(Failed::NotLetIn("it does not accept the token that was sent (401)".to_owned()));
            }
            StatusCode::UNAUTHORIZED => {
                return Err(Failed::NotLetIn("it wants to know who asks, and no token was given (401)".to_owned()));
            }
            StatusCode::FORBIDDEN => {
                let who = if self.has_token { "the token that was sent" } else { "whoever comes without a token" };
                return Err(Failed::NotLetIn(format!("it does not let {who} read schemas (403)")));
            }
            status if !status.is_success() => return Err(format!("it answers {status}").into()),
            _ => {}
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| told(&error))? {
            body.extend_from_slice(&part);
            if body.len() > MOST_BYTES {
                return Err(format!("an answer is longer than {MOST_BYTES} bytes").into());
            }
        }
        Ok(serde_json::from_slice(&body).map(Some).map_err(|error| format!("it answers what is no JSON: {error}"))?)
    }
}

/// The header that says who asks. Its text is not repeated when it is no token: it may well be another secret.
fn authorization(token: &AccessToken) -> Result<HeaderMap, String> {
    let text = token.text();
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let value = plain.then(|| HeaderValue::from_str(&format!("Bearer {text}")).ok()).flatten();
    let mut value = value.ok_or("the token is not one word of plain characters")?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// An error with what caused it; by itself it only says that there was one.
fn told(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
