use serde_json::{Value, json};

use crate::server::Server;

fn opened(owner: &str) -> Value {
    json!({ "eventType": "AccountOpened", "payload": { "owner": owner, "limit": 1.0 } })
}

fn deposited(amount: i64) -> Value {
    json!({ "eventType": "MoneyDeposited", "payload": { "amount": amount } })
}

fn body(expected: &Value, events: &[Value]) -> Value {
    json!({ "aggregateType": "Account", "expectedVersion": expected, "events": events })
}

#[tokio::test]
async fn events_are_appended_with_versions_positions_and_receipts() {
    let server = Server::start().await;
    let before = server.head();
    let answer = server.post("/api/streams/a/events", &body(&json!("none"), &[opened("Ann"), deposited(5)])).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let accepted = answer.json();
    assert_eq!(accepted["aggregateId"], "a");
    assert_eq!((&accepted["firstVersion"], &accepted["version"]), (&json!(1), &json!(2)));
    assert_eq!((&accepted["firstPosition"], &accepted["position"]), (&json!(before + 1), &json!(before + 2)));
    assert_eq!(accepted["eventIds"].as_array().unwrap().len(), 2);
    assert_eq!(answer.header("etag"), "\"2\"");
    assert_eq!(answer.header("location"), "/api/streams/a/events");
    let stored = server.get("/api/streams/a/events").await.json();
    assert_eq!(stored["version"], 2);
    assert_eq!(stored["events"][1]["receipt"]["decisionId"], answer.header("nexus-decision-id"));
    assert_eq!(stored["events"][1]["metadata"]["userId"], "anonymous");
}

#[tokio::test]
async fn a_payload_reaches_the_log_byte_for_byte() {
    let server = Server::start().await;
    let payload = r#"{ "owner" : "\u00e9é",  "limit": 1.50 }"#;
    let text = format!(
        r#"{{"aggregateType":"Account","expectedVersion":0,"events":[{{"eventType":"AccountOpened","payload":{payload}}}]}}"#
    );
    assert_eq!(server.post_text("/api/streams/a/events", &[], text).await.status, 201);
    let answer = server.get("/api/streams/a/events").await;
    assert!(std::str::from_utf8(&answer.body).unwrap().contains(payload));
}

#[tokio::test]
async fn an_expected_version_that_does_not_hold_is_a_conflict() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    for expected in [json!("none"), json!(0), json!(2)] {
        let answer = server.post("/api/streams/a/events", &body(&expected, &[deposited(1)])).await;
        let problem = answer.problem(409, "VERSION_CONFLICT");
        assert_eq!(problem.actual_version, Some(1));
        assert_eq!(problem.expected_version, Some(expected));
    }
    let missing = server.post("/api/streams/b/events", &body(&json!("exists"), &[deposited(1)])).await;
    missing.problem(409, "VERSION_CONFLICT");
    let header = server
        .post_with(
            "/api/streams/a/events",
            &[("if-match", "\"5\"")],
            &json!({ "aggregateType": "Account", "events": [deposited(1)] }),
        )
        .await;
    header.problem(412, "PRECONDITION_FAILED");
}

#[tokio::test]
async fn the_same_append_again_is_answered_with_the_first_result() {
    let server = Server::start().await;
    let mut event = opened("Ann");
    event["eventId"] = json!("01890a5d-ac96-774b-bcce-b302099a8057");
    let append = body(&json!("none"), &[event.clone()]);
    let first = server.post("/api/streams/a/events", &append).await;
    let second = server.post("/api/streams/a/events", &append).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!(first.json(), second.json());
    assert_eq!(second.header("idempotency-replayed"), "true");
    let elsewhere = server.post("/api/streams/b/events", &body(&json!("none"), &[event])).await;
    elsewhere.problem(409, "DUPLICATE_EVENT");
}

#[tokio::test]
async fn an_idempotency_key_makes_an_append_repeatable() {
    let server = Server::start().await;
    let append = body(&json!("any"), &[opened("Ann"), deposited(2)]);
    let key = [("idempotency-key", "k")];
    let first = server.post_with("/api/streams/a/events", &key, &append).await;
    let head = server.head();
    let second = server.post_with("/api/streams/a/events", &key, &append).await;
    assert_eq!(first.json(), second.json());
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(server.head(), head);
    let other = server.post_with("/api/streams/b/events", &key, &append).await;
    other.problem(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn several_streams_are_written_together_or_not_at_all() {
    let server = Server::start().await;
    server.open("c", "Cid").await;
    let part = |id: &str, expected: Value| json!({ "aggregateId": id, "aggregateType": "Account", "expectedVersion": expected, "events": [deposited(1)] });
    let head = server.head();
    let conflict = json!({ "streams": [part("a", json!("none")), part("c", json!("none"))] });
    server.post("/api/append", &conflict).await.problem(409, "VERSION_CONFLICT");
    assert_eq!(server.head(), head);
    let good = json!({ "streams": [part("a", json!("none")), part("c", json!(1))] });
    let answer = server.post("/api/append", &good).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let accepted = answer.json();
    assert_eq!(accepted["position"], head + 2);
    assert_eq!(accepted["streams"][1]["version"], 2);
}

#[tokio::test]
async fn refusals_point_at_the_event_that_caused_them() {
    let server = Server::start().await;
    let head = server.head();
    let mut events: Vec<Value> = (0..500).map(deposited).collect();
    events[250]["payload"] = json!({ "amount": "much" });
    let answer = server.post("/api/streams/a/events", &body(&json!("none"), &events)).await;
    let problem = answer.problem(400, "VALIDATION_ERROR");
    assert_eq!(problem.errors[0].pointer, "/events/250/payload/amount");

    let unknown = json!({ "eventType": "MoneyVanished", "payload": {} });
    let answer = server.post("/api/streams/a/events", &body(&json!("none"), &[unknown])).await;
    let problem = answer.problem(404, "UNKNOWN_EVENT_TYPE");
    assert_eq!(problem.nearest, ["MoneyDeposited"]);

    let mut old = deposited(1);
    old["schemaVersion"] = json!(9);
    let answer = server.post("/api/streams/a/events", &body(&json!("none"), &[old])).await;
    answer.problem(404, "UNKNOWN_SCHEMA");

    let denied = server
        .post_with("/api/streams/a/events", &[("x-client-id", "deny")], &body(&json!("none"), &[deposited(1)]))
        .await;
    assert!(denied.problem(403, "POLICY_VIOLATION").decision_id.is_some());
    assert_eq!(server.head(), head);
}

#[tokio::test]
async fn a_stream_keeps_its_type_and_the_platforms_streams_are_closed() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let other = json!({ "aggregateType": "Invoice", "expectedVersion": 1, "events": [deposited(1)] });
    server.post("/api/streams/a/events", &other).await.problem(409, "WRONG_AGGREGATE_TYPE");
    let answer = server.post("/api/streams/$schemas/events", &body(&json!("any"), &[deposited(1)])).await;
    answer.problem(403, "RESERVED_STREAM");
}
