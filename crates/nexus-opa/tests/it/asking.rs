//! What is asked, and what the answers mean.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use nexus_core::ports::{
    PolicyEngine as _, PolicyModule, PolicyServer as _, PolicyServerReach, PolicySource, VerdictOutcome,
};
use nexus_opa::WhenUnreachable;
use nexus_policy::RegoPolicyEngine;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::fake::{Does, Fake, allowing, ask, server, with_input};

#[tokio::test]
async fn a_question_is_that_of_embedded_policies_and_an_answer_names_what_decided() {
    let fake = Fake::start(Does::Answers(allowing("r7"))).await;
    let options = fake.options().with_path("shop/orders").unwrap().with_token("s3cr3t").unwrap();
    let server = server(options);
    let verdict = ask(&server).await;
    assert_eq!(verdict.outcome, VerdictOutcome::Allow);
    let revisions = BTreeMap::from([("rules".to_owned(), "r7".to_owned())]);
    assert_eq!(verdict.source, Some(PolicySource { path: "shop/orders".to_owned(), revisions, mirror: None }));
    let [question] = fake.questions().try_into().unwrap();
    assert_eq!(question.line, "POST /v1/data/shop/orders?provenance=true HTTP/1.1");
    assert_eq!(question.authorization.as_deref(), Some("Bearer s3cr3t"));
    let asked: Value = serde_json::from_str(&question.body).unwrap();
    // What an embedded policy sees of the same request.
    let shows = "package nexus\ndeny contains json.marshal(input)\n";
    let shows = RegoPolicyEngine::new(vec![PolicyModule { name: "a.rego".to_owned(), source: shows.to_owned() }]);
    let seen = with_input("PlaceOrder", async |input| shows.unwrap().decide(input)).await;
    let seen: Value = serde_json::from_str(&seen.denials()[0].message).unwrap();
    assert_eq!(asked, json!({ "input": seen }));
    assert!(question.body.contains("1.50"), "payloads go as they came: {}", question.body);
    let status = server.status();
    assert_eq!((status.reach, status.last_error), (PolicyServerReach::Answering, None));
    assert_eq!((status.revisions["rules"].as_str(), status.path.as_str()), ("r7", "shop/orders"));
    assert!(status.last_answer.is_some());
}

#[tokio::test]
async fn denials_come_with_their_rules_and_what_is_undefined_does_not_allow() {
    let fake = Fake::start(Does::Hangs).await;
    let server = server(fake.options());
    let denial = json!({ "id": "quota", "message": "too much", "remediation": "wait", "severity": "error" });
    fake.does(Does::Answers(json!({ "result": { "allow": true, "deny": [denial] } })));
    let verdict = ask(&server).await;
    let VerdictOutcome::Deny(denials) = &verdict.outcome else { panic!("{verdict:?}") };
    assert_eq!((denials[0].id.as_str(), denials[0].remediation.as_str()), ("quota", "wait"));
    assert!(verdict.source.is_some());
    for undefined in [json!({}), json!({ "result": {} }), json!({ "result": { "allow": false } })] {
        fake.does(Does::Answers(undefined.clone()));
        assert_eq!(ask(&server).await.outcome, VerdictOutcome::Undefined, "{undefined}");
    }
    fake.does(Does::Answers(json!({ "result": { "allow": "true" } })));
    assert!(matches!(ask(&server).await.outcome, VerdictOutcome::Failed { .. }));
}

#[tokio::test]
async fn no_more_questions_are_on_their_way_than_the_limit_and_all_are_answered() {
    let (fake, told) = (Fake::start(Does::Hangs).await, Arc::new(Notify::new()));
    fake.does(Does::Waits(Arc::clone(&told)));
    let mut options = fake.options();
    options.max_in_flight = 3;
    let server = Arc::new(server(options));
    let asking: Vec<_> = (0..12)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { ask(&server).await.outcome })
        })
        .collect();
    let telling = tokio::spawn(async move {
        loop {
            told.notify_one();
            tokio::time::sleep(Duration::from_millis(2)).await; // waits: for the next question to be there
        }
    });
    for asked in asking {
        assert_eq!(asked.await.unwrap(), VerdictOutcome::Allow);
    }
    telling.abort();
    assert!(fake.most_at_once() <= 3, "{}", fake.most_at_once());
    assert_eq!(fake.questions().len(), 12);
}

#[tokio::test]
async fn who_finds_no_place_in_the_line_is_refused_and_nobody_judges_in_the_place_of_a_server_that_is_there() {
    let fake = Fake::start(Does::Hangs).await;
    let mut options = fake.options().with_timeout(Duration::from_millis(200)).unwrap();
    options.max_in_flight = 1;
    options.when_unreachable = WhenUnreachable::Embedded;
    let server = server(options);
    let (first, second) = tokio::join!(ask(&server), ask(&server));
    assert_eq!(first.outcome, VerdictOutcome::Allow, "it did not answer in time");
    assert!(matches!(&second.outcome, VerdictOutcome::Failed { reason } if reason.contains("on their way")));
    assert_eq!(fake.questions().len(), 1);
}
