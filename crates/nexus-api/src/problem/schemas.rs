//! From what the schema registry says to what a client is told.

use nexus_core::ports::RegisterError;
use nexus_runtime::{AppendFailure, SchemaFailure};

use crate::{
    dto::CompatibilityDto,
    problem::{BodyPlaces, Code, Problem, append_problem, policy_problem},
};

/// Why the registry was not changed, or could not be asked.
pub(crate) fn schema_failure(failure: SchemaFailure) -> Problem {
    let text = failure.to_string();
    match failure {
        SchemaFailure::Registry(error) => register_problem(error),
        SchemaFailure::Denied { action, decision_id, verdict } => policy_problem(action, &verdict, Some(decision_id)),
        SchemaFailure::Protected { .. } | SchemaFailure::InUse { .. } => Problem::new(Code::SchemaInUse, text),
        SchemaFailure::TooLong { .. } => Problem::new(Code::Unavailable, text),
        SchemaFailure::Append(error) => append_problem(AppendFailure::Append(error), &BodyPlaces::default()),
        SchemaFailure::Read(error) => error.into(),
        SchemaFailure::Damaged(reason) => {
            Problem::new(Code::DamagedData, "the record of the schemas cannot be read").caused_by(&reason)
        }
        other => Problem::new(Code::InternalError, "the schema registry was not changed").caused_by(&other),
    }
}

/// What the registry has against a schema, a name or a deletion.
pub(crate) fn register_problem(error: RegisterError) -> Problem {
    let text = error.to_string();
    match error {
        RegisterError::Invalid { .. } => Problem::invalid("/schema", "schema", text),
        RegisterError::InvalidName { .. } => Problem::invalid("/name", "name", text),
        RegisterError::Reference { .. } => Problem::invalid("/references", "reference", text),
        RegisterError::Incompatible { subject, report } => {
            let count = report.breaches.len();
            let detail = format!("the schema of the {subject} breaks its mode {} in {count} place(s)", report.mode);
            let problem = report.breaches.iter().take(100).fold(
                Problem::new(Code::IncompatibleSchema, detail),
                |problem, breach| {
                    let message = format!("{} (against version {})", breach.message, breach.version);
                    problem.with_breach(&breach.pointer, &breach.rule, &message, &breach.fix)
                },
            );
            let report = CompatibilityDto::of(*report, Vec::new());
            problem.with_report(serde_json::to_value(report).unwrap_or_default())
        }
        RegisterError::Version { computed, .. } => Problem::new(Code::SchemaVersionRefused, text).with_breach(
            "/version",
            "version",
            "it is not the version the change leads to",
            &format!("ask for {computed} or higher, or leave `version` out"),
        ),
        RegisterError::NotAllowed { .. } => Problem::new(Code::SubjectReadOnly, text),
        RegisterError::UnknownSubject { .. }
        | RegisterError::UnknownVersion { .. }
        | RegisterError::AlreadyDeleted { .. } => Problem::new(Code::UnknownSchema, text),
        RegisterError::NotDeletedBefore { .. } | RegisterError::Referenced { .. } => {
            Problem::new(Code::SchemaInUse, text)
        }
        other => Problem::new(Code::InternalError, "the schema registry refused").caused_by(&other),
    }
}
