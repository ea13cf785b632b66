//! Upcasters that come with a schema over `/api/schemas`.

use serde_json::{Value, json};

use crate::server::{Answer, Server};

fn paid(member: &str) -> Value {
    json!({ "type": "object", "properties": { member: { "type": "integer" } }, "required": [member] })
}

fn renamed() -> Value {
    json!([{ "op": "rename", "from": "/cents", "to": "/minor" }])
}

async fn register(server: &Server, schema: Value, upcaster: Option<Value>) -> Answer {
    let mut body = json!({ "kind": "event", "name": "OrderPaid", "schema": schema });
    if let Some(upcaster) = upcaster {
        body["upcaster"] = upcaster;
    }
    server.post("/api/schemas", &body).await
}

async fn pay(server: &Server, id: &str, version: u32, payload: Value) -> Answer {
    let events = json!([{ "eventType": "OrderPaid", "schemaVersion": version, "payload": payload }]);
    let body = json!({ "aggregateType": "Order", "expectedVersion": "any", "events": events });
    server.post(&format!("/api/streams/{id}/events"), &body).await
}

/// A server with two payments of the first version.
async fn with_payments() -> Server {
    let server = Server::with_schemas().await;
    assert_eq!(register(&server, paid("cents"), None).await.status, 201);
    for (id, cents) in [("order-1", 1), ("order-2", 2)] {
        assert_eq!(pay(&server, id, 1, json!({ "cents": cents })).await.status, 201);
    }
    server
}

#[tokio::test]
async fn a_major_version_with_its_upcaster_is_registered_and_shown() {
    let server = with_payments().await;
    register(&server, paid("minor"), None).await.problem(409, "INCOMPATIBLE_SCHEMA");
    let registered = register(&server, paid("minor"), Some(renamed())).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    assert_eq!(registered.json()["semanticVersion"], "2.0.0");
    let shown = server.get("/api/schemas/OrderPaid/versions/2").await.json();
    assert_eq!(shown["upcaster"], json!({ "from": 1, "steps": renamed() }));
    assert!(server.get("/api/schemas/OrderPaid/versions/1").await.json().get("upcaster").is_none());
    assert_eq!(register(&server, paid("minor"), Some(renamed())).await.status, 200);
    assert_eq!(register(&server, paid("minor"), None).await.status, 200);
    let other = json!([{ "op": "default", "path": "/minor", "value": 0 }]);
    register(&server, paid("minor"), Some(other)).await.problem(409, "UPCASTER_REFUSED");
    // Both versions are written under.
    assert_eq!(pay(&server, "order-3", 1, json!({ "cents": 3 })).await.status, 201);
    assert_eq!(pay(&server, "order-4", 2, json!({ "minor": 4 })).await.status, 201);
}

#[tokio::test]
async fn the_first_stored_event_that_an_upcaster_fails_on_is_named() {
    let server = with_payments().await;
    let head = server.head();
    // A sample has 0 cents; the log alone has 2.
    let steps = json!([
        { "op": "map", "path": "/cents", "values": { "2": "two" }, "others": "keep" },
        { "op": "rename", "from": "/cents", "to": "/minor" },
    ]);
    let problem = register(&server, paid("minor"), Some(steps)).await.problem(409, "UPCASTER_REFUSED");
    let report = problem.report.clone().unwrap();
    assert_eq!((&report["events"], &report["failed"], &report["failedSample"]), (&json!(2), &json!(1), &Value::Null));
    let first = &report["first"];
    assert_eq!((&first["aggregateId"], &first["aggregateVersion"]), (&json!("order-2"), &json!(1)));
    assert_eq!((&first["pointer"], &first["schemaVersion"]), (&json!("/minor"), &json!(1)));
    assert_eq!((problem.errors[0].pointer.as_str(), problem.errors[0].rule.as_str()), ("/upcaster", "stored-event"));
    assert!(problem.errors[0].detail.contains("`order-2` at version 1"), "{problem:#?}");
    assert_eq!(server.head(), head);
}

#[tokio::test]
async fn an_upcaster_that_fails_on_a_sample_alone_is_refused_with_it() {
    let server = Server::with_schemas().await;
    register(&server, paid("cents"), None).await;
    let problem = register(&server, paid("minor"), Some(json!([]))).await.problem(409, "UPCASTER_REFUSED");
    let report = problem.report.unwrap();
    assert_eq!((&report["events"], &report["failedSample"]["schemaVersion"]), (&json!(0), &json!(1)));
    assert!(report["failedSample"]["payload"]["cents"].is_number(), "{report:#}");
}

#[tokio::test]
async fn what_is_no_upcaster_is_refused_with_its_place() {
    let server = with_payments().await;
    for (steps, place) in [
        (json!({}), "/upcaster"),
        (json!("rename"), "/upcaster"),
        (
            json!([{ "op": "rename", "from": "/a", "to": "/b" }, { "op": "renam", "from": "/a", "to": "/b" }]),
            "/upcaster/1",
        ),
        (json!([{ "op": "rename", "from": "/a", "too": "/b" }]), "/upcaster/0"),
        (json!([7]), "/upcaster/0"),
    ] {
        let problem = register(&server, paid("minor"), Some(steps)).await.problem(400, "VALIDATION_ERROR");
        assert_eq!(problem.errors[0].pointer, place, "{problem:#?}");
        assert!(!problem.errors[0].detail.contains(" line "), "{problem:#?}");
    }
    let first = json!({ "kind": "event", "name": "First", "schema": paid("a"), "upcaster": [] });
    server.post("/api/schemas", &first).await.problem(409, "UPCASTER_REFUSED");
    let command = json!({ "kind": "command", "name": "OpenAccount", "schema": paid("a"), "upcaster": [] });
    let refused = server.post("/api/schemas", &command).await;
    assert_eq!(refused.status, 409, "{refused:?}");
}

#[tokio::test]
async fn a_version_through_which_upcasters_lead_is_not_deleted_for_good_alone() {
    let server = with_payments().await;
    register(&server, paid("minor"), Some(renamed())).await;
    let delete =
        async |path: &str| server.send(crate::server::request(axum::http::Method::DELETE, path, &[], "")).await;
    assert_eq!(delete("/api/schemas/OrderPaid/versions/1").await.status, 204);
    delete("/api/schemas/OrderPaid/versions/1?permanent=true").await.problem(409, "SCHEMA_IN_USE");
}
