//! From what the schema registry says to what a client is told.

use nexus_core::ports::{RegisterError, Subject};
use nexus_runtime::{AppendFailure, Proof, SchemaFailure};

use crate::{
    dto::{CompatibilityDto, UpcasterProofDto},
    problem::{BodyPlaces, Code, Problem, append_problem, policy_problem},
};

/// Why the registry was not changed, or could not be asked.
pub(crate) fn schema_failure(failure: SchemaFailure) -> Problem {
    let text = failure.to_string();
    match failure {
        SchemaFailure::Registry(error) => register_problem(error),
        SchemaFailure::Denied { action, decision_id, verdict } => policy_problem(action, &verdict, Some(decision_id)),
        SchemaFailure::Protected { .. } | SchemaFailure::InUse { .. } => Problem::new(Code::SchemaInUse, text),
        SchemaFailure::Unproven { subject, version, proof } => unproven(&subject, version, &proof),
        SchemaFailure::ProofUnfinished { .. } => Problem::new(Code::ProofUnfinished, text).with_retry_after(1),
        SchemaFailure::TooLong { .. } => Problem::new(Code::Unavailable, text),
        SchemaFailure::Append(error) => append_problem(AppendFailure::Append(error), &BodyPlaces::default()),
        SchemaFailure::Read(error) => error.into(),
        SchemaFailure::Damaged(reason) => {
            Problem::new(Code::DamagedData, "the record of the schemas cannot be read").caused_by(&reason)
        }
        other => Problem::new(Code::InternalError, "the schema registry was not changed").caused_by(&other),
    }
}

/// An upcaster does not hold: the first stored event or sample that shows it.
fn unproven(subject: &Subject, version: u32, proof: &Proof) -> Problem {
    let detail = format!("the upcaster to version {version} of the {subject} does not hold: {proof}");
    let fix = "make the steps hold for everything the earlier versions allow, for example by `default`";
    let mut problem = Problem::new(Code::UpcasterRefused, detail);
    if let Some(first) = &proof.first_failure {
        problem = problem.with_breach("/upcaster", "stored-event", &first.to_string(), fix);
    }
    if let Some(failed) = &proof.failed_sample {
        let (sample, fault) = (&failed.sample, &failed.fault);
        let what = format!("an event of schema version {} may be {}, and {fault}", sample.version, sample.payload);
        problem = problem.with_breach("/upcaster", "sample", &what, fix);
    }
    problem.with_report(serde_json::to_value(UpcasterProofDto::of(version, proof)).unwrap_or_default())
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
        RegisterError::Upcaster { .. } => Problem::new(Code::UpcasterRefused, text).with_breach(
            "/upcaster",
            "upcaster",
            "it cannot stand here",
            "leave `upcaster` out, or give one that leads from the newest version of an event to a new one",
        ),
        RegisterError::NotAllowed { .. } => Problem::new(Code::SubjectReadOnly, text),
        RegisterError::UnknownSubject { .. }
        | RegisterError::UnknownVersion { .. }
        | RegisterError::AlreadyDeleted { .. } => Problem::new(Code::UnknownSchema, text),
        RegisterError::NotDeletedBefore { .. }
        | RegisterError::Referenced { .. }
        | RegisterError::LedThrough { .. } => Problem::new(Code::SchemaInUse, text),
        other => Problem::new(Code::InternalError, "the schema registry refused").caused_by(&other),
    }
}
