use std::time::Duration;

use axum::http::Method;
use metrics_exporter_prometheus::PrometheusBuilder;
use nexus_api::Code;
use nexus_core::ports::{AppendError, ReadError};
use serde_json::json;

use crate::server::{Server, request};

#[tokio::test]
async fn liveness_depends_on_nothing() {
    let server = Server::start().await;
    *server.store.read_error.lock().unwrap() = Some(ReadError::Unavailable { reason: "gone".to_owned() });
    assert_eq!(server.get("/livez").await.status, 200);
}

#[tokio::test]
async fn readiness_lists_what_it_looked_at() {
    let server = Server::start().await;
    assert_eq!(server.get("/readyz").await.json(), json!({ "status": "ready" }));
    let verbose = server.get("/readyz?verbose").await.json();
    let names: Vec<_> = verbose["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
    assert_eq!(names, ["server", "log", "writes", "projection accounts"]);
}

#[tokio::test]
async fn readiness_says_why_not() {
    let server = Server::start().await;
    *server.store.read_error.lock().unwrap() = Some(ReadError::Unavailable { reason: "gone".to_owned() });
    let answer = server.get("/readyz").await;
    assert_eq!(answer.problem(503, "NOT_READY").errors[0].rule, "log");
    assert!(answer.headers.contains_key("retry-after"));
    *server.store.read_error.lock().unwrap() = None;

    let poison = AppendError::Poisoned { reason: "fsync failed on /etc/disk".to_owned() };
    *server.store.append_error.lock().unwrap() = Some(poison);
    let open = json!({ "aggregateId": "a", "owner": "Ann" });
    server.post("/api/commands/OpenAccount", &open).await.problem(503, "STORE_READ_ONLY");
    assert_eq!(server.get("/readyz").await.problem(503, "NOT_READY").errors[0].rule, "writes");
    // Only a restart makes a poisoned store whole again.
    *server.store.append_error.lock().unwrap() = None;
    server.open("a", "Ann").await;
    server.get("/readyz").await.problem(503, "NOT_READY");
}

#[tokio::test]
async fn a_store_that_was_full_is_ready_again_after_a_write() {
    let server = Server::start().await;
    *server.store.append_error.lock().unwrap() = Some(AppendError::ReadOnly { reason: "full".to_owned() });
    let open = json!({ "aggregateId": "a", "owner": "Ann" });
    server.post("/api/commands/OpenAccount", &open).await.problem(503, "STORE_READ_ONLY");
    server.get("/readyz").await.problem(503, "NOT_READY");
    *server.store.append_error.lock().unwrap() = None;
    server.open("a", "Ann").await;
    assert_eq!(server.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn readiness_ends_when_the_node_stops() {
    let server = Server::start().await;
    server.node.stopping().cancel();
    assert_eq!(server.get("/readyz").await.problem(503, "NOT_READY").errors[0].rule, "server");
}

#[tokio::test]
async fn the_version_says_what_runs_and_where_data_is() {
    let server = Server::start().await;
    let expected = json!({
        "service": "bank",
        "environment": "test",
        "version": "1.2.3",
        "storage": { "summary": "in memory", "kept": false },
    });
    assert_eq!(server.get("/version").await.json(), expected);
}

#[tokio::test]
async fn metrics_are_rendered_when_they_are_recorded() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || metrics::counter!("nexus_example_total").increment(3));
    let server = Server::configured(|config| config.metrics = Some(handle)).await;
    let answer = server.get("/metrics").await;
    assert!(answer.header("content-type").starts_with("text/plain"));
    assert!(std::str::from_utf8(&answer.body).unwrap().contains("nexus_example_total 3"));
    Server::start().await.get("/metrics").await.problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn without_an_anonymous_actor_nobody_gets_in() {
    let server = Server::configured(|config| config.anonymous_actor = None).await;
    for path in ["/api/commands", "/api/events", "/api/streams", "/api/queries/accounts", "/api/projections"] {
        let answer = server.get(path).await;
        answer.problem(401, "UNAUTHENTICATED");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let head = server.head();
    let open = json!({ "aggregateId": "a", "owner": "Ann" });
    server.post("/api/commands/OpenAccount", &open).await.problem(401, "UNAUTHENTICATED");
    assert_eq!(server.head(), head);
    assert_eq!(server.get("/livez").await.status, 200);
}

#[tokio::test]
async fn every_code_has_its_page() {
    let server = Server::start().await;
    for code in Code::ALL {
        let page = server.get(&format!("/docs/errors/{}", code.slug())).await;
        assert_eq!(page.status, 200, "{}", code.slug());
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(text.contains(&code.name()) && text.contains(&code.status().as_u16().to_string()), "{}", code.slug());
    }
    server.get("/docs/errors/no-such-code").await.problem(404, "NOT_FOUND");
    server.get("/docs/errors/..%2F..%2FCargo").await.problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_unknown_route_names_the_nearest_and_a_wrong_method_the_right_ones() {
    let server = Server::start().await;
    let problem = server.get("/api/projection").await.problem(404, "ROUTE_NOT_FOUND");
    assert!(problem.nearest.contains(&"/api/projections".to_owned()), "{problem:?}");
    let answer = server.send(request(Method::DELETE, "/api/streams/a/events", &[], "")).await;
    answer.problem(405, "METHOD_NOT_ALLOWED");
    let allowed = answer.header("allow");
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_with_504() {
    let server = Server::configured(|config| config.request_timeout = Duration::from_millis(50)).await;
    let never =
        axum::body::Body::from_stream(futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
    let answer = server.post_text("/api/commands/OpenAccount", &[], never).await;
    answer.problem(504, "REQUEST_TIMEOUT");
}

#[tokio::test]
async fn the_trace_id_is_the_conversation_the_client_named() {
    let server = Server::start().await;
    let answer = server.get_with("/api/events/x", &[("x-correlation-id", "conv-1")]).await;
    assert_eq!(answer.problem(400, "INVALID_PATH").trace_id, "conv-1");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}
