//! A stream of appends over one request.

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::server::{Server, request};

const TYPE: (&str, &str) = ("content-type", "application/x-ndjson");

fn deposit(id: &str, amount: i64) -> Value {
    json!({ "aggregateId": id, "aggregateType": "Account", "expectedVersion": "any",
        "events": [{ "eventType": "MoneyDeposited", "payload": { "amount": amount } }] })
}

async fn send(server: &Server, query: &str, body: impl Into<Body>) -> Vec<Value> {
    let answer = server.post_lines(query, body).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/x-ndjson"));
    let text = std::str::from_utf8(&answer.body).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn lines_are_stored_in_their_order_and_answered_in_it() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let lines: String = (1..=300)
        .map(|number| {
            let mut line = deposit("a", number);
            line["id"] = json!(number);
            line["expectedVersion"] = json!(number);
            format!("{line}\n")
        })
        .collect();
    let answers = send(&server, "", lines).await;
    assert_eq!(answers.len(), 300);
    for (number, answer) in (1_u64..).zip(&answers) {
        assert_eq!((answer["id"].as_u64(), answer["streams"][0]["version"].as_u64()), (Some(number), Some(number + 1)));
        assert_eq!(answer["streams"][0]["eventIds"].as_array().unwrap().len(), 1);
    }
    let stored = server.get("/api/streams/a/events?from=2&limit=1000").await.json();
    let amounts: Vec<i64> =
        stored["events"].as_array().unwrap().iter().map(|e| e["payload"]["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, (1..=300).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_refused_line_names_its_reason_and_does_not_stop_the_others() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let head = server.head();
    let stale = json!({ "id": "stale", "aggregateId": "a", "aggregateType": "Account", "expectedVersion": 7,
        "events": [{ "eventType": "MoneyDeposited", "payload": { "amount": 1 } }] });
    let unknown = json!({ "aggregateId": "a", "aggregateType": "Account", "expectedVersion": "any",
        "events": [{ "eventType": "MoneyLost", "payload": {} }] });
    let wrong = deposit("a", 1).to_string().replace("\"amount\":1", "\"amount\":\"much\"");
    let system = deposit("$schemas", 1);
    let both = json!({ "streams": [deposit("a", 5), deposit("b", 6)] });
    let body =
        format!("{}\n{stale}\n\n{{\n{unknown}\n{wrong}\n{system}\n{both}\n[1]\n{}", deposit("a", 2), deposit("a", 3));
    let answers = send(&server, "", body).await;
    let codes: Vec<&str> =
        answers.iter().map(|answer| answer["problem"]["code"].as_str().unwrap_or("stored")).collect();
    assert_eq!(
        codes,
        [
            "stored",
            "VERSION_CONFLICT",
            "MALFORMED_JSON",
            "UNKNOWN_EVENT_TYPE",
            "VALIDATION_ERROR",
            "RESERVED_STREAM",
            "stored",
            "VALIDATION_ERROR",
            "stored"
        ]
    );
    assert_eq!((answers[1]["id"].as_str(), answers[1]["line"].as_u64()), (Some("stale"), Some(2)));
    assert_eq!(answers[1]["problem"]["actualVersion"], 2);
    assert_eq!(answers[4]["problem"]["errors"][0]["pointer"], "/events/0/payload/amount");
    assert_eq!(server.head(), head + 4, "nothing else was stored");
}

#[tokio::test]
async fn a_stream_may_end_at_its_first_refusal() {
    let server = Server::start().await;
    let head = server.head();
    let body = format!("{}\n{{\n{}\n", deposit("a", 1), deposit("a", 2));
    let answers = send(&server, "?stopOnRefusal=true", body).await;
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[1]["problem"]["code"], "MALFORMED_JSON");
    assert_eq!(server.head(), head + 1);
}

#[tokio::test]
async fn the_same_lines_again_store_nothing() {
    let server = Server::start().await;
    let mut line = deposit("a", 1);
    line["events"][0]["eventId"] = json!("01890a5d-ac96-774b-bcce-b302099a8057");
    let first = send(&server, "", line.to_string()).await;
    assert!(first[0].get("replayed").is_none() && first[0]["streams"][0].get("eventIds").is_none(), "{first:?}");
    let head = server.head();
    let again = send(&server, "", line.to_string()).await;
    assert_eq!((again[0]["replayed"].as_bool(), again[0]["position"].as_u64()), (Some(true), Some(head)));
    assert_eq!(server.head(), head);
}

#[tokio::test]
async fn answers_come_while_the_body_is_still_being_sent() {
    let server = Server::start().await;
    let (lines, mut body) = mpsc::channel::<Bytes>(1);
    let stream = futures_util::stream::poll_fn(move |context| {
        body.poll_recv(context).map(|line| line.map(Ok::<_, std::io::Error>))
    });
    let response =
        server.respond(request(Method::POST, "/api/append/stream", &[TYPE], Body::from_stream(stream))).await;
    let mut answers = response.into_body().into_data_stream();
    for number in 1..=3 {
        lines.send(format!("{}\n", deposit("a", number)).into()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answers.next().await.unwrap().unwrap()).unwrap();
        assert_eq!(answer["streams"][0]["version"].as_i64(), Some(number));
    }
    drop(lines);
    assert!(answers.next().await.is_none(), "the answers end with the body");
}

#[tokio::test]
async fn lines_beyond_the_limit_wrong_types_and_silence_end_the_stream() {
    let server = Server::configured(|config| {
        config.max_append_bytes = 1000;
        config.append_patience = std::time::Duration::from_millis(50);
    })
    .await;
    let body = format!("{}\n{}", deposit("a", 1), "x".repeat(3000));
    let answers = send(&server, "", body).await;
    assert_eq!((answers.len(), answers[1]["problem"]["code"].as_str()), (2, Some("BODY_TOO_LARGE")));
    let silent = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
    let answers = send(&server, "", Body::from_stream(silent)).await;
    assert_eq!(answers[0]["problem"]["code"], "REQUEST_TIMEOUT");
    server.post("/api/append/stream", &json!({})).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    server.post_lines("?stop=true", "").await.problem(400, "INVALID_PARAMETER");
}
