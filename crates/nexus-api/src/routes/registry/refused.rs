//! Every "no" in the shape that clients of the Confluent Schema Registry understand.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nexus_core::ports::{CompatibilityReport, RegisterError, SubjectAccess};
use nexus_runtime::SchemaFailure;
use serde_json::json;

use super::{message::MEDIA_TYPE, subject::name_of};
use crate::problem::{Code, Problem, schema_failure};

/// What the paths of this interface begin with.
const PREFIX: &str = "/registry";
/// The other way in: a token as the password, for clients that know only this.
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"registry\"");

/// Whether a path belongs to this interface, whose refusals have a shape of their own.
pub(crate) fn is_within(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `{error_code, message}` with its status: the first three digits of the code.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    code: u32,
    message: String,
    /// What it was before, with what only the operator is told.
    problem: Option<Problem>,
}

impl Refused {
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Self {
        let mut message: String = message.into();
        message.truncate(message.floor_char_boundary(8192));
        Self { code, message, problem: None }
    }

    pub(super) fn subject_not_found(name: &str) -> Self {
        Self::new(40401, format!("Subject '{name}' not found."))
    }

    pub(super) fn version_not_found(version: &str) -> Self {
        Self::new(40402, format!("Version {version} not found."))
    }

    pub(super) fn schema_not_found(what: &str) -> Self {
        Self::new(40403, format!("Schema {what} not found"))
    }

    pub(super) fn not_allowed(message: impl Into<String>) -> Self {
        Self::new(42205, message)
    }

    fn status(&self) -> StatusCode {
        let status = if self.code >= 1000 { self.code / 100 } else { self.code };
        let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The whole answer; headers that `response` has are kept.
    pub(crate) fn render(&self, response: Response, trace_id: &str) -> Response {
        if let Some(problem) = &self.problem {
            problem.log(trace_id);
        }
        let body = json!({ "error_code": self.code, "message": self.message }).to_string();
        let (mut parts, _) = response.into_parts();
        parts.status = self.status();
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        if let Some(challenge) = self.problem.as_ref().and_then(Problem::challenge) {
            parts.headers.insert(header::WWW_AUTHENTICATE, challenge);
            parts.headers.append(header::WWW_AUTHENTICATE, BASIC);
        }
        Response::from_parts(parts, Body::from(body))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let status = u32::from(problem.code().status().as_u16());
        let code = match problem.code() {
            Code::MalformedJson | Code::ValidationError => 42201,
            Code::BodyTooLarge => 42209,
            Code::PolicyViolation => 40301,
            Code::Unauthenticated => 40101,
            Code::InternalError | Code::DamagedData | Code::StoreReadOnly => 50001,
            _ => status,
        };
        Self { problem: Some(problem.clone()), ..Self::new(code, problem.detail()) }
    }
}

impl From<SchemaFailure> for Refused {
    fn from(failure: SchemaFailure) -> Self {
        let text = failure.to_string();
        match failure {
            SchemaFailure::Registry(error) => error.into(),
            SchemaFailure::Protected { .. } | SchemaFailure::InUse { .. } => Self::not_allowed(text),
            other => schema_failure(other).into(),
        }
    }
}

impl From<RegisterError> for Refused {
    fn from(error: RegisterError) -> Self {
        let text = error.to_string();
        match error {
            RegisterError::InvalidName { .. } => Self::new(42208, text),
            RegisterError::Incompatible { subject, report } => {
                let name = name_of(&subject);
                let details = messages(&report).join(", ");
                Self::new(
                    409,
                    format!(
                        "Schema being registered is incompatible with an earlier schema for subject \"{name}\", \
                         details: [{details}]"
                    ),
                )
            }
            RegisterError::NotAllowed { subject, access, .. } => {
                let name = name_of(&subject);
                Self::not_allowed(match access {
                    SubjectAccess::ReadOnly => format!("Subject {name} is in read-only mode"),
                    _ => format!("Subject {name} is not in import mode"),
                })
            }
            RegisterError::UnknownSubject { subject } => Self::subject_not_found(&name_of(&subject)),
            RegisterError::UnknownVersion { version, .. } => Self::version_not_found(&version.to_string()),
            RegisterError::AlreadyDeleted { subject, version } => {
                let (code, what) = numbered(40404, 40406, &name_of(&subject), version);
                Self::new(code, format!("{what} was soft deleted. Set permanent=true to delete permanently"))
            }
            RegisterError::NotDeletedBefore { subject, version } => {
                let (code, what) = numbered(40405, 40407, &name_of(&subject), version);
                Self::new(code, format!("{what} was not deleted first before being permanently deleted"))
            }
            RegisterError::Referenced { .. } => {
                Self::new(42206, format!("One or more references exist to the schema: {text}"))
            }
            _ => Self::new(42201, text),
        }
    }
}

fn numbered(subject: u32, version: u32, name: &str, number: Option<u32>) -> (u32, String) {
    match number {
        None => (subject, format!("Subject '{name}'")),
        Some(number) => (version, format!("Subject '{name}' Version {number}")),
    }
}

/// What stands against a schema, each reason as one text.
pub(super) fn messages(report: &CompatibilityReport) -> Vec<String> {
    let message = |breach: &nexus_core::ports::CompatibilityBreach| {
        let reason = json!({
            "errorType": breach.rule,
            "path": format!("#{}", breach.pointer),
            "description": breach.message,
            "fix": breach.fix,
            "counterExample": breach.counter_example,
            "oldSchemaVersion": breach.version,
            "direction": breach.direction.to_string(),
        });
        reason.to_string()
    };
    report.breaches.iter().map(message).collect()
}
