//! The platform's own streams, for whom policy lets read them and for everybody else.

use axum::http::Method;
use futures_util::StreamExt as _;
use nexus_api::access_rules;
use nexus_core::ports::PolicyKind;
use serde_json::{Value, json};

use crate::{
    policies::Governed,
    server::{Http, Server, request},
};

/// What an outsider sends along; the policy of the tests knows it.
const OUTSIDER: [(&str, &str); 1] = [("x-client-id", "outsider")];

/// Events of the platform, of two accounts and of the platform again.
async fn with_both(http: &Http) {
    for id in ["a", "b"] {
        http.open(id, "Ann").await;
        http.deposit(id, 5).await;
        let schema = json!({ "type": "object", "title": id });
        let body = json!({ "kind": "event", "name": format!("Thing{id}"), "schema": schema });
        let registered = http.post("/api/schemas", &body).await;
        assert_eq!(registered.status, 201, "{registered:?}");
    }
}

fn positions(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap().iter().map(|event| event["position"].as_u64().unwrap()).collect()
}

fn is_own(event: &Value) -> bool {
    event["aggregateId"].as_str().unwrap().starts_with('$')
}

/// Every page of the log for somebody, from one end to the other, and how many there were.
async fn paged(http: &Http, headers: &[(&str, &str)], start: &str, limit: usize) -> (Vec<u64>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut target = format!("/api/events?{start}&limit={limit}");
    loop {
        let answer = http.get_with(&target, headers).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        found.extend(positions(&answer.json()));
        pages += 1;
        assert!(pages < 1000, "the pages do not come to an end");
        let Some(link) = answer.headers.get("link") else { return (found, pages) };
        target = link.to_str().unwrap().trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
}

#[tokio::test]
async fn pages_of_the_log_leave_out_what_may_not_be_read_and_nothing_else() {
    let server = Server::start().await;
    with_both(&server).await;
    let all = server.get("/api/events?limit=1000").await.json();
    let (own, others): (Vec<&Value>, Vec<&Value>) = all["events"].as_array().unwrap().iter().partition(|e| is_own(e));
    assert!(own.len() > 3 && others.len() == 4, "{all}");
    let expected: Vec<u64> = others.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    for limit in [1, 2, 3, 1000] {
        assert_eq!(paged(&server, &OUTSIDER, "after=0", limit).await.0, expected, "forward by {limit}");
        let mut backward = paged(&server, &OUTSIDER, "before=0", limit).await.0;
        backward.reverse();
        assert_eq!(backward, expected, "backward by {limit}");
    }
    let page = server.get_with("/api/events?limit=1000", &OUTSIDER).await.json();
    assert_eq!((&page["next"], &page["head"]), (&all["head"], &all["head"]), "positions are those of the whole log");
    let failing = server.get_with("/api/events?limit=1000", &[("x-client-id", "outsider-failed")]).await.json();
    assert_eq!(positions(&failing), expected, "a policy that fails lets nothing be seen");
    let typed = server.get_with("/api/events?types=SchemaRegistered,PolicyActivated", &OUTSIDER).await.json();
    assert_eq!(positions(&typed), [0; 0], "{typed}");
    assert!(!positions(&server.get("/api/events?types=SchemaRegistered").await.json()).is_empty());
}

#[tokio::test]
async fn an_event_of_the_platform_is_not_there_for_an_outsider() {
    let server = Server::start().await;
    with_both(&server).await;
    let all = server.get("/api/events?limit=1000").await.json();
    for event in all["events"].as_array().unwrap() {
        let id = event["eventId"].as_str().unwrap();
        for path in [format!("/api/events/{id}"), format!("/api/events/{id}/causation")] {
            assert_eq!(server.get(&path).await.status, 200, "{path}");
            let answer = server.get_with(&path, &OUTSIDER).await;
            if is_own(event) {
                let unknown = server.get_with(&path.replace(id, &"0".repeat(32)), &OUTSIDER).await;
                let (hidden, unknown) = (answer.problem(404, "NOT_FOUND"), unknown.problem(404, "NOT_FOUND"));
                assert_eq!(hidden.detail.replace(id, ""), unknown.detail.replace(&uuid::Uuid::nil().to_string(), ""));
            } else {
                assert_eq!(answer.status, 200, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_conversation_shows_an_outsider_its_part_only() {
    let server = Server::start().await;
    let talk = ("x-correlation-id", "talk");
    let open = json!({ "aggregateId": "a", "owner": "Ann" });
    assert_eq!(server.post_with("/api/commands/OpenAccount", &[talk], &open).await.status, 202);
    let schema = json!({ "kind": "event", "name": "Thing", "schema": { "type": "object" } });
    assert_eq!(server.post_with("/api/schemas", &[talk], &schema).await.status, 201);
    let opened = server.get("/api/streams/a/events").await.json()["events"][0]["eventId"].clone();
    let path = format!("/api/events/{}/causation", opened.as_str().unwrap());
    let nodes = |tree: Value| {
        let nodes = tree["nodes"].as_array().unwrap().clone();
        nodes.iter().map(|node| node["event"]["aggregateId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(nodes(server.get(&path).await.json()), ["a", "$schemas"]);
    assert_eq!(nodes(server.get_with(&path, &OUTSIDER).await.json()), ["a"]);
}

#[tokio::test]
async fn streams_are_listed_without_those_of_the_platform_page_by_page() {
    let server = Server::start().await;
    with_both(&server).await;
    let list = |page: &Value| {
        let streams = page["streams"].as_array().unwrap().clone();
        streams.iter().map(|stream| stream["aggregateId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&server.get("/api/streams").await.json()), ["$policies", "$schemas", "a", "b"]);
    for limit in 1..4 {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = server.get_with(&format!("/api/streams?limit={limit}{cursor}"), &OUTSIDER).await.json();
            found.extend(list(&page));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, ["a", "b"], "by {limit}");
    }
    let own = server.get_with("/api/streams?prefix=$&limit=1", &OUTSIDER).await.json();
    assert_eq!((list(&own), &own["next"]), (Vec::new(), &Value::Null));
}

#[tokio::test]
async fn a_feed_goes_on_behind_what_it_does_not_send() {
    let server = Server::start().await;
    with_both(&server).await;
    let expected = paged(&server, &OUTSIDER, "after=0", 1000).await.0;
    let feed = request(Method::GET, "/api/events/stream?after=0", &OUTSIDER, "");
    let mut feed = server.respond(feed).await.into_body().into_data_stream();
    let mut text = String::new();
    let mut told: Vec<u64> = Vec::new();
    for round in 0..2 {
        let wanted = expected.len() + round;
        while told.len() < wanted {
            let chunk = tokio::time::timeout(std::time::Duration::from_secs(10), feed.next()).await;
            text.push_str(std::str::from_utf8(&chunk.expect("the feed says something").unwrap().unwrap()).unwrap());
            told = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
        }
        // The next round is behind another event of the platform.
        let schema = json!({ "kind": "event", "name": "Late", "schema": { "type": "object" } });
        server.post("/api/schemas", &schema).await;
        server.deposit("a", 1).await;
    }
    assert_eq!(told[..expected.len()], expected);
    assert!(!text.contains("\"$"), "{text}");
}

/// No door that a reader gets through shows a stream of the platform, those included that nobody thought of here.
#[tokio::test]
async fn no_answer_to_a_reader_names_a_stream_of_the_platform() {
    let server = Governed::start().await;
    let (reader, admin) = (server.of("reader"), server.of("admin"));
    with_both(&admin).await;
    let event = admin.get("/api/streams/a/events").await.json()["events"][0]["eventId"].clone();
    let read = [PolicyKind::Query, PolicyKind::Subscribe];
    let mut asked = 0;
    for rule in access_rules().iter().filter(|rule| rule.method == Method::GET) {
        if rule.kind.is_none_or(|kind| !read.contains(&kind)) || rule.path == "/api/events/stream" {
            continue;
        }
        let path = rule.path.replace("{eventId}", event.as_str().unwrap()).replace("{aggregateId}", "a");
        let path = path.replace("{name}", "Thinga").replace("{version}", "1").replace("{bundle}", "none");
        let answer = reader.get(&path.replace("{commandType}", "OpenAccount")).await;
        assert_ne!(answer.status, 403, "{path}");
        for stream in ["\"$decisions", "\"$schemas", "\"$policies", "\"$tokens"] {
            assert!(!String::from_utf8_lossy(&answer.body).contains(stream), "{stream} in the answer of {path}");
        }
        asked += 1;
    }
    assert!(asked > 30, "{asked} routes");
}

#[tokio::test]
async fn the_shipped_policy_lets_auditors_and_admins_see_the_streams_of_the_platform() {
    let server = Governed::start().await;
    with_both(&server.of("admin")).await;
    for role in ["reader", "writer", "operator", "auditor", "admin"] {
        let may = matches!(role, "auditor" | "admin");
        let http = server.of(role);
        let streams = http.get("/api/streams").await.json();
        assert_eq!(streams.to_string().contains("$schemas"), may, "{role}: {streams}");
        let events = http.get("/api/events?limit=1000").await.json();
        assert_eq!(events["events"].as_array().unwrap().iter().any(is_own), may, "{role}");
    }
    for role in ["reader", "writer", "operator", "auditor", "admin"] {
        for stream in ["$schemas", "%24schemas", "$policies", "$decisions", "$tokens"] {
            let answer = server.of(role).get(&format!("/api/streams/{stream}/events")).await;
            if matches!(role, "auditor" | "admin") {
                assert!(matches!(answer.status.as_u16(), 200 | 404), "{role} at {stream}: {answer:?}");
            } else {
                let problem = answer.problem(403, "POLICY_VIOLATION");
                assert_eq!(problem.errors[0].rule, "nexus.system-stream-read", "{role} at {stream}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_left_out_is_no_denial_on_record() {
    let server = Governed::start().await;
    let (reader, auditor) = (server.of("reader"), server.of("auditor"));
    with_both(&server.of("admin")).await;
    for path in ["/api/events", "/api/streams", "/api/events?before=0"] {
        assert_eq!(reader.get(path).await.status, 200, "{path}");
    }
    reader.get("/api/streams/$tokens/events").await.problem(403, "POLICY_VIOLATION");
    let begun = std::time::Instant::now();
    let denied = loop {
        let page = auditor.get("/api/policies/decisions?denied=true&after=0").await.json();
        let denied = page["decisions"].as_array().unwrap().clone();
        if !denied.is_empty() {
            break denied;
        }
        assert!(begun.elapsed().as_secs() < 10, "the denial was never written");
        // waits: for the task that writes denials once a second
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    // Denials of one second are written together: those of the lists would be among them.
    let told: Vec<_> =
        denied.iter().map(|one| (&one["decision"]["resource"]["id"], &one["decision"]["count"])).collect();
    assert_eq!(told, [(&json!("$tokens"), &json!(1))], "{denied:?}");
}
