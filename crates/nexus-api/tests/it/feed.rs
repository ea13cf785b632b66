use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::Method,
};
use futures_util::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::server::{Server, request};

/// A client of the feed.
struct Client {
    stream: BodyDataStream,
    text: String,
}

impl Client {
    async fn connect(server: &Server, path: &str, headers: &[(&str, &str)]) -> Self {
        let response = server.router.clone().oneshot(request(Method::GET, path, headers, Body::empty())).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { stream: response.into_body().into_data_stream(), text: String::new() }
    }

    /// Reads until `wanted` is in what was received; false when the feed ends before.
    async fn until(&mut self, wanted: &str) -> bool {
        while !self.text.contains(wanted) {
            match tokio::time::timeout(Duration::from_secs(10), self.stream.next())
                .await
                .expect("the feed says something")
            {
                Some(chunk) => self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap()),
                None => return false,
            }
        }
        true
    }

    /// Positions received so far.
    fn positions(&self) -> Vec<u64> {
        self.text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn the_feed_sends_what_was_and_what_comes_with_positions_as_ids() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let mut client = Client::connect(&server, "/api/events/stream?after=0", &[]).await;
    assert!(client.until(&format!("id: {}\n", server.head())).await);
    server.deposit("a", 7).await;
    assert!(client.until(&format!("id: {}\n", server.head())).await);
    assert_eq!(client.positions(), (1..=server.head()).collect::<Vec<_>>());
    assert!(client.until("\"amount\":7").await);
    let data = client.text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let event: Value = serde_json::from_str(data).unwrap();
    assert_eq!(event["eventType"], "MoneyDeposited");
}

#[tokio::test]
async fn the_feed_resumes_after_the_last_event_id_and_skips_nothing() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let seen = server.head();
    for amount in 1..=300 {
        server.deposit("a", amount).await;
    }
    let id = seen.to_string();
    let mut client = Client::connect(&server, "/api/events/stream?after=0", &[("last-event-id", &id)]).await;
    assert!(client.until(&format!("id: {}\n", server.head())).await);
    assert_eq!(client.positions(), (seen + 1..=server.head()).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_feed_begins_at_the_newest_and_keeps_to_its_types() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    let mut client = Client::connect(&server, "/api/events/stream?types=MoneyDeposited", &[]).await;
    assert!(client.until(": following").await);
    server.open("b", "Bob").await;
    server.deposit("b", 1).await;
    assert!(client.until("\ndata:").await);
    assert_eq!(client.positions(), [server.head()]);
}

#[tokio::test]
async fn a_payload_with_line_breaks_stays_one_message() {
    let server = Server::start().await;
    let text = "{\"aggregateType\":\"Account\",\"expectedVersion\":0,\"events\":[{\"eventType\":\"MoneyDeposited\",\
                \"payload\":{\r\n  \"amount\":\n 7}}]}";
    assert_eq!(server.post_text("/api/streams/a/events", &[], text).await.status, 201);
    let path = format!("/api/events/stream?after={}", server.head() - 1);
    let mut client = Client::connect(&server, &path, &[]).await;
    assert!(client.until("\"amount\"").await);
    let data: Vec<_> = client.text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data.len(), 1);
    let event: Value = serde_json::from_str(data[0]).unwrap();
    assert_eq!(event["payload"]["amount"], 7);
}

#[tokio::test]
async fn a_quiet_feed_gives_signs_of_life() {
    let server = Server::configured(|config| config.feed_ping = Duration::from_millis(20)).await;
    let mut client = Client::connect(&server, "/api/events/stream", &[]).await;
    assert!(client.until(": ping\n\n: ping\n\n").await);
}

#[tokio::test]
async fn a_feed_ends_when_the_node_stops() {
    let server = Server::start().await;
    let mut client = Client::connect(&server, "/api/events/stream", &[]).await;
    assert!(client.until(": following").await);
    server.node.stopping().cancel();
    assert!(!client.until("never said").await);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let server = Server::configured(|config| config.feed_patience = Duration::from_millis(50)).await;
    server.open("a", "Ann").await;
    for amount in 1..=500 {
        server.deposit("a", amount).await;
    }
    let mut client = Client::connect(&server, "/api/events/stream?after=0", &[]).await;
    // waits: for the feed's patience with a client that does not read to run out
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!client.until("never said").await);
    let received = client.positions();
    assert_eq!(received, (1..=u64::try_from(received.len()).unwrap()).collect::<Vec<_>>());
    assert!(received.len() < 500, "what was on its way is bounded, got {}", received.len());
}
