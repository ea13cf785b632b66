//! From what the runtime and the ports say to what a client is told.

use nexus_core::{
    DecisionId, Refusal,
    framework::CodecError,
    ports::{AppendError, ReadError, ReadStoreError, SchemaKind, SchemaRefusal, Verdict, VerdictOutcome, Violation},
};
use nexus_runtime::{AppendFailure, CommandFailure, IdempotencyClash, QueryFailure};

use crate::problem::{Code, Problem};

/// Seconds a client is asked to wait when nothing better is known.
const RETRY_AFTER: u32 = 5;

/// Most violations that one problem lists.
const MAX_VIOLATIONS: usize = 100;

/// Where in the body the parts of a request were, and where its version condition came from.
#[derive(Debug, Clone, Default)]
pub(crate) struct BodyPlaces {
    /// JSON Pointer of each payload, in the order in which events are counted.
    pub(crate) payloads: Vec<String>,
    /// The condition came from `If-Match` or `If-None-Match`.
    pub(crate) from_header: bool,
}

impl BodyPlaces {
    fn payload(&self, index: usize) -> &str {
        self.payloads.get(index).map_or("", String::as_str)
    }
}

/// Why a command was not carried out.
pub(crate) fn command_problem(failure: CommandFailure, command_type: &str, places: &BodyPlaces) -> Problem {
    match failure {
        CommandFailure::UnknownCommand { command_type, nearest } => unknown_command(&command_type, nearest),
        CommandFailure::Schema(refusal) => schema_problem(refusal, places.payload(0)),
        CommandFailure::Denied { decision_id, verdict, .. } => {
            policy_problem(command_type, &verdict, Some(decision_id))
        }
        CommandFailure::MissingAggregateId { .. } => Problem::invalid("/aggregateId", "required", failure.to_string()),
        CommandFailure::AlreadyExists { version, .. } => {
            Problem::new(Code::AlreadyExists, failure.to_string()).with_versions(None, version)
        }
        CommandFailure::DoesNotExist { .. } => Problem::new(Code::NotFound, failure.to_string()),
        CommandFailure::Rejected(rejection) => Problem::new(Code::BusinessRuleViolation, rejection.to_string())
            .with_title(format!("The rule `{}` rejects the command", rejection.code))
            .with_error("", &rejection.code, rejection.message),
        CommandFailure::Idempotency(clash) => clash.into(),
        CommandFailure::NotAdmitted(refusal) => decided_event_problem(refusal),
        CommandFailure::Append(error) => store_problem(error, places),
        CommandFailure::Read(error) => error.into(),
        CommandFailure::Upcast(error) => Problem::new(Code::UpcastFailed, error.place()).caused_by(&*error),
        CommandFailure::Codec(error) => codec_problem(&error, command_type, places),
        CommandFailure::Panicked { .. } => Problem::new(Code::InternalError, "the command's handler failed"),
        other => Problem::new(Code::InternalError, "the command failed").caused_by(&other),
    }
}

/// Why events were not stored.
pub(crate) fn append_problem(failure: AppendFailure, places: &BodyPlaces) -> Problem {
    match failure {
        AppendFailure::NotAdmitted { refusal, decision_id } => match refusal {
            Refusal::Malformed(reason) => Problem::invalid("", "append", reason),
            Refusal::Schema { index, refusal, .. } => schema_problem(*refusal, places.payload(index)),
            Refusal::Policy { event_type, verdict, .. } => policy_problem(&event_type, &verdict, Some(decision_id)),
            other => Problem::new(Code::InternalError, "the events were not admitted").caused_by(&other),
        },
        AppendFailure::Idempotency(clash) => clash.into(),
        AppendFailure::Append(error) => store_problem(error, places),
        AppendFailure::Read(error) => error.into(),
        other => Problem::new(Code::InternalError, "the append failed").caused_by(&other),
    }
}

pub(crate) fn unknown_command(command_type: &str, nearest: Vec<String>) -> Problem {
    let shown: String = command_type.chars().take(128).collect();
    Problem::new(Code::UnknownCommand, format!("there is no command `{shown}`")).with_nearest(nearest)
}

/// Policy said no: each rule that fired, and what it asks for.
pub(crate) fn policy_problem(action: &str, verdict: &Verdict, decision: Option<DecisionId>) -> Problem {
    let mut problem = match &verdict.outcome {
        VerdictOutcome::Deny(denials) => {
            let rules: Vec<String> = denials.iter().map(|denial| format!("`{}`", denial.id)).collect();
            let detail = format!("policy does not allow `{action}`: refused by {}", rules.join(", "));
            let problem = Problem::new(Code::PolicyViolation, detail);
            denials
                .iter()
                .fold(problem, |problem, denial| problem.with_fix(&denial.id, &denial.message, &denial.remediation))
        }
        VerdictOutcome::Failed { reason } => {
            let detail = format!("policy could not be evaluated for `{action}`, which counts as a no");
            Problem::new(Code::PolicyViolation, detail)
                .with_fix("evaluation-failed", "the evaluation failed or ran over a limit", "")
                .caused_by(reason)
        }
        _ => {
            let fix = "grant a role that may do this, or add a rule to `data.nexus.allow`";
            Problem::new(Code::PolicyViolation, format!("no policy allows `{action}`")).with_fix(
                "not-allowed",
                "no rule allows it",
                fix,
            )
        }
    };
    if let Some(decision_id) = decision {
        problem = problem.with_decision(decision_id);
    }
    problem
}

/// A document was refused by the registry; `place` is where it is in the body.
fn schema_problem(refusal: SchemaRefusal, place: &str) -> Problem {
    let text = refusal.to_string();
    match refusal {
        SchemaRefusal::UnknownType { kind, nearest, .. } => {
            let code = match kind {
                SchemaKind::Event => Code::UnknownEventType,
                SchemaKind::Command => Code::UnknownCommand,
            };
            Problem::new(code, text).with_nearest(nearest)
        }
        SchemaRefusal::UnknownVersion { .. } => Problem::new(Code::UnknownSchema, text),
        SchemaRefusal::NotYet { .. } => Problem::new(Code::Unavailable, text).with_retry_after(1),
        SchemaRefusal::Invalid { schema, violations } => {
            let what = format!("the payload breaks the schema of `{}` (version {})", schema.name, schema.version);
            let problem = Problem::new(Code::ValidationError, format!("{what}: {}", summary(&violations)));
            violations.into_iter().take(MAX_VIOLATIONS).fold(problem, |problem, violation| {
                let pointer = format!("{place}{}", violation.pointer);
                problem.with_error(pointer, &violation.keyword, violation.message)
            })
        }
        other => Problem::new(Code::ValidationError, other.to_string()),
    }
}

/// The first violation, and how many more there are.
fn summary(violations: &[Violation]) -> String {
    let Some(first) = violations.first() else {
        return "it does not say where".to_owned();
    };
    let place = if first.pointer.is_empty() { String::new() } else { format!("{}: ", first.pointer) };
    match violations.len() - 1 {
        0 => format!("{place}{}", first.message),
        more => format!("{place}{}, and {more} more", first.message),
    }
}

/// Events that a command decided were not admitted: mostly a defect of the application.
fn decided_event_problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Malformed(reason) => Problem::invalid("", "append", reason),
        Refusal::Policy { event_type, verdict, .. } => policy_problem(&event_type, &verdict, None),
        Refusal::Schema { event_type, refusal, .. } => {
            let detail = format!("the decided event `{event_type}` is refused by its schema: {refusal}");
            let problem = Problem::new(Code::InvalidDecision, detail);
            let SchemaRefusal::Invalid { violations, .. } = *refusal else {
                return problem;
            };
            violations.into_iter().fold(problem, |problem, violation| {
                problem.with_error(violation.pointer, &violation.keyword, violation.message)
            })
        }
        other => Problem::new(Code::InternalError, "the events were not admitted").caused_by(&other),
    }
}

fn store_problem(error: AppendError, places: &BodyPlaces) -> Problem {
    let text = error.to_string();
    match error {
        AppendError::Conflict { expected, actual, .. } => {
            let code = if places.from_header { Code::PreconditionFailed } else { Code::VersionConflict };
            Problem::new(code, text).with_versions(Some(expected), actual)
        }
        AppendError::WrongAggregateType { .. } => Problem::new(Code::WrongAggregateType, text),
        AppendError::DuplicateEvent { .. } => Problem::new(Code::DuplicateEvent, text),
        AppendError::TooLarge { .. } => Problem::new(Code::BodyTooLarge, text),
        AppendError::ReadOnly { reason } => {
            Problem::new(Code::StoreReadOnly, "the store has no room and takes no writes; reads go on")
                .with_retry_after(RETRY_AFTER)
                .caused_by(&reason)
        }
        AppendError::Poisoned { reason } => {
            let detail = "the store takes no writes until it is restarted; whether this write was kept is known then";
            Problem::new(Code::StoreReadOnly, detail).with_retry_after(30).caused_by(&reason)
        }
        other => unavailable("the store cannot be reached").caused_by(&other),
    }
}

fn codec_problem(error: &CodecError, command_type: &str, places: &BodyPlaces) -> Problem {
    if error.type_name == command_type {
        return Problem::invalid(places.payload(0), "type", error.to_string());
    }
    let detail = format!("a stored `{}` does not fit its type any more", error.type_name);
    Problem::new(Code::InternalError, detail).caused_by(error)
}

fn unavailable(detail: &str) -> Problem {
    Problem::new(Code::Unavailable, detail).with_retry_after(RETRY_AFTER)
}

impl From<IdempotencyClash> for Problem {
    fn from(clash: IdempotencyClash) -> Self {
        match clash {
            IdempotencyClash::StillRunning => Self::new(Code::RequestInProgress, clash.to_string()).with_retry_after(1),
            IdempotencyClash::KeyReused => Self::new(Code::IdempotencyKeyReused, clash.to_string()),
            IdempotencyClash::Index(error) => {
                unavailable("it cannot be told whether this request was carried out before").caused_by(&error)
            }
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::Corrupt { .. } => {
                let detail = "stored events are damaged and are not served; the operator must verify the store";
                Self::new(Code::DamagedData, detail).caused_by(&error)
            }
            _ => unavailable("the store cannot be reached").caused_by(&error),
        }
    }
}

impl From<QueryFailure> for Problem {
    fn from(failure: QueryFailure) -> Self {
        let text = failure.to_string();
        match failure {
            QueryFailure::UnknownResource { known, .. } => {
                let known = if known.is_empty() {
                    "none, this server keeps no read models".to_owned()
                } else {
                    known.join(", ")
                };
                Self::new(Code::UnknownResource, format!("{text}; known: {known}"))
            }
            QueryFailure::Behind { .. } => Self::new(Code::ProjectionBehind, text).with_retry_after(1),
            QueryFailure::Store(error) => error.into(),
            other => Self::new(Code::InternalError, "the query failed").caused_by(&other),
        }
    }
}

impl From<ReadStoreError> for Problem {
    fn from(error: ReadStoreError) -> Self {
        match &error {
            ReadStoreError::Invalid { reason } => Self::parameter("query", reason.clone()),
            ReadStoreError::Corrupt { .. } => {
                Self::new(Code::DamagedData, "the read model is damaged; it can be rebuilt").caused_by(&error)
            }
            _ => unavailable("the read store cannot be reached").caused_by(&error),
        }
    }
}
