use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use nexus_core::{DecisionId, ExpectedVersion, Version, json::JsonError};
use serde_json::Value;

use crate::problem::{Code, FieldError, ProblemBody, ProblemError};

/// A refusal on its way out. The edge middleware adds the path and the trace id, and renders it.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Facts>);

#[derive(Debug, Clone)]
struct Facts {
    code: Code,
    title: Option<String>,
    detail: String,
    errors: Vec<ProblemError>,
    fields: Vec<FieldError>,
    decision_id: Option<DecisionId>,
    expected: Option<ExpectedVersion>,
    actual: Option<Version>,
    retry_after: Option<u32>,
    challenge: Option<&'static str>,
    nearest: Vec<String>,
    cause: Option<String>,
    report: Option<Value>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            code,
            title: None,
            detail: clipped(detail.into()),
            errors: Vec::new(),
            fields: Vec::new(),
            decision_id: None,
            expected: None,
            actual: None,
            retry_after: None,
            challenge: None,
            nearest: Vec::new(),
            cause: None,
            report: None,
        }))
    }

    /// The body is not what is asked for, at one place.
    pub(crate) fn invalid(pointer: impl Into<String>, rule: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::new(Code::ValidationError, detail.clone()).with_error(pointer, rule, detail)
    }

    /// A query parameter is not usable.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let name: String = name.chars().take(64).collect();
        let mut problem = Self::new(Code::InvalidParameter, detail.clone()).with_error("", &name, detail.clone());
        problem.0.fields.push(FieldError { field: name, error: detail });
        problem
    }

    /// A header is not usable.
    pub(crate) fn header(name: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::new(Code::InvalidHeader, detail.clone()).with_error("", name, detail)
    }

    pub(crate) fn with_title(mut self, title: impl Into<String>) -> Self {
        self.0.title = Some(title.into());
        self
    }

    /// Adds something that is wrong; one with a place is also listed by field.
    pub(crate) fn with_error(mut self, pointer: impl Into<String>, rule: &str, detail: impl Into<String>) -> Self {
        let (pointer, detail) = (clipped(pointer.into()), clipped(detail.into()));
        if !pointer.is_empty() {
            self.0.fields.push(FieldError { field: field_of(&pointer), error: detail.clone() });
        }
        self.0.errors.push(ProblemError { pointer, rule: rule.to_owned(), detail, fix: None });
        self
    }

    /// Adds something that is wrong and what would make it right.
    pub(crate) fn with_fix(mut self, rule: &str, detail: &str, fix: &str) -> Self {
        let fix = Some(fix.to_owned()).filter(|fix| !fix.is_empty());
        self.0.errors.push(ProblemError {
            pointer: String::new(),
            rule: rule.to_owned(),
            detail: detail.to_owned(),
            fix,
        });
        self
    }

    /// Adds something that is wrong at a place, and what would make it right.
    pub(crate) fn with_breach(mut self, pointer: &str, rule: &str, detail: &str, fix: &str) -> Self {
        let (pointer, detail, fix) = (clipped(pointer.to_owned()), clipped(detail.to_owned()), clipped(fix.to_owned()));
        self.0.errors.push(ProblemError { pointer, rule: rule.to_owned(), detail, fix: Some(fix) });
        self
    }

    /// What the header `WWW-Authenticate` says (RFC 6750, section 3).
    pub(crate) fn with_challenge(mut self, challenge: &'static str) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    /// Adds the whole verdict on a schema.
    pub(crate) fn with_report(mut self, report: Value) -> Self {
        self.0.report = Some(report);
        self
    }

    /// What the header `WWW-Authenticate` says; `None` when credentials are not what is missing.
    pub(crate) fn challenge(&self) -> Option<HeaderValue> {
        let unknown = self.0.code == Code::Unauthenticated;
        unknown.then(|| HeaderValue::from_static(self.0.challenge.unwrap_or("Bearer")))
    }

    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    pub(crate) fn with_decision(mut self, decision_id: DecisionId) -> Self {
        self.0.decision_id = Some(decision_id);
        self
    }

    pub(crate) fn with_versions(mut self, expected: Option<ExpectedVersion>, actual: Version) -> Self {
        (self.0.expected, self.0.actual) = (expected, Some(actual));
        self
    }

    pub(crate) fn with_retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    pub(crate) fn with_nearest(mut self, nearest: Vec<String>) -> Self {
        if !nearest.is_empty() {
            let names: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
            self.0.detail = format!("{}; did you mean {}?", self.0.detail, names.join(", "));
        }
        self.0.nearest = nearest;
        self
    }

    /// What the operator is told and the client is not.
    pub(crate) fn caused_by(mut self, cause: &dyn std::fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Tells the operator: this is where a refusal is handled.
    pub(crate) fn log(&self, trace_id: &str) {
        let facts = &*self.0;
        let (status, code) = (facts.code.status().as_u16(), facts.code.slug());
        let cause = facts.cause.as_deref().unwrap_or_default();
        if status >= 500 {
            tracing::error!(trace_id, status, code, cause, detail = %facts.detail, "a request failed");
        } else {
            tracing::debug!(trace_id, status, code, cause, detail = %facts.detail, "a request was refused");
        }
    }

    /// The document for one request. Logs it.
    pub(crate) fn body(&self, instance: &str, trace_id: &str) -> ProblemBody {
        self.log(trace_id);
        let facts = &*self.0;
        let (status, code) = (facts.code.status().as_u16(), facts.code.slug());
        ProblemBody {
            problem_type: format!("urn:nexus:error:{code}"),
            title: facts.title.clone().unwrap_or_else(|| facts.code.title().to_owned()),
            status,
            detail: facts.detail.clone(),
            instance: instance.chars().take(2048).collect(),
            code: facts.code.name(),
            message: facts.detail.clone(),
            errors: facts.errors.clone(),
            fields: facts.fields.clone(),
            decision_id: facts.decision_id.map(|id| id.to_string()),
            report: facts.report.clone(),
            expected_version: facts.expected.map(version_value),
            actual_version: facts.actual.map(Version::get),
            retry_after: facts.retry_after,
            nearest: facts.nearest.clone(),
            docs: format!("/docs/errors/{code}"),
            trace_id: trace_id.to_owned(),
        }
    }

    /// The whole answer for one request; headers that `response` has are kept.
    pub(crate) fn render(&self, response: Response, instance: &str, trace_id: &str) -> Response {
        let body = serde_json::to_vec(&self.body(instance, trace_id)).unwrap_or_default();
        let (mut parts, _) = response.into_parts();
        parts.status = self.0.code.status();
        let headers = &mut parts.headers;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        Response::from_parts(parts, Body::from(body))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::new(Code::MalformedJson, format!("the body is not valid JSON: {error}")).with_error(
            "",
            "json",
            error.to_string(),
        )
    }
}

/// A text that may quote what a client sent, kept short.
fn clipped(mut text: String) -> String {
    const MAX_BYTES: usize = 1024;
    if text.len() > MAX_BYTES {
        text.truncate(text.floor_char_boundary(MAX_BYTES));
        text.push('…');
    }
    text
}

/// An expectation as it is written in JSON.
fn version_value(expected: ExpectedVersion) -> Value {
    match expected {
        ExpectedVersion::Exact(version) => version.get().into(),
        other => other.to_string().into(),
    }
}

/// A JSON Pointer as a path with dots; the place of a payload inside its envelope is left out.
fn field_of(pointer: &str) -> String {
    let inner = pointer.strip_prefix("/payload/").or_else(|| pointer.strip_prefix('/')).unwrap_or(pointer);
    inner.replace('/', ".").replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_become_field_paths() {
        assert_eq!(field_of("/payload/lines/0/quantity"), "lines.0.quantity");
        assert_eq!(field_of("/aggregateId"), "aggregateId");
        assert_eq!(field_of("/a~1b/c~0d"), "a/b.c~d");
    }
}
