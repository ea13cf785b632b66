use nexus_core::ports::{AppendError, ReadError};
use serde_json::json;

use crate::server::Server;

const OPEN: &str = "/api/commands/OpenAccount";
const DEPOSIT: &str = "/api/commands/DepositMoney";

#[tokio::test]
async fn a_command_is_accepted_with_its_version_position_and_decision() {
    let server = Server::start().await;
    let before = server.head();
    let answer = server.post(OPEN, &json!({ "aggregateId": "a/1 ä", "owner": "Ann" })).await;
    assert_eq!(answer.status, 202);
    let body = answer.json();
    assert_eq!(body["success"], true);
    assert_eq!(body["aggregateId"], "a/1 ä");
    assert_eq!(body["version"], 1);
    assert_eq!(body["position"], before + 1);
    assert_eq!(body["eventIds"].as_array().unwrap().len(), 1);
    assert_eq!(answer.header("location"), "/api/streams/a%2F1%20%C3%A4/events");
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(answer.header("nexus-position"), (before + 1).to_string());
    let stored = server.get(answer.header("location")).await.json();
    assert_eq!(stored["events"][0]["receipt"]["decisionId"], answer.header("nexus-decision-id"));
    assert_eq!(stored["events"][0]["eventId"], body["eventIds"][0]);
    assert!(!answer.headers.contains_key("idempotency-replayed"));
}

#[tokio::test]
async fn an_envelope_carries_the_same_command_with_its_conversation() {
    let server = Server::start().await;
    let body = json!({
        "commandId": "cmd-7",
        "aggregateId": "a",
        "timestamp": "2026-01-31T12:00:00Z",
        "payload": { "owner": "Ann", "limit": 2.5 },
        "metadata": { "correlationId": "conv", "userId": "root", "schemaVersion": 9, "channel": { "n": 1.50 } },
        "expectedVersion": "none",
    });
    assert_eq!(server.post(OPEN, &body).await.status, 202);
    let event = server.get("/api/streams/a/events").await.json()["events"][0].clone();
    assert_eq!(event["payload"], json!({ "owner": "Ann", "limit": 2.5 }));
    let metadata = &event["metadata"];
    assert_eq!(metadata["correlationId"], "conv");
    assert_eq!(metadata["causationId"], "cmd-7");
    assert_eq!(metadata["userId"], "anonymous");
    assert_eq!(metadata["schemaVersion"], 1);
    assert_eq!(metadata["channel"], json!({ "n": 1.5 }));
}

#[tokio::test]
async fn headers_win_over_the_body_about_the_conversation() {
    let server = Server::start().await;
    let headers = [
        ("x-correlation-id", "from-header"),
        ("x-causation-id", "cause"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    let body = json!({ "aggregateId": "a", "owner": "Ann", "metadata": { "correlationId": "from-body" } });
    assert_eq!(server.post_with(OPEN, &headers, &body).await.status, 202);
    let event = server.get("/api/streams/a/events").await.json()["events"][0].clone();
    assert_eq!(event["metadata"]["correlationId"], "from-header");
    assert_eq!(event["metadata"]["causationId"], "cause");
    assert_eq!(event["metadata"]["traceparent"], headers[2].1);
}

#[tokio::test]
async fn a_new_aggregate_needs_no_id_and_an_existing_one_does() {
    let server = Server::start().await;
    let answer = server.post(OPEN, &json!({ "owner": "Ann" })).await;
    assert_eq!(answer.status, 202);
    assert!(!answer.json()["aggregateId"].as_str().unwrap().is_empty());
    let problem = server.post(DEPOSIT, &json!({ "amount": 1 })).await.problem(400, "VALIDATION_ERROR");
    assert_eq!(problem.errors[0].pointer, "/aggregateId");
    assert_eq!(problem.fields[0].field, "aggregateId");
}

#[tokio::test]
async fn a_dry_run_decides_and_writes_nothing() {
    let server = Server::start().await;
    let head = server.head();
    let answer =
        server.post("/api/commands/OpenAccount?dryRun=true", &json!({ "aggregateId": "a", "owner": "Ann" })).await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["events"], json!([{ "eventType": "AccountOpened", "payload": { "owner": "Ann", "limit": 0.0 } }]));
    assert_eq!(body["decision"]["result"], "allow");
    assert_eq!(body["decision"]["decisionId"], answer.header("nexus-decision-id"));
    assert_eq!(server.head(), head);
    let refused = server
        .post_with(
            "/api/commands/OpenAccount?dryRun=true",
            &[("x-client-id", "deny")],
            &json!({ "aggregateId": "a", "owner": "Ann" }),
        )
        .await;
    refused.problem(403, "POLICY_VIOLATION");
}

#[tokio::test]
async fn a_command_that_changes_nothing_is_accepted_without_events() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let head = server.head();
    let body = server.deposit("a", 0).await.json();
    assert_eq!((&body["version"], &body["eventIds"], &body["position"]), (&json!(1), &json!([]), &json!(head)));
}

#[tokio::test]
async fn a_version_pinned_in_the_body_conflicts_with_409() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    for expected in [json!(7), json!(0), json!("none")] {
        let body = json!({ "aggregateId": "a", "amount": 1, "expectedVersion": expected });
        let problem = server.post(DEPOSIT, &body).await.problem(409, "VERSION_CONFLICT");
        assert_eq!(problem.expected_version, Some(expected));
        assert_eq!(problem.actual_version, Some(1));
    }
    for expected in [json!(1), json!("any"), json!("exists")] {
        let body = json!({ "aggregateId": "a", "amount": 0, "expectedVersion": expected });
        assert_eq!(server.post(DEPOSIT, &body).await.status, 202);
    }
}

#[tokio::test]
async fn a_version_pinned_in_a_header_fails_with_412() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let body = json!({ "aggregateId": "a", "amount": 1 });
    let problem = server.post_with(DEPOSIT, &[("if-match", "\"2\"")], &body).await.problem(412, "PRECONDITION_FAILED");
    assert_eq!(problem.actual_version, Some(1));
    assert_eq!(server.post_with(DEPOSIT, &[("if-match", "\"1\"")], &body).await.status, 202);
    assert_eq!(server.post_with(DEPOSIT, &[("if-match", "*")], &body).await.status, 202);
    let open = json!({ "aggregateId": "a", "owner": "Bob" });
    server.post_with(OPEN, &[("if-none-match", "*")], &open).await.problem(412, "PRECONDITION_FAILED");
    let fresh = json!({ "aggregateId": "b", "owner": "Bob" });
    assert_eq!(server.post_with(OPEN, &[("if-none-match", "*")], &fresh).await.status, 202);
}

#[tokio::test]
async fn a_duplicate_create_is_a_conflict_and_a_missing_aggregate_is_not_found() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let again = json!({ "aggregateId": "a", "owner": "Bob" });
    let problem = server.post(OPEN, &again).await.problem(409, "ALREADY_EXISTS");
    assert_eq!(problem.actual_version, Some(1));
    server.post(DEPOSIT, &json!({ "aggregateId": "nobody", "amount": 1 })).await.problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_business_rule_names_itself() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    server.deposit("a", 5).await;
    let answer = server.post("/api/commands/CloseAccount", &json!({ "aggregateId": "a" })).await;
    let problem = answer.problem(422, "BUSINESS_RULE_VIOLATION");
    assert_eq!(problem.errors[0].rule, "balance-not-zero");
    assert!(problem.title.contains("balance-not-zero"));
    assert!(problem.detail.contains("the balance is 5"));
}

#[tokio::test]
async fn a_policy_refusal_names_decision_rule_and_remedy() {
    let server = Server::start().await;
    let body = json!({ "aggregateId": "a", "owner": "Ann" });
    let head = server.head();
    for client in ["deny", "deny-append"] {
        let answer = server.post_with(OPEN, &[("x-client-id", client)], &body).await;
        let problem = answer.problem(403, "POLICY_VIOLATION");
        assert_eq!(problem.errors[0].rule, "accounts.frozen");
        assert_eq!(problem.errors[0].detail, "the account is frozen");
        assert_eq!(problem.errors[0].fix.as_deref(), Some("ask the bank to thaw it"));
        assert_eq!(problem.decision_id.is_some(), client == "deny");
    }
    for client in ["undefined", "failed"] {
        server.post_with(OPEN, &[("x-client-id", client)], &body).await.problem(403, "POLICY_VIOLATION");
    }
    assert_eq!(server.head(), head);
}

#[tokio::test]
async fn a_schema_violation_lists_every_place_in_the_body() {
    let server = Server::start().await;
    let flat = json!({ "aggregateId": "a", "limit": "much", "colour": "red" });
    let problem = server.post(OPEN, &flat).await.problem(400, "VALIDATION_ERROR");
    let mut pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/colour", "/limit", "/owner"]);
    let wrapped = json!({ "aggregateId": "a", "payload": { "owner": 1 } });
    let problem = server.post(OPEN, &wrapped).await.problem(400, "VALIDATION_ERROR");
    assert_eq!(problem.errors[0].pointer, "/payload/owner");
    assert_eq!(problem.fields[0].field, "owner");
}

#[tokio::test]
async fn an_unknown_command_lists_the_nearest() {
    let server = Server::start().await;
    let answer = server.post("/api/commands/OpenAcount", &json!({})).await;
    let problem = answer.problem(404, "UNKNOWN_COMMAND");
    assert_eq!(problem.nearest[0], "OpenAccount");
    assert!(problem.detail.contains("`OpenAccount`"));
    server.get("/api/commands/OpenAcount").await.problem(404, "UNKNOWN_COMMAND");
}

#[tokio::test]
async fn an_idempotency_key_replays_the_first_answer() {
    let server = Server::start().await;
    let body = json!({ "aggregateId": "a", "owner": "Ann" });
    let key = [("idempotency-key", "key-1")];
    let first = server.post_with(OPEN, &key, &body).await;
    let head = server.head();
    let second = server.post_with(OPEN, &key, &body).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (202, 202));
    assert_eq!(first.json(), second.json());
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(first.header("nexus-decision-id"), second.header("nexus-decision-id"));
    assert_eq!(server.head(), head);
    let other = json!({ "aggregateId": "b", "owner": "Ann" });
    server.post_with(OPEN, &key, &other).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn a_panicking_handler_is_answered_without_details() {
    let server = Server::start().await;
    let answer = server.post("/api/commands/Explode", &json!({})).await;
    let problem = answer.problem(500, "INTERNAL_ERROR");
    assert!(!problem.detail.contains("secret"));
}

#[tokio::test]
async fn a_store_in_trouble_is_answered_with_503_and_a_time_to_come_back() {
    let server = Server::start().await;
    let body = json!({ "aggregateId": "a", "owner": "Ann" });
    let reason = || "no space left on /etc/disk".to_owned();
    for (error, code) in [
        (AppendError::ReadOnly { reason: reason() }, "STORE_READ_ONLY"),
        (AppendError::Poisoned { reason: reason() }, "STORE_READ_ONLY"),
        (AppendError::Unavailable { reason: reason() }, "UNAVAILABLE"),
    ] {
        *server.store.append_error.lock().unwrap() = Some(error);
        let answer = server.post(OPEN, &body).await;
        let problem = answer.problem(503, code);
        assert_eq!(answer.header("retry-after"), problem.retry_after.unwrap().to_string());
    }
    *server.store.append_error.lock().unwrap() = None;
    *server.store.read_error.lock().unwrap() = Some(ReadError::Corrupt { reason: "segment 3".to_owned() });
    server.post(OPEN, &body).await.problem(500, "DAMAGED_DATA");
    *server.store.read_error.lock().unwrap() = Some(ReadError::Unavailable { reason: reason() });
    server.post(OPEN, &body).await.problem(503, "UNAVAILABLE");
}

#[tokio::test]
async fn the_catalogue_shows_schema_example_and_aggregate() {
    let server = Server::start().await;
    let list = server.get("/api/commands").await.json();
    let types: Vec<_> = list["commands"].as_array().unwrap().iter().map(|entry| &entry["commandType"]).collect();
    assert_eq!(types, ["CloseAccount", "DepositMoney", "Explode", "OpenAccount"]);
    let one = server.get("/api/commands/OpenAccount").await.json();
    assert_eq!(one["aggregate"], "Account");
    assert_eq!(one["when"], "create");
    assert_eq!(one["schema"]["required"], json!(["owner"]));
    assert!(one["example"]["owner"].is_string());
    assert_eq!(one["events"][0], "AccountOpened");
    let example = server.post("/api/commands/OpenAccount?dryRun", &one["example"]).await;
    assert_eq!(example.status, 200, "the example must be a valid command: {example:?}");
}
