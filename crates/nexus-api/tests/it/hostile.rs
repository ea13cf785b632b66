//! What no client should send: each is answered with a 4xx problem, and nothing is written.

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use futures_util::stream;
use serde_json::json;

use crate::server::{Server, request};

const OPEN: &str = "/api/commands/OpenAccount";
const APPEND: &str = "/api/streams/victim/events";

/// Bodies that are not acceptable as a command, whatever they are sent as.
fn bad_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep_object = "{\"a\":".repeat(10_000);
    let deep_metadata = format!("{{\"owner\":\"x\",\"metadata\":{{\"a\":{}{}}}}}", "[".repeat(500), "]".repeat(500));
    let many_keys: String = (0..5_000).map(|n| format!("\"k{n}\":1,")).collect();
    vec![
        ("empty", Vec::new()),
        ("null", b"null".to_vec()),
        ("an array", b"[]".to_vec()),
        ("a number", b"1".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("truncated", b"{\"owner\":\"x\"".to_vec()),
        ("trailing text", b"{\"owner\":\"x\"} x".to_vec()),
        ("two documents", b"{\"owner\":\"x\"}{\"owner\":\"y\"}".to_vec()),
        ("a comment", b"{\"owner\":\"x\"/* */}".to_vec()),
        ("single quotes", b"{'owner':'x'}".to_vec()),
        ("a trailing comma", b"{\"owner\":\"x\",}".to_vec()),
        ("a duplicate key", b"{\"owner\":\"x\",\"owner\":\"y\"}".to_vec()),
        ("a duplicate key inside", b"{\"owner\":\"x\",\"metadata\":{\"a\":1,\"a\":2}}".to_vec()),
        ("a duplicate key, escaped", b"{\"owner\":\"x\",\"\\u006fwner\":\"y\"}".to_vec()),
        ("deep arrays", "[".repeat(10_000).into_bytes()),
        ("deep objects", deep_object.into_bytes()),
        ("deep metadata", deep_metadata.into_bytes()),
        ("a huge number", b"{\"owner\":\"x\",\"limit\":1e400}".to_vec()),
        ("a leading zero", b"{\"owner\":\"x\",\"limit\":01}".to_vec()),
        ("NaN", b"{\"owner\":\"x\",\"limit\":NaN}".to_vec()),
        ("a lone surrogate", b"{\"owner\":\"\\ud800\"}".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{\"owner\":\"x\"}".to_vec()),
        ("invalid UTF-8", b"{\"owner\":\"\xff\"}".to_vec()),
        ("a raw control character", b"{\"owner\":\"a\x00b\"}".to_vec()),
        ("many unknown keys", format!("{{{many_keys}\"owner\":\"x\"}}").into_bytes()),
        ("a prototype", b"{\"owner\":\"x\",\"__proto__\":{}}".to_vec()),
        ("an empty key", b"{\"owner\":\"x\",\"\":1}".to_vec()),
        ("a key of 60 KiB", format!("{{\"owner\":\"x\",\"{}\":1}}", "k".repeat(60_000)).into_bytes()),
        ("mass assignment", b"{\"owner\":\"x\",\"userId\":\"root\"}".to_vec()),
        ("roles in an envelope", b"{\"payload\":{\"owner\":\"x\"},\"roles\":[\"admin\"]}".to_vec()),
        ("position in an envelope", b"{\"payload\":{\"owner\":\"x\"},\"position\":1}".to_vec()),
        ("a timestamp without zone", b"{\"payload\":{\"owner\":\"x\"},\"timestamp\":\"2026-01-31T12:00:00\"}".to_vec()),
        ("a timestamp of no year", b"{\"payload\":{\"owner\":\"x\"},\"timestamp\":\"99999-01-01T00:00:00Z\"}".to_vec()),
        ("metadata that is a text", b"{\"owner\":\"x\",\"metadata\":\"y\"}".to_vec()),
        (
            "a correlation id with a line break",
            b"{\"owner\":\"x\",\"metadata\":{\"correlationId\":\"a\\r\\nb\"}}".to_vec(),
        ),
        (
            "a correlation id with an escape",
            b"{\"owner\":\"x\",\"metadata\":{\"correlationId\":\"\\u001b[31m\"}}".to_vec(),
        ),
        ("a bad traceparent", b"{\"owner\":\"x\",\"metadata\":{\"traceparent\":\"00-x\"}}".to_vec()),
        (
            "an endless correlation id",
            json!({"owner":"x","metadata":{"correlationId":"c".repeat(256)}}).to_string().into_bytes(),
        ),
        ("metadata of 20 KiB", json!({"owner":"x","metadata":{"m":"c".repeat(20_000)}}).to_string().into_bytes()),
        ("expected -2", b"{\"owner\":\"x\",\"expectedVersion\":-2}".to_vec()),
        ("expected 2^64", b"{\"owner\":\"x\",\"expectedVersion\":18446744073709551616}".to_vec()),
        ("expected 1.5", b"{\"owner\":\"x\",\"expectedVersion\":1.5}".to_vec()),
        ("expected \"3\"", b"{\"owner\":\"x\",\"expectedVersion\":\"3\"}".to_vec()),
        ("expected null", b"{\"owner\":\"x\",\"expectedVersion\":null}".to_vec()),
        ("expected an object", b"{\"owner\":\"x\",\"expectedVersion\":{}}".to_vec()),
        ("an empty id", b"{\"owner\":\"x\",\"aggregateId\":\"\"}".to_vec()),
        ("an id of two dots", b"{\"owner\":\"x\",\"aggregateId\":\"..\"}".to_vec()),
        ("an id with NUL", b"{\"owner\":\"x\",\"aggregateId\":\"a\\u0000b\"}".to_vec()),
        ("an id with a line break", b"{\"owner\":\"x\",\"aggregateId\":\"a\\nb\"}".to_vec()),
        ("an id with a trailing space", b"{\"owner\":\"x\",\"aggregateId\":\"a \"}".to_vec()),
        ("an id that is a number", b"{\"owner\":\"x\",\"aggregateId\":7}".to_vec()),
        ("an id that is null", b"{\"owner\":\"x\",\"aggregateId\":null}".to_vec()),
        ("an id of 256 bytes", json!({"owner":"x","aggregateId":"i".repeat(256)}).to_string().into_bytes()),
        ("the platform's stream", b"{\"owner\":\"x\",\"aggregateId\":\"$policies\"}".to_vec()),
        ("64 KiB and one byte", vec![b' '; 64 * 1024 + 1]),
    ]
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_leave_nothing_behind() {
    let server = Server::start().await;
    let head = server.head();
    for (what, body) in bad_bodies() {
        let answer = server.post_text(OPEN, &[], body).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{what}: {answer:?}");
        answer.problem(answer.status.as_u16(), answer.json()["code"].as_str().unwrap());
        assert!(answer.body.len() < 64 * 1024, "{what}: an answer of {} bytes", answer.body.len());
        assert_eq!(server.head(), head, "{what}");
    }
}

#[tokio::test]
async fn hostile_appends_are_refused_and_leave_nothing_behind() {
    let server = Server::start().await;
    let head = server.head();
    let event = json!({ "eventType": "MoneyDeposited", "payload": { "amount": 1 } });
    let with = |name: &str, value: serde_json::Value| {
        let mut event = event.clone();
        event[name] = value;
        json!({ "aggregateType": "Account", "expectedVersion": "any", "events": [event] })
    };
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let twice = json!({ "eventType": "MoneyDeposited", "eventId": id, "payload": { "amount": 1 } });
    let many = vec![event.clone(); 10_001];
    let bodies = [
        ("no events", json!({ "aggregateType": "Account", "expectedVersion": "any", "events": [] })),
        ("too many events", json!({ "aggregateType": "Account", "expectedVersion": "any", "events": many })),
        (
            "the same id twice",
            json!({ "aggregateType": "Account", "expectedVersion": "any", "events": [twice, twice] }),
        ),
        ("no aggregate type", json!({ "expectedVersion": "any", "events": [event] })),
        ("no expected version", json!({ "aggregateType": "Account", "events": [event] })),
        (
            "an expected version of null",
            json!({ "aggregateType": "Account", "expectedVersion": null, "events": [event] }),
        ),
        ("a bad aggregate type", json!({ "aggregateType": "a/b", "expectedVersion": "any", "events": [event] })),
        (
            "an unknown member",
            json!({ "aggregateType": "Account", "expectedVersion": "any", "events": [event], "x": 1 }),
        ),
        ("events that are an object", json!({ "aggregateType": "Account", "expectedVersion": "any", "events": {} })),
        ("an event that is a text", json!({ "aggregateType": "Account", "expectedVersion": "any", "events": ["x"] })),
        ("an event id that is no UUID", with("eventId", json!("7"))),
        ("an event type with path characters", with("eventType", json!("../x"))),
        ("a recorded position", with("position", json!(1))),
        ("a recorded time", with("timestamp", json!("2026-01-31T12:00:00Z"))),
        ("a receipt", with("receipt", json!({}))),
        ("a schema version of 0", with("schemaVersion", json!(0))),
        ("a schema version of -1", with("schemaVersion", json!(-1))),
        ("a schema version of 2^33", with("schemaVersion", json!(1_u64 << 33))),
        ("metadata that is an array", with("metadata", json!([]))),
        ("a payload that is null", with("payload", json!(null))),
    ];
    for (what, body) in bodies {
        let answer = server.post(APPEND, &body).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{what}: {answer:?}");
        answer.problem(answer.status.as_u16(), answer.json()["code"].as_str().unwrap());
        assert_eq!(server.head(), head, "{what}");
    }
    for (what, body) in [
        ("no streams", json!({ "streams": [] })),
        ("a stream twice", {
            let part =
                json!({ "aggregateId": "a", "aggregateType": "Account", "expectedVersion": "any", "events": [event] });
            json!({ "streams": [part, part] })
        }),
        (
            "the platform's stream",
            json!({ "streams": [
            { "aggregateId": "$schemas", "aggregateType": "Account", "expectedVersion": "any", "events": [event] },
        ] }),
        ),
    ] {
        let answer = server.post("/api/append", &body).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{what}: {answer:?}");
        assert_eq!(server.head(), head, "{what}");
    }
}

#[tokio::test]
async fn hostile_headers_are_refused_and_leave_nothing_behind() {
    let server = Server::start().await;
    let head = server.head();
    let good = json!({ "aggregateId": "a", "owner": "x" }).to_string();
    let long = "x".repeat(256);
    let json_type = ("content-type", "application/json");
    let cases: &[(u16, &[(&str, &str)])] = &[
        (415, &[]),
        (415, &[("content-type", "text/plain")]),
        (415, &[("content-type", "application/json; charset=utf-16")]),
        (415, &[("content-type", "multipart/form-data; boundary=x")]),
        (415, &[("content-type", "application/jsonp")]),
        (415, &[json_type, json_type]),
        (415, &[json_type, ("content-encoding", "gzip")]),
        (415, &[json_type, ("content-encoding", "gzip, gzip")]),
        (400, &[json_type, ("if-match", "1")]),
        (400, &[json_type, ("if-match", "\"1\", \"2\"")]),
        (400, &[json_type, ("if-match", "W/\"1\"")]),
        (400, &[json_type, ("if-match", "\"-1\"")]),
        (400, &[json_type, ("if-none-match", "\"1\"")]),
        (400, &[json_type, ("if-match", "\"1\""), ("if-none-match", "*")]),
        (400, &[json_type, ("idempotency-key", "")]),
        (400, &[json_type, ("idempotency-key", "two words")]),
        (400, &[json_type, ("idempotency-key", "schlüssel")]),
        (400, &[json_type, ("idempotency-key", &long)]),
        (400, &[json_type, ("idempotency-key", "a"), ("idempotency-key", "b")]),
        (400, &[json_type, ("x-correlation-id", &long)]),
        (400, &[json_type, ("x-correlation-id", "")]),
        (400, &[json_type, ("x-causation-id", "a\tb")]),
        (400, &[json_type, ("x-client-id", &long)]),
        (413, &[json_type, ("content-length", "65537")]),
    ];
    for (status, headers) in cases {
        let answer = server.send(request(Method::POST, OPEN, headers, good.clone())).await;
        assert_eq!(answer.status, *status, "{headers:?}: {answer:?}");
        answer.problem(*status, answer.json()["code"].as_str().unwrap());
        assert_eq!(server.head(), head, "{headers:?}");
    }
    let conflict = json!({ "aggregateId": "a", "owner": "x", "expectedVersion": 2 }).to_string();
    let answer = server.post_text(OPEN, &[("if-match", "\"1\"")], conflict).await;
    answer.problem(400, "INVALID_HEADER");
}

#[tokio::test]
async fn a_body_without_a_declared_length_is_cut_off_at_the_limit() {
    let server = Server::start().await;
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4096])));
    server.post_text(OPEN, &[], Body::from_stream(endless)).await.problem(413, "BODY_TOO_LARGE");
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
    server.post_text(OPEN, &[], Body::from_stream(broken)).await.problem(400, "MALFORMED_JSON");
}

#[tokio::test]
async fn hostile_queries_are_refused_with_what_would_be_right() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let many = "a=1&".repeat(100);
    let filters = "filter[owner]=x&".repeat(21);
    let values = "x,".repeat(101);
    let cases = [
        "/api/events?limit=0".to_owned(),
        "/api/events?limit=-1".to_owned(),
        "/api/events?limit=1001".to_owned(),
        "/api/events?limit=1e3".to_owned(),
        "/api/events?limit=NaN".to_owned(),
        "/api/events?limit=99999999999999999999".to_owned(),
        "/api/events?limit=".to_owned(),
        "/api/events?limit=5&limit=6".to_owned(),
        "/api/events?after=-1".to_owned(),
        "/api/events?after=1.5".to_owned(),
        "/api/events?after=1&before=5".to_owned(),
        "/api/events?after[]=1".to_owned(),
        "/api/events?types=".to_owned(),
        "/api/events?types=a%2Fb".to_owned(),
        "/api/events?aggregateType=%20".to_owned(),
        "/api/events?position=1".to_owned(),
        "/api/events?after=%ff".to_owned(),
        format!("/api/events?{many}"),
        "/api/events/stream?after=x".to_owned(),
        "/api/events/stream?types=!".to_owned(),
        "/api/streams?type=a%20b".to_owned(),
        "/api/streams/a/events?direction=sideways".to_owned(),
        "/api/streams/a/events?from=x".to_owned(),
        "/api/queries/accounts?offset=-1".to_owned(),
        "/api/queries/accounts?filter=x".to_owned(),
        "/api/queries/accounts?filter[]=x".to_owned(),
        "/api/queries/accounts?filter[owner=x".to_owned(),
        "/api/queries/accounts?filter[nothing]=x".to_owned(),
        "/api/queries/accounts?filter[owner][like]=x".to_owned(),
        "/api/queries/accounts?filter[owner][$where]=x".to_owned(),
        "/api/queries/accounts?filter[balance]=x".to_owned(),
        "/api/queries/accounts?filter[balance]=9223372036854775808".to_owned(),
        "/api/queries/accounts?filter[limit]=NaN".to_owned(),
        "/api/queries/accounts?filter[open]=yes".to_owned(),
        "/api/queries/accounts?filter[history]=x".to_owned(),
        "/api/queries/accounts?filter[balance][prefix]=1".to_owned(),
        format!("/api/queries/accounts?{filters}"),
        format!("/api/queries/accounts?filter[owner][in]={values}"),
        "/api/queries/accounts?sort=nothing".to_owned(),
        "/api/queries/accounts?sort=history".to_owned(),
        "/api/queries/accounts?sort=owner,owner".to_owned(),
        "/api/queries/accounts?fields=".to_owned(),
        "/api/queries/accounts?fields=owner,nothing".to_owned(),
        "/api/queries/accounts?consistentWith=-1".to_owned(),
        "/api/commands?x=1".to_owned(),
        "/readyz?verbose=maybe".to_owned(),
    ];
    for path in cases {
        let answer = server.get(&path).await;
        let problem = answer.problem(400, "INVALID_PARAMETER");
        assert!(problem.detail.len() < 1000, "{path:.80}: {}", problem.detail);
    }
    let problem = server.get("/api/events?colour=red").await.problem(400, "INVALID_PARAMETER");
    assert!(problem.detail.contains("after, before, limit"), "{}", problem.detail);
    for header in [("nexus-consistent-with", "x"), ("prefer", "wait=soon")] {
        let headers = [("nexus-consistent-with", "1"), header];
        let headers = if header.0 == "prefer" { &headers[..] } else { &headers[1..] };
        server.get_with("/api/queries/accounts", headers).await.problem(400, "INVALID_HEADER");
    }
    server.get_with("/api/events/stream", &[("last-event-id", "x")]).await.problem(400, "INVALID_HEADER");
}

#[tokio::test]
async fn hostile_paths_and_methods_are_refused() {
    let server = Server::start().await;
    let head = server.head();
    let long = format!("/api/streams/{}/events", "x".repeat(60_000));
    for (path, status) in [
        ("//api/events", 404),
        ("/api/./events", 404),
        ("/api/%2e%2e/events", 404),
        ("/api/events/", 404),
        ("/API/events", 404),
        ("/api/streams/%c0%ae/events", 400),
        ("/api/streams/%ff/events", 400),
        ("/api/streams/%00/events", 400),
        ("/api/streams/%0a/events", 400),
        ("/api/streams/%2e%2e/events", 400),
        ("/api/streams/a%20/events", 400),
        ("/api/streams/%252e%252e/events", 404),
        ("/api/streams/..%2F..%2Fsecret%2Fplans/events", 404),
        ("/api/events/..", 400),
        ("/api/queries/accounts/%ff", 400),
        ("/api/schemas/%ff/versions/1", 400),
        (&long, 400),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, status, "{path:.80}: {answer:?}");
        answer.problem(status, answer.json()["code"].as_str().unwrap());
    }
    for method in ["DELETE", "PUT", "PATCH", "TRACE", "FOO", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let headers = [("x-http-method-override", "POST")];
        let answer = server.send(request(method, "/api/streams/a/events", &headers, "{}")).await;
        answer.problem(405, "METHOD_NOT_ALLOWED");
    }
    assert_eq!(server.head(), head);
}
