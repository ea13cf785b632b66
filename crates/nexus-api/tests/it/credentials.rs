//! Who asks: tokens in requests, what is told about bad ones, and streams that end with theirs.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Method},
};
use futures_util::StreamExt as _;
use nexus_api::ApiConfig;
use nexus_core::{
    Actor, StreamId, Timestamp,
    ports::{Clock as _, MAX_TOKEN_BYTES, StreamRead},
};
use nexus_testkit::fakes::MemoryAuthenticator;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use crate::server::{Server, request};

/// A server that lets nobody in without a token, and who issues them.
pub(crate) struct Guarded {
    pub(crate) server: Server,
    pub(crate) issuer: Arc<MemoryAuthenticator>,
}

impl Guarded {
    pub(crate) async fn start() -> Self {
        Self::configured(|_| ()).await
    }

    pub(crate) async fn configured(change: impl FnOnce(&mut ApiConfig)) -> Self {
        let issuer = Arc::new(MemoryAuthenticator::default());
        let authenticator = issuer.clone();
        let server = Server::configured(|config| {
            config.anonymous_actor = None;
            config.authenticator = Some(authenticator);
            // A sign of life would end a feed as well; these must end without one.
            config.feed_ping = Duration::from_hours(1);
            change(config);
        });
        Self { server: server.await, issuer }
    }

    fn later(&self, seconds: i64) -> Timestamp {
        self.server.clock.now().saturating_add_micros(seconds * 1_000_000)
    }

    /// The header of a token for `id` that is accepted for an hour, and the token.
    pub(crate) fn issue(&self, id: &'static str) -> (String, String) {
        let actor = Actor::new(id.into(), vec!["writer".into()]);
        let token = self.issuer.issue(actor, Some(self.later(3600)));
        (format!("Bearer {token}"), token)
    }

    async fn status(&self, headers: &[(&str, &str)]) -> u16 {
        self.server.get_with("/api/streams", headers).await.status.as_u16()
    }
}

#[tokio::test]
async fn a_token_opens_the_doors_and_nothing_else_does() {
    let guarded = Guarded::start().await;
    let (header, token) = guarded.issue("ann");
    assert_eq!(guarded.status(&[("authorization", &header)]).await, 200);
    let lower = format!("bearer   {token}");
    assert_eq!(guarded.status(&[("authorization", &lower)]).await, 200, "the scheme has no case");
    for (name, value) in [
        ("x-authorization", header.as_str()),
        ("cookie", &format!("access_token={token}")),
        ("proxy-authorization", &header),
        ("x-forwarded-user", "ann"),
        ("x-client-id", &token),
    ] {
        assert_eq!(guarded.status(&[(name, value)]).await, 401, "{name}");
    }
    let in_the_address = guarded.server.get(&format!("/api/streams?access_token={token}")).await;
    assert_eq!(in_the_address.status, 401, "tokens in addresses end up in logs");
}

#[tokio::test]
async fn without_a_token_the_challenge_says_only_how_to_send_one() {
    let guarded = Guarded::start().await;
    let answer = guarded.server.get("/api/streams").await;
    answer.problem(401, "UNAUTHENTICATED");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn a_header_that_is_not_one_bearer_token_is_refused() {
    let guarded = Guarded::start().await;
    let (header, token) = guarded.issue("ann");
    let twice =
        guarded.server.get_with("/api/streams", &[("authorization", &header), ("authorization", &header)]).await;
    twice.problem(401, "UNAUTHENTICATED");
    assert_eq!(twice.header("www-authenticate"), "Bearer error=\"invalid_request\"");
    let long = format!("Bearer {}", "a".repeat(MAX_TOKEN_BYTES + 1));
    let others = [
        "Basic YW5uOnNlY3JldA==".to_owned(),
        format!("Token {token}"),
        format!("DPoP {token}"),
        token.clone(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        String::new(),
        format!("{header}, {header}"),
        format!("{header} {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer\t{token}"),
        format!("Bearer {token}é"),
        long,
    ];
    for header in others {
        let answer = guarded.server.get_with("/api/streams", &[("authorization", &header)]).await;
        answer.problem(401, "UNAUTHENTICATED");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_request\"", "{header:.60}");
    }
}

#[tokio::test]
async fn a_refusal_does_not_say_what_was_wrong_with_a_secret() {
    let guarded = Guarded::start().await;
    let (_, token) = guarded.issue("ann");
    let revoked = guarded.issue("bob").1;
    assert!(guarded.issuer.revoke(&revoked));
    let mut told = Vec::new();
    for token in [&format!("{token}x"), "memory.t9.secret", "memory", "a.b.c", &revoked, "nxt_0123456789abcdef_0"] {
        let header = format!("Bearer {token}");
        let answer = guarded.server.get_with("/api/streams", &[("authorization", &header)]).await;
        let problem = answer.problem(401, "UNAUTHENTICATED");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        assert!(!String::from_utf8_lossy(&answer.body).contains(token), "{token}");
        told.push(problem.detail);
    }
    told.dedup();
    assert_eq!(told, ["the token is not accepted"]);
}

#[tokio::test]
async fn an_expired_token_is_told_to_be_expired() {
    let guarded = Guarded::start().await;
    let (header, _) = guarded.issue("ann");
    guarded.server.clock.advance_micros(3600 * 1_000_000);
    let answer = guarded.server.get_with("/api/streams", &[("authorization", &header)]).await;
    answer.problem(401, "UNAUTHENTICATED");
    assert!(answer.header("www-authenticate").contains("expired"));
}

#[tokio::test]
async fn a_bad_token_is_refused_where_anybody_is_let_in() {
    let server = Server::start().await;
    for token in ["nxt_0123456789abcdef_0", "a.b.c"] {
        let answer = server.get_with("/api/streams", &[("authorization", &format!("Bearer {token}"))]).await;
        answer.problem(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn the_actor_of_the_token_is_stored_and_a_body_cannot_name_another() {
    let guarded = Guarded::start().await;
    let (header, _) = guarded.issue("ann");
    let all = [("authorization", header.as_str())];
    let forged = json!({ "userId": "bob", "actor": "bob", "actorId": "bob", "user_id": "bob" });
    let body = json!({ "aggregateId": "a", "payload": { "owner": "Ann" }, "metadata": forged });
    assert_eq!(guarded.server.post_with("/api/commands/OpenAccount", &all, &body).await.status, 202);
    let event = json!({ "eventType": "MoneyDeposited", "payload": { "amount": 1 }, "metadata": forged });
    let body = json!({ "aggregateType": "Account", "expectedVersion": "any", "events": [event] });
    assert_eq!(guarded.server.post_with("/api/streams/a/events", &all, &body).await.status, 201);
    let stored = guarded.server.get_with("/api/streams/a/events", &all).await;
    let stored = stored.json();
    // Nor is it kept beside the real one, where another reader of the log might take it for the real one.
    let read = StreamRead::all(StreamId::new("a").unwrap(), 10);
    for event in guarded.server.node.events().read_stream(read).await.unwrap().events {
        assert_eq!(event.metadata.user_id.as_deref(), Some("ann"));
        let further = event.metadata.extra.map(|extra| extra.to_value().unwrap()).unwrap_or_default();
        assert!(further.get("userId").is_none(), "{further}");
    }
    let events = stored["events"].as_array().unwrap();
    assert_eq!(events.len(), 2);
    for event in events {
        assert_eq!(
            (&event["metadata"]["userId"], &event["receipt"]["actor"]),
            (&json!("ann"), &json!("ann")),
            "{event}"
        );
    }
}

#[tokio::test]
async fn clients_are_told_apart_by_their_tokens() {
    let guarded = Guarded::start().await;
    let (ann, _) = guarded.issue("ann");
    let (bob, _) = guarded.issue("bob");
    let key = ("idempotency-key", "k-1");
    let open = |id: &str| json!({ "aggregateId": id, "owner": "x" });
    for (header, id) in [(&ann, "a"), (&bob, "b")] {
        let headers = [("authorization", header.as_str()), key];
        let answer = guarded.server.post_with("/api/commands/OpenAccount", &headers, &open(id)).await;
        assert_eq!(answer.status, 202, "the same key of somebody else: {answer:?}");
    }
}

/// Reads a feed until it ends.
async fn ends(mut stream: axum::body::BodyDataStream) -> String {
    let mut text = String::new();
    let read = async {
        while let Some(Ok(chunk)) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    timeout(Duration::from_secs(20), read).await.expect("the stream goes on");
    text
}

async fn feed(guarded: &Guarded, header: &str) -> axum::body::BodyDataStream {
    let asked = request(Method::GET, "/api/events/stream", &[("authorization", header)], "");
    let response = guarded.server.respond(asked).await;
    assert_eq!(response.status(), 200);
    let mut stream = response.into_body().into_data_stream();
    assert!(stream.next().await.unwrap().unwrap().starts_with(b"retry"));
    stream
}

#[tokio::test]
async fn a_feed_ends_when_its_token_is_revoked_and_says_nothing_more() {
    let guarded = Guarded::start().await;
    let (header, token) = guarded.issue("ann");
    let (other, _) = guarded.issue("bob");
    let (stream, mut lasting) = (feed(&guarded, &header).await, feed(&guarded, &other).await);
    assert!(guarded.issuer.revoke(&token));
    let body = json!({ "aggregateId": "a", "owner": "Ann" });
    let headers = [("authorization", other.as_str())];
    assert_eq!(guarded.server.post_with("/api/commands/OpenAccount", &headers, &body).await.status, 202);
    let text = ends(stream).await;
    assert!(!text.contains("AccountOpened"), "an event was sent after the revocation: {text}");
    let chunk = timeout(Duration::from_secs(10), lasting.next()).await.unwrap().unwrap().unwrap();
    assert!(String::from_utf8_lossy(&chunk).contains("AccountOpened"), "the feed of another token ended too");
}

#[tokio::test]
async fn a_feed_ends_when_its_token_expires() {
    let guarded = Guarded::start().await;
    let (header, _) = guarded.issue("ann");
    let stream = feed(&guarded, &header).await;
    guarded.server.clock.advance_micros(3600 * 1_000_000);
    ends(stream).await;
}

fn deposit() -> Bytes {
    let line = json!({ "aggregateId": "a", "aggregateType": "Account", "expectedVersion": "any",
        "events": [{ "eventType": "MoneyDeposited", "payload": { "amount": 1 } }] });
    format!("{line}\n").into()
}

/// A stream of appends whose token is over at the moment `end` is called, and the lines it answers.
async fn appended_until(guarded: &Guarded, header: &str, end: impl FnOnce(), then: Option<Bytes>) -> Vec<Value> {
    let (lines, body) = mpsc::channel::<Result<Bytes, std::io::Error>>(8);
    let body = futures_util::stream::unfold(body, |mut body| async move { Some((body.recv().await?, body)) });
    let headers = [("content-type", "application/x-ndjson"), ("authorization", header)];
    let asked = request(Method::POST, "/api/append/stream", &headers, Body::from_stream(body));
    let mut answers = guarded.server.respond(asked).await.into_body().into_data_stream();
    lines.send(Ok(deposit())).await.unwrap();
    let first = timeout(Duration::from_secs(10), answers.next()).await.unwrap().unwrap().unwrap();
    end();
    if let Some(line) = then {
        lines.send(Ok(line)).await.unwrap();
    }
    let text = String::from_utf8_lossy(&first).into_owned() + &ends(answers).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_stream_of_appends_ends_with_its_token_and_stores_nothing_more() {
    let guarded = Guarded::start().await;
    let (opener, _) = guarded.issue("opener");
    let body = json!({ "aggregateId": "a", "owner": "Ann" });
    let answer = guarded.server.post_with("/api/commands/OpenAccount", &[("authorization", &opener)], &body).await;
    assert_eq!(answer.status, 202);
    for then in [None, Some(deposit())] {
        let head = guarded.server.head();
        let (header, token) = guarded.issue("ann");
        let revoke = || assert!(guarded.issuer.revoke(&token));
        let answers = appended_until(&guarded, &header, revoke, then.clone()).await;
        assert_eq!(answers.len(), 2, "{answers:?}");
        assert_eq!(answers[0]["position"], head + 1);
        assert_eq!(answers[1]["problem"]["code"], "UNAUTHENTICATED", "{answers:?}");
        assert_eq!(guarded.server.head(), head + 1);
    }
}

#[tokio::test]
async fn public_pages_do_not_read_credentials() {
    let guarded = Guarded::start().await;
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer nonsense".parse().unwrap());
    for path in ["/livez", "/readyz", "/openapi.json", "/"] {
        let answer = guarded.server.get_with(path, &[("authorization", "Bearer nonsense")]).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}
