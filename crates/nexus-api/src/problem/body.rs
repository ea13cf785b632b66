use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A problem document as it is sent (RFC 9457, with members of our own).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody {
    /// Stable URI of the kind of problem: `urn:nexus:error:validation-error`.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// What kind of problem it is; the same sentence every time.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The path that was asked.
    pub instance: String,
    /// The stable code: `VALIDATION_ERROR`.
    pub code: String,
    /// The same as `detail`, for clients that look for a message.
    pub message: String,
    /// Each thing that is wrong.
    pub errors: Vec<ProblemError>,
    /// The same by field, for forms.
    pub fields: Vec<FieldError>,
    /// The governance decision, when one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
    /// The whole verdict on a schema, when that is what refuses it: as `/api/schemas/{name}/compatibility` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub report: Option<Value>,
    /// The version that was expected: a number, `"any"`, `"none"` or `"exists"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<Value>,
    /// The version there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_version: Option<u64>,
    /// Seconds after which the same request may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Known names that look like the unknown one, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<String>,
    /// Where the code is explained.
    pub docs: String,
    /// What to look for in the server's log.
    pub trace_id: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemError {
    /// JSON Pointer into the body; empty when it is not about a place in the body.
    pub pointer: String,
    /// The rule that is broken: a schema keyword, a policy rule, a business rule, a parameter name.
    pub rule: String,
    /// What is wrong, for a person.
    pub detail: String,
    /// What would make it right, when the rule says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path with dots: `lines.0.quantity`.
    pub field: String,
    /// What is wrong with it.
    pub error: String,
}
