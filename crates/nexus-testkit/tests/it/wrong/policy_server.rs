use nexus_core::ports::{ServerVerdict, VerdictOutcome};
use nexus_testkit::{contract::policy_server as suite, fakes::ScriptedPolicyServer};
use serde_json::Value;

use super::caught;
use crate::policy_servers::{Flaw, Scripted};

/// Takes what is undefined for a yes.
struct AllowsTheUndefined;

impl Flaw for AllowsTheUndefined {
    fn outcome(package: Option<&Value>) -> VerdictOutcome {
        let denied = package.is_some_and(|package| package["deny"].as_array().is_some_and(|deny| !deny.is_empty()));
        if denied { VerdictOutcome::Undefined } else { VerdictOutcome::Allow }
    }
}

#[test]
fn a_policy_server_that_allows_the_undefined_is_caught() {
    let case = suite::what_is_undefined_or_not_understood_does_not_allow::<Scripted<AllowsTheUndefined>>();
    caught("allows the undefined", "expected Undefined, got Allow", case);
}

/// Names the same source whatever the revision.
struct ForgetsRevisions;

impl Flaw for ForgetsRevisions {
    fn revision(_: &str) -> &str {
        "1"
    }
}

#[test]
fn a_policy_server_that_forgets_revisions_is_caught() {
    let case = suite::what_decided_is_named_so_that_two_revisions_never_look_alike::<Scripted<ForgetsRevisions>>();
    caught("forgets revisions", "the number of sources", case);
}

/// Answers in the place of a server that is away.
struct AnswersForIt;

impl Flaw for AnswersForIt {
    fn away() -> ServerVerdict {
        ScriptedPolicyServer::allows()
    }
}

#[test]
fn a_policy_server_that_allows_while_it_is_away_is_caught() {
    let case = suite::one_that_cannot_be_reached_is_told_from_one_that_answered::<Scripted<AnswersForIt>>();
    caught("answers for it", "what decided while it is away", case);
    let case = suite::everything_is_answered_in_bounded_time::<Scripted<AnswersForIt>>();
    caught("answers for it", "allowed while it is away", case);
}
