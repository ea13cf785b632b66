//! From why a bundle does not come into force to what a client is told.

use nexus_runtime::{AppendFailure, PolicyFailure};

use crate::problem::{BodyPlaces, Code, Problem, append_problem, policy_problem};

/// Why the policy in force stayed as it was.
pub(crate) fn policy_failure(failure: PolicyFailure) -> Problem {
    let text = failure.to_string();
    match failure {
        PolicyFailure::Denied { action, decision_id, verdict } => policy_problem(action, &verdict, Some(decision_id)),
        PolicyFailure::InvalidName { .. } => Problem::new(Code::InvalidPath, text),
        PolicyFailure::Invalid(_) => Problem::new(Code::PolicyRefused, text).with_fix(
            "load",
            "the modules do not load",
            "mend the line it names",
        ),
        PolicyFailure::Tests(failed) => {
            failed.iter().take(100).fold(Problem::new(Code::PolicyRefused, text), |problem, test| {
                let place = format!("{} ({}:{})", test.name, test.module, test.line);
                let detail = test.failure.as_deref().unwrap_or_default();
                problem.with_fix("test", &format!("{place}: {detail}"), "mend the rule or the test")
            })
        }
        PolicyFailure::GuardRail { .. } => {
            let fix = "leave the platform's own records and your own way back allowed, and changes of events denied";
            Problem::new(Code::PolicyRefused, text.clone()).with_fix("guard-rail", &text, fix)
        }
        PolicyFailure::TooLong { .. } => {
            Problem::new(Code::PolicyRefused, text.clone()).with_fix("time", &text, "make the tests shorter")
        }
        PolicyFailure::Fixed => Problem::new(Code::PolicyRefused, text),
        PolicyFailure::UnknownBundle { .. } | PolicyFailure::UnknownRevision { .. } => {
            Problem::new(Code::NotFound, text)
        }
        PolicyFailure::Append(error) => append_problem(AppendFailure::Append(error), &BodyPlaces::default()),
        PolicyFailure::Read(error) => error.into(),
        PolicyFailure::Damaged(reason) => {
            Problem::new(Code::DamagedData, "the record of the policies cannot be read").caused_by(&reason)
        }
        other => Problem::new(Code::InternalError, "the policy was not changed").caused_by(&other),
    }
}
