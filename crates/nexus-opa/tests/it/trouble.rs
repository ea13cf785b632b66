//! Servers that do not behave: bounded, told apart, and never an allow by mistake.

use std::time::{Duration, Instant};

use nexus_core::ports::VerdictOutcome;
use nexus_opa::WhenUnreachable;
use serde_json::json;

use crate::fake::{Does, Fake, allowing, ask, reason, server};

/// Asks a server that does this.
async fn under(does: Does, when_unreachable: WhenUnreachable) -> (nexus_core::ports::ServerVerdict, Duration) {
    let fake = Fake::start(does).await;
    let mut options = fake.options().with_timeout(Duration::from_millis(150)).unwrap();
    options.when_unreachable = when_unreachable;
    let (server, started) = (server(options), Instant::now());
    (ask(&server).await, started.elapsed())
}

#[tokio::test]
async fn what_does_not_answer_in_time_is_away_and_the_operator_chose_what_then() {
    let all = [Does::Hangs, Does::Drips, Does::Closes, Does::Status(502), Does::Status(503), Does::Status(504)];
    for does in all {
        let (verdict, elapsed) = under(does.clone(), WhenUnreachable::Deny).await;
        assert!(reason(&verdict).contains("cannot be reached"), "{does:?}: {verdict:?}");
        assert!(elapsed < Duration::from_secs(3), "{does:?}: {elapsed:?}");
        let (verdict, _) = under(does.clone(), WhenUnreachable::Embedded).await;
        assert_eq!((verdict.outcome, verdict.source), (VerdictOutcome::Allow, None), "{does:?}");
        let (verdict, _) = under(does.clone(), WhenUnreachable::LastKnownGood).await;
        assert!(reason(&verdict).contains("no copy of its modules"), "{does:?}: {verdict:?}");
    }
}

#[tokio::test]
async fn what_answers_something_unusable_refuses_whatever_the_operator_chose() {
    let elsewhere = Fake::start(Does::Answers(allowing("1"))).await;
    for (does, told) in [
        (Does::Status(500), "status 500"),
        (Does::Status(401), "status 401"),
        (Does::Status(404), "status 404"),
        (Does::Status(204), "status 204"),
        (Does::Redirects(format!("http://{}/v1/data/nexus", elsewhere.address)), "status 307"),
        (Does::Says("<html>allow</html>".to_owned()), "not JSON"),
        (Does::Says(String::new()), "not JSON"),
        (Does::Says("{\"result\": {\"allow\": true}".to_owned()), "not JSON"),
        (Does::Says(format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))), "not JSON"),
        (Does::Answers(json!([{ "result": { "allow": true } }])), "OPA's form"),
        (Does::Answers(json!({ "result": { "allow": true }, "provenance": "1" })), "OPA's form"),
        (Does::Answers(json!({ "result": true })), "no package"),
        (Does::Answers(json!({ "result": { "allow": 1 } })), "not a boolean"),
        (Does::Answers(json!({ "result": { "allow": true, "deny": { "a": 1 } } })), "not a set"),
        (Does::Answers(json!({ "result": { "allow": true, "deny": [null] } })), "neither an object nor a text"),
        (Does::Answers(json!({ "result": { "allow": true, "more": "x".repeat(300_000) } })), "more than 262144 bytes"),
        (Does::Floods, "more than 262144 bytes"),
    ] {
        let fake = Fake::start(does.clone()).await;
        let mut options = fake.options();
        options.when_unreachable = WhenUnreachable::Embedded;
        let server = server(options);
        // More often than what makes a server be left alone: it must not come to be judged without it.
        for _ in 0..7 {
            let verdict = ask(&server).await;
            assert!(reason(&verdict).contains(told), "{does:?}: {verdict:?}");
        }
    }
    assert_eq!(elsewhere.questions().len(), 0, "a redirect is not followed");
}

#[tokio::test]
async fn a_connection_that_was_closed_is_tried_once_again_and_no_more() {
    let fake = Fake::start(Does::ClosesAtTheSecond).await;
    let server = server(fake.options());
    assert_eq!(ask(&server).await.outcome, VerdictOutcome::Allow);
    assert_eq!(ask(&server).await.outcome, VerdictOutcome::Allow, "the connection of the first was closed");
    assert!(fake.questions().len() <= 3);
    fake.does(Does::Closes);
    let before = fake.questions().len();
    assert!(matches!(ask(&server).await.outcome, VerdictOutcome::Failed { .. }));
    let asked = fake.questions().len() - before;
    assert!((1..=2).contains(&asked), "{asked}");
}
