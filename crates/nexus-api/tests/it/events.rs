use nexus_api::dto::{EventDto, EventList, StreamEvents};
use nexus_core::{
    RecordedEvent,
    ports::{EventStore, LogRead},
};
use serde_json::json;

use crate::server::Server;

async fn with_history() -> Server {
    let server = Server::start().await;
    for id in ["a", "b", "c"] {
        server.open(id, "Ann").await;
        server.deposit(id, 5).await;
    }
    server
}

#[tokio::test]
async fn an_event_has_every_member_of_the_contract_and_can_be_read_back() {
    let server = Server::start().await;
    let headers = [
        ("idempotency-key", "k"),
        ("x-correlation-id", "conv ☎"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    let body = json!({ "aggregateId": "a", "owner": "Ann", "metadata": { "z": [1.5], "b": "é" } });
    assert_eq!(server.post_with("/api/commands/OpenAccount", &headers, &body).await.status, 202);
    let answer = server.get("/api/streams/a/events").await;
    let event = answer.json()["events"][0].clone();
    for member in ["position", "eventId", "eventType", "aggregateType", "aggregateId", "aggregateVersion"] {
        assert!(!event[member].is_null(), "{member}");
    }
    for pointer in [
        "/timestamp",
        "/payload",
        "/metadata/correlationId",
        "/metadata/userId",
        "/metadata/schemaVersion",
        "/metadata/traceparent",
        "/metadata/idempotencyKey",
        "/metadata/z",
        "/receipt/schemaId",
        "/receipt/schemaDigest",
        "/receipt/policyDigest",
        "/receipt/decisionId",
        "/receipt/actor",
        "/hash",
    ] {
        assert!(event.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer}");
    }
    assert!(event["metadata"].as_object().unwrap().contains_key("causationId"));

    let page: StreamEvents = serde_json::from_slice(&answer.body).unwrap();
    let read_back: RecordedEvent = page.events[0].clone().try_into().unwrap();
    let read = LogRead { from: nexus_core::Position::new(page.events[0].position - 1), limit: 1, ..LogRead::default() };
    assert_eq!(read_back, server.store.inner.read_log(read).await.unwrap().events[0]);
}

#[tokio::test]
async fn the_log_is_paged_forward_without_a_gap() {
    let server = with_history().await;
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let answer = server.get(&format!("/api/events?after={after}&limit=4")).await;
        let page: EventList = serde_json::from_slice(&answer.body).unwrap();
        seen.extend(page.events.iter().map(|event| event.position));
        assert_eq!(answer.header("nexus-position"), page.head.to_string());
        after = page.next;
        if page.next == page.head {
            assert!(!answer.headers.contains_key("link"));
            break;
        }
        let expected = format!("</api/events?after={after}&limit=4>; rel=\"next\"");
        assert_eq!(answer.header("link"), expected);
    }
    assert_eq!(seen, (1..=server.head()).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_log_is_read_backward_from_the_newest() {
    let server = with_history().await;
    let head = server.head();
    let page: EventList = serde_json::from_slice(&server.get("/api/events?before=0&limit=2").await.body).unwrap();
    assert_eq!(page.events.iter().map(|event| event.position).collect::<Vec<_>>(), [head, head - 1]);
    let page = server.get(&format!("/api/events?before={}&limit=1", page.next)).await;
    let page: EventList = serde_json::from_slice(&page.body).unwrap();
    assert_eq!(page.events[0].position, head - 2);
}

#[tokio::test]
async fn the_log_is_filtered_by_type_aggregate_and_conversation() {
    let server = with_history().await;
    let body = json!({ "aggregateId": "d", "owner": "Dan", "metadata": { "correlationId": "the one" } });
    server.post("/api/commands/OpenAccount", &body).await;
    let count = async |query: &str| {
        server.get(&format!("/api/events?{query}")).await.json()["events"].as_array().unwrap().len()
    };
    assert_eq!(count("types=MoneyDeposited").await, 3);
    assert_eq!(count("types=MoneyDeposited,AccountOpened").await, 7);
    assert_eq!(count("aggregateType=Account").await, 7);
    assert_eq!(count("aggregateType=Nothing").await, 0);
    assert_eq!(count("correlationId=the+one").await, 1);
}

#[tokio::test]
async fn a_stream_is_read_by_version_in_both_directions() {
    let server = Server::start().await;
    server.open("a", "Ann").await;
    for amount in 1..=5 {
        server.deposit("a", amount).await;
    }
    let read = async |query: &str| {
        let page: StreamEvents =
            serde_json::from_slice(&server.get(&format!("/api/streams/a/events?{query}")).await.body).unwrap();
        (page.events.iter().map(|event| event.aggregate_version).collect::<Vec<_>>(), page.next, page.version)
    };
    assert_eq!(read("").await, (vec![1, 2, 3, 4, 5, 6], None, 6));
    assert_eq!(read("from=2&to=3").await, (vec![2, 3], None, 6));
    assert_eq!(read("limit=4").await, (vec![1, 2, 3, 4], Some(5), 6));
    assert_eq!(read("from=5&limit=4").await, (vec![5, 6], None, 6));
    assert_eq!(read("direction=backward&limit=2").await, (vec![6, 5], Some(4), 6));
    assert_eq!(read("from=100").await, (vec![], None, 6));
    server.get("/api/streams/nobody/events").await.problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn streams_are_listed_with_a_cursor_that_belongs_to_the_list() {
    let server = with_history().await;
    let first = server.get("/api/streams?type=Account&limit=2").await.json();
    let ids: Vec<_> = first["streams"].as_array().unwrap().iter().map(|stream| &stream["aggregateId"]).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(first["streams"][0]["version"], 2);
    assert_eq!(first["streams"][0]["aggregateType"], "Account");
    assert!(first["streams"][0]["lastEventAt"].is_string());
    let cursor = first["next"].as_str().unwrap();
    let second = server.get(&format!("/api/streams?type=Account&limit=2&cursor={cursor}")).await.json();
    assert_eq!(second["streams"][0]["aggregateId"], "c");
    assert!(second["next"].is_null());
    server.get(&format!("/api/streams?limit=2&cursor={cursor}")).await.problem(400, "INVALID_CURSOR");
    let system = server.get("/api/streams?prefix=$").await.json();
    assert_eq!(system["streams"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn one_event_is_found_by_its_id() {
    let server = with_history().await;
    let newest = server.get("/api/events?before=0&limit=1").await.json()["events"][0].clone();
    let found = server.get(&format!("/api/events/{}", newest["eventId"].as_str().unwrap())).await;
    assert_eq!(found.json(), newest);
    server.get("/api/events/01890a5d-ac96-774b-bcce-b302099a8057").await.problem(404, "NOT_FOUND");
    server.get("/api/events/7").await.problem(400, "INVALID_PATH");
}

#[tokio::test]
async fn causation_is_a_tree_of_one_conversation() {
    let server = Server::start().await;
    let opened = server
        .post_with(
            "/api/commands/OpenAccount",
            &[("x-correlation-id", "conv"), ("x-causation-id", "cmd-1")],
            &json!({ "aggregateId": "a", "owner": "Ann" }),
        )
        .await;
    let root = opened.json()["eventIds"][0].as_str().unwrap().to_owned();
    for amount in [1, 2] {
        let headers = [("x-correlation-id", "conv"), ("x-causation-id", root.as_str())];
        server
            .post_with("/api/commands/DepositMoney", &headers, &json!({ "aggregateId": "a", "amount": amount }))
            .await;
    }
    server.open("unrelated", "Bob").await;
    let tree = server.get(&format!("/api/events/{root}/causation")).await.json();
    assert_eq!(tree["correlationId"], "conv");
    assert_eq!(tree["roots"], json!([root]));
    assert_eq!(tree["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(tree["nodes"][0]["children"].as_array().unwrap().len(), 2);
    assert_eq!(tree["nodes"][0]["causedBy"], "cmd-1");
    assert_eq!(tree["nodes"][1]["causedBy"], json!(root));
    assert_eq!(tree["truncated"], false);
}

#[tokio::test]
async fn events_are_served_as_cloud_events_when_asked() {
    let server = with_history().await;
    let batch = [("accept", "application/cloudevents-batch+json")];
    let answer = server.get_with("/api/streams/a/events", &batch).await;
    assert_eq!(answer.header("content-type"), "application/cloudevents-batch+json");
    let event = answer.json()[1].clone();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "MoneyDeposited");
    assert_eq!(event["subject"], "a");
    assert_eq!(event["source"], "urn:nexus:bank");
    assert_eq!(event["data"], json!({ "amount": 5 }));
    assert_eq!(event["dataschema"], "/api/schemas/MoneyDeposited/versions/1");
    assert!(event["correlationid"].is_string() && event["time"].is_string());
    let position: u64 = event["sequence"].as_str().unwrap().parse().unwrap();
    let native: EventDto =
        serde_json::from_slice(&server.get(&format!("/api/events/{}", event["id"].as_str().unwrap())).await.body)
            .unwrap();
    assert_eq!(native.position, position);
    let single = server
        .get_with(
            &format!("/api/events/{}", event["id"].as_str().unwrap()),
            &[("accept", "application/cloudevents+json")],
        )
        .await;
    assert_eq!(single.header("content-type"), "application/cloudevents+json");
    assert_eq!(single.json(), event);
    assert!(server.get_with("/api/events", &batch).await.json().is_array());
}
