use nexus_core::ports::{VerdictOutcome, Violation};
use nexus_testkit::contract::{policy_engine, schema_registry};
use serde_json::Value;

use super::caught_blocking;
use crate::reference::{PolicyFlaw, ReferencePolicy, ReferenceSchemas, SchemaFlaw};

/// Takes "nobody objected" for "allowed".
struct AllowOnUndefined;

impl PolicyFlaw for AllowOnUndefined {
    fn outcome(right: VerdictOutcome) -> VerdictOutcome {
        match right {
            VerdictOutcome::Undefined => VerdictOutcome::Allow,
            other => other,
        }
    }
}

#[test]
fn an_engine_that_allows_the_undefined_is_caught() {
    caught_blocking(
        "undefined_is_not_allow_and_is_told",
        "expected Undefined, got Allow",
        policy_engine::undefined_is_not_allow_and_is_told::<ReferencePolicy<AllowOnUndefined>>,
    );
    caught_blocking(
        "a_warning_does_not_refuse",
        "a warning without an allow",
        policy_engine::a_warning_does_not_refuse::<ReferencePolicy<AllowOnUndefined>>,
    );
}

/// Lets through what it could not evaluate.
struct AllowOnFailure;

impl PolicyFlaw for AllowOnFailure {
    fn outcome(right: VerdictOutcome) -> VerdictOutcome {
        match right {
            VerdictOutcome::Failed { .. } => VerdictOutcome::Allow,
            other => other,
        }
    }
}

#[test]
fn an_engine_that_allows_when_it_fails_is_caught() {
    caught_blocking(
        "a_failing_evaluation_is_not_allow",
        "a failed evaluation allows",
        policy_engine::a_failing_evaluation_is_not_allow::<ReferencePolicy<AllowOnFailure>>,
    );
    caught_blocking(
        "endless_evaluation_is_stopped",
        "a policy that does not end allows",
        policy_engine::endless_evaluation_is_stopped::<ReferencePolicy<AllowOnFailure>>,
    );
}

/// Checks documents against the schema as it was written.
struct NotClosed;

impl SchemaFlaw for NotClosed {
    fn closed(root: &Value) -> Value {
        root.clone()
    }
}

#[test]
fn a_registry_that_lets_undeclared_members_in_is_caught() {
    caught_blocking(
        "members_that_are_not_declared_are_refused",
        "must break the schema",
        schema_registry::members_that_are_not_declared_are_refused::<ReferenceSchemas<NotClosed>>,
    );
    caught_blocking(
        "members_that_are_not_declared_in_composed_schemas_are_refused",
        "must break the schema",
        schema_registry::members_that_are_not_declared_in_composed_schemas_are_refused::<ReferenceSchemas<NotClosed>>,
    );
}

/// Stops at the first violation.
struct FirstOnly;

impl SchemaFlaw for FirstOnly {
    fn violations(mut right: Vec<Violation>) -> Vec<Violation> {
        right.truncate(1);
        right
    }
}

#[test]
fn a_registry_that_stops_at_the_first_violation_is_caught() {
    caught_blocking(
        "every_violation_is_told_at_once",
        "no violation at",
        schema_registry::every_violation_is_told_at_once::<ReferenceSchemas<FirstOnly>>,
    );
}
