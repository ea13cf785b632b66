//! The schema registry through `/api/schemas`, over the real registry.

use axum::http::Method;
use serde_json::{Value, json};

use crate::server::{Answer, Server, request};

fn object(members: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": members, "required": required })
}

/// An event that says what was paid.
fn paid() -> Value {
    object(&json!({ "orderId": { "type": "string" }, "cents": { "type": "integer" } }), &["orderId"])
}

/// The same with a note that may be left out.
fn paid_with_note() -> Value {
    let members = json!({
        "orderId": { "type": "string" }, "cents": { "type": "integer" }, "note": { "type": "string" },
    });
    object(&members, &["orderId"])
}

/// The same with a note that must be there.
fn paid_only_with_note() -> Value {
    let mut schema = paid_with_note();
    schema["required"] = json!(["orderId", "note"]);
    schema
}

async fn register(server: &Server, name: &str, schema: &Value) -> Answer {
    server.post("/api/schemas", &json!({ "kind": "event", "name": name, "schema": schema })).await
}

async fn delete(server: &Server, path: &str) -> Answer {
    server.send(request(Method::DELETE, path, &[], "")).await
}

async fn pay(server: &Server, payload: &Value) -> Answer {
    let events = json!([{ "eventType": "OrderPaid", "payload": payload }]);
    let body = json!({ "aggregateType": "Order", "expectedVersion": "any", "events": events });
    server.post("/api/streams/order-1/events", &body).await
}

#[tokio::test]
async fn a_schema_is_registered_once_and_found_again() {
    let server = Server::with_schemas().await;
    let first = register(&server, "OrderPaid", &paid()).await;
    assert_eq!(first.status, 201, "{first:?}");
    let body = first.json();
    assert_eq!((&body["version"], &body["semanticVersion"]), (&json!(1), &json!("1.0.0")));
    let location = first.header("location").to_owned();
    let found = server.get(&location).await.json();
    assert_eq!((&found["id"], &found["schema"]), (&body["id"], &paid()));
    let again = register(&server, "OrderPaid", &paid()).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, body));
    let second = register(&server, "OrderPaid", &paid_with_note()).await.json();
    assert_eq!((&second["version"], &second["semanticVersion"]), (&json!(2), &json!("1.1.0")));
    let versions = server.get("/api/schemas/OrderPaid/versions").await.json();
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/api/schemas/OrderPaid/versions/1.1.0").await.json()["version"], 2);
}

#[tokio::test]
async fn a_registration_is_an_event_before_it_is_known() {
    let server = Server::with_schemas().await;
    let before = server.head();
    assert_eq!(register(&server, "OrderPaid", &paid()).await.status, 201);
    let events = server.get(&format!("/api/events?after={before}")).await.json();
    let event = &events["events"][0];
    assert_eq!((&event["eventType"], &event["aggregateId"]), (&json!("SchemaRegistered"), &json!("$schemas")));
    assert_eq!((&event["payload"]["name"], &event["metadata"]["userId"]), (&json!("OrderPaid"), &json!("anonymous")));
    assert_eq!(pay(&server, &json!({ "orderId": "1" })).await.status, 201);
    let unknown = pay(&server, &json!({ "orderId": "1", "note": "x" })).await;
    unknown.problem(400, "VALIDATION_ERROR");
    register(&server, "OrderPaid", &paid()).await;
    assert_eq!(server.head(), before + 2, "the same registration again stored something");
}

#[tokio::test]
async fn an_incompatible_schema_is_refused_with_the_whole_report() {
    let server = Server::with_schemas().await;
    register(&server, "OrderPaid", &paid()).await;
    let head = server.head();
    let refused = register(&server, "OrderPaid", &paid_only_with_note()).await;
    let problem = refused.problem(409, "INCOMPATIBLE_SCHEMA");
    assert!(problem.errors.iter().all(|error| error.fix.is_some()) && !problem.errors.is_empty(), "{problem:#?}");
    let report = problem.report.unwrap();
    assert_eq!((&report["compatible"], &report["requiredBump"]), (&json!(false), &json!("major")));
    let example = &report["violations"][0]["counterExample"];
    assert!(example["orderId"].is_string() && example.get("note").is_none(), "{report:#}");
    assert_eq!(server.head(), head);
    let asked = json!({ "schema": paid_only_with_note() });
    let verdict = server.post("/api/schemas/OrderPaid/compatibility", &asked).await.json();
    assert_eq!(verdict["violations"], report["violations"]);
}

#[tokio::test]
async fn compatibility_names_who_is_affected() {
    let server = Server::with_schemas().await;
    let asked = json!({ "schema": { "type": "object", "properties": { "amount": { "type": "string" } } } });
    let verdict = server.post("/api/schemas/MoneyDeposited/compatibility", &asked).await.json();
    assert_eq!(verdict["compatible"], false);
    let affected: Vec<_> = verdict["affected"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(affected, ["Account", "accounts"]);
    let unknown = server.post("/api/schemas/Nothing/compatibility", &asked).await.json();
    assert_eq!((&unknown["compatible"], &unknown["affected"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn a_version_smaller_than_the_computed_one_is_refused() {
    let server = Server::with_schemas().await;
    let with = |version: Value, schema: Value| json!({ "kind": "event", "name": "OrderPaid", "schema": schema, "version": version });
    assert_eq!(server.post("/api/schemas", &with(json!("1.0.0"), paid())).await.status, 201);
    for small in [json!("1.0.1"), json!("1.0.0"), json!(1), json!(3), json!("3")] {
        let refused = server.post("/api/schemas", &with(small, paid_with_note())).await;
        let problem = refused.problem(409, "SCHEMA_VERSION_REFUSED");
        assert!(problem.errors[0].fix.as_deref().unwrap().contains("1.1.0"), "{problem:#?}");
    }
    for bad in [json!("1.x"), json!(0), json!(-1), json!(1.5), json!(true), json!("")] {
        server.post("/api/schemas", &with(bad, paid_with_note())).await.problem(400, "VALIDATION_ERROR");
    }
    let higher = server.post("/api/schemas", &with(json!("1.4.0"), paid_with_note())).await;
    assert_eq!((higher.status.as_u16(), &higher.json()["semanticVersion"]), (201, &json!("1.4.0")));
    server.post("/api/schemas", &with(json!("1.0.0"), paid_with_note())).await.problem(409, "SCHEMA_VERSION_REFUSED");
}

#[tokio::test]
async fn a_weaker_mode_is_recorded_and_ends_by_itself() {
    let server = Server::with_schemas().await;
    register(&server, "OrderPaid", &paid()).await;
    let mode = json!({ "mode": "NONE", "reason": "nobody reads it yet" });
    let body = json!({
        "kind": "event", "name": "OrderPaid", "schema": paid_only_with_note(), "compatibility": mode,
    });
    let answer = server.post("/api/schemas", &body).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["semanticVersion"]), (201, &json!("2.0.0")), "{answer:?}");
    let subject = server.get("/api/schemas/OrderPaid").await.json();
    let rules = &subject["compatibility"];
    assert_eq!((&rules["mode"], &rules["source"]), (&json!("NONE"), &json!("subject")));
    assert_eq!(rules["reason"], "nobody reads it yet");
    assert!(rules["expiresAt"].is_string(), "{rules}");
    let stricter = json!({ "compatibility": "FULL_TRANSITIVE", "access": "read-only" });
    let answer = server
        .send(request(
            Method::PUT,
            "/api/schemas/OrderPaid/rules",
            &[("content-type", "application/json")],
            stricter.to_string(),
        ))
        .await
        .json();
    assert_eq!((&answer["access"], &answer["compatibility"]["mode"]), (&json!("read-only"), &json!("FULL_TRANSITIVE")));
    assert!(answer["compatibility"].get("expiresAt").is_none());
    register(&server, "OrderPaid", &paid_with_note()).await.problem(409, "SUBJECT_READ_ONLY");
}

#[tokio::test]
async fn references_lead_to_registered_schemas_and_hold_them() {
    let server = Server::with_schemas().await;
    let money = object(&json!({ "cents": { "type": "integer" } }), &["cents"]);
    register(&server, "Money", &money).await;
    let price = object(&json!({ "price": { "$ref": "money.json" } }), &["price"]);
    let link = json!([{ "name": "money.json", "subject": "Money", "version": 1 }]);
    let body =
        |references: &Value| json!({ "kind": "event", "name": "OrderPaid", "schema": price, "references": references });
    server.post("/api/schemas", &body(&json!([]))).await.problem(400, "VALIDATION_ERROR");
    let nowhere = json!([{ "name": "money.json", "subject": "Money", "version": 2 }]);
    server.post("/api/schemas", &body(&nowhere)).await.problem(400, "VALIDATION_ERROR");
    let answer = server.post("/api/schemas", &body(&link)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["references"][0]["subject"], "Money");
    assert_eq!(pay(&server, &json!({ "price": { "cents": 3 } })).await.status, 201);
    pay(&server, &json!({ "price": { "cents": "3" } })).await.problem(400, "VALIDATION_ERROR");
    pay(&server, &json!({ "price": { "cents": 3, "undeclared": 1 } })).await.problem(400, "VALIDATION_ERROR");
    let held = delete(&server, "/api/schemas/Money").await.problem(409, "SCHEMA_IN_USE");
    assert!(held.detail.contains("OrderPaid"), "{held:#?}");
}

#[tokio::test]
async fn what_stored_events_carry_is_not_deleted_for_good() {
    let server = Server::with_schemas().await;
    for schema in [paid(), paid_with_note()] {
        register(&server, "OrderPaid", &schema).await;
    }
    assert_eq!(pay(&server, &json!({ "orderId": "1" })).await.status, 201);
    assert_eq!(delete(&server, "/api/schemas/OrderPaid").await.status, 204);
    pay(&server, &json!({ "orderId": "1" })).await.problem(404, "UNKNOWN_EVENT_TYPE");
    assert_eq!(delete(&server, "/api/schemas/OrderPaid/versions/1?permanent=true").await.status, 204);
    let held = delete(&server, "/api/schemas/OrderPaid/versions/2?permanent=true").await;
    let problem = held.problem(409, "SCHEMA_IN_USE");
    assert!(problem.detail.contains("order-1"), "{problem:#?}");
    // The event under version 2 still has to be accepted by what follows.
    let refused = register(&server, "OrderPaid", &paid_only_with_note()).await.problem(409, "INCOMPATIBLE_SCHEMA");
    assert_eq!(refused.report.unwrap()["against"], json!([2]));
    let next = register(&server, "OrderPaid", &paid_with_note()).await.json();
    assert_eq!(next["version"], 3);
    delete(&server, "/api/schemas/MoneyDeposited").await.problem(409, "SCHEMA_IN_USE");
    delete(&server, "/api/schemas/SchemaRegistered").await.problem(409, "SCHEMA_IN_USE");
    register(&server, "SchemaRegistered", &json!(true)).await.problem(409, "SCHEMA_IN_USE");
}

#[tokio::test]
async fn usage_and_dry_runs_look_at_the_stored_events() {
    let server = Server::with_schemas().await;
    for id in ["a", "b"] {
        server.open(id, "Ann").await;
        server.deposit(id, 5).await;
    }
    let usage = server.get("/api/schemas/MoneyDeposited/usage").await.json();
    assert_eq!((&usage["events"], &usage["complete"]), (&json!(2), &json!(true)));
    assert_eq!((&usage["versions"][0]["version"], &usage["versions"][0]["events"]), (&json!(1), &json!(2)));
    let ask = |schema: Value| {
        let server = &server;
        async move { server.post("/api/schemas/MoneyDeposited/dry-run", &json!({ "schema": schema })).await.json() }
    };
    let fine = ask(object(&json!({ "amount": { "type": "integer" } }), &[])).await;
    assert_eq!((&fine["summary"], &fine["first"]), (&json!("0 of 2 stored events fail"), &Value::Null));
    let broken = ask(object(&json!({ "amount": { "type": "integer", "minimum": 6 } }), &[])).await;
    assert_eq!((&broken["failed"], &broken["complete"]), (&json!(2), &json!(true)));
    assert_eq!((&broken["first"]["aggregateId"], &broken["first"]["aggregateVersion"]), (&json!("a"), &json!(2)));
    assert_eq!(broken["first"]["violations"][0]["pointer"], "/amount");
    let none = server.get("/api/schemas/DepositMoney/usage").await.json();
    assert_eq!((&none["events"], &none["complete"]), (&json!(0), &json!(true)));
}

#[tokio::test]
async fn documents_are_validated_and_versions_compared() {
    let server = Server::with_schemas().await;
    for schema in [paid(), paid_with_note()] {
        register(&server, "OrderPaid", &schema).await;
    }
    let good = json!({ "orderId": "1", "note": "x" });
    let valid = server.post("/api/schemas/OrderPaid/validate", &good).await.json();
    assert_eq!((&valid["valid"], &valid["schema"]["version"]), (&json!(true), &json!(2)));
    let older = server.post("/api/schemas/OrderPaid/validate?version=1", &json!({ "document": good })).await.json();
    assert_eq!(older["valid"], false);
    assert!(older["violations"][0]["message"].as_str().unwrap().contains("note"), "{older:#}");
    let diff = server.get("/api/schemas/OrderPaid/diff?from=1&to=2").await.json();
    assert_eq!(diff["changes"][0]["kind"], "added", "{diff:#}");
    assert!(diff["changes"][0]["pointer"].as_str().unwrap().contains("note"), "{diff:#}");
    assert_eq!(server.get("/api/schemas/OrderPaid/diff").await.json(), diff);
}

#[tokio::test]
async fn the_registry_is_answered_as_of_any_position() {
    let server = Server::with_schemas().await;
    let before = server.head();
    register(&server, "OrderPaid", &paid()).await;
    let between = server.head();
    register(&server, "OrderPaid", &paid_with_note()).await;
    delete(&server, "/api/schemas/OrderPaid").await;
    server.get(&format!("/api/schemas/OrderPaid?position={before}")).await.problem(404, "UNKNOWN_SCHEMA");
    let then = server.get(&format!("/api/schemas/OrderPaid/versions/latest?position={between}")).await.json();
    assert_eq!((&then["version"], &then["schema"]), (&json!(1), &paid()));
    let now = server.get("/api/schemas/OrderPaid").await.json();
    assert_eq!(now["versions"][1]["deleted"], true);
    assert!(now.get("newest").is_none());
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let server = Server::with_schemas().await;
    for number in 0..5 {
        let body = json!({ "kind": "event", "name": format!("Page{number}"), "schema": paid(), "owner": "ann" });
        assert_eq!(server.post("/api/schemas", &body).await.status, 201);
    }
    let annotated = json!({ "type": "object", "x-nexus-owner": "bob", "x-nexus-path": "core" });
    let body = register(&server, "Page9", &annotated).await.json();
    assert_eq!((&body["owner"], &body["annotations"]["x-nexus-path"]), (&json!("bob"), &json!("core")));
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/schemas?prefix=Page&owner=ann&limit=2{cursor}")).await.json();
        let schemas = page["schemas"].as_array().unwrap();
        assert!(schemas.len() <= 2);
        names.extend(schemas.iter().map(|schema| schema["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["Page0", "Page1", "Page2", "Page3", "Page4"]);
    let forged = "/api/schemas?prefix=Other&cursor=bm9wZQ";
    server.get(forged).await.problem(400, "INVALID_CURSOR");
}

#[tokio::test]
async fn names_with_slashes_and_unicode_are_kept() {
    let server = Server::with_schemas().await;
    for (name, path) in
        [("orders/paid v1", "orders%2Fpaid%20v1"), ("Bestätigt-订单", "Best%C3%A4tigt-%E8%AE%A2%E5%8D%95")]
    {
        let answer = register(&server, name, &paid()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let found = server.get(&format!("/api/schemas/{path}/versions/1")).await.json();
        assert_eq!(found["name"], name);
        assert_eq!(server.get(answer.header("location")).await.json(), found);
    }
}

#[tokio::test]
async fn policy_decides_who_changes_the_registry() {
    let server = Server::with_schemas().await;
    let head = server.head();
    let body = json!({ "kind": "event", "name": "OrderPaid", "schema": paid() });
    let denied = server.post_with("/api/schemas", &[("x-client-id", "deny")], &body).await;
    let problem = denied.problem(403, "POLICY_VIOLATION");
    assert!(problem.decision_id.is_some());
    assert_eq!(server.head(), head);
    server.get("/api/schemas/OrderPaid").await.problem(404, "UNKNOWN_SCHEMA");
}

#[tokio::test]
async fn a_registration_that_was_not_stored_is_not_known() {
    let server = Server::with_schemas().await;
    let full = nexus_core::ports::AppendError::ReadOnly { reason: "disk full".to_owned() };
    *server.store.append_error.lock().unwrap() = Some(full);
    register(&server, "OrderPaid", &paid()).await.problem(503, "STORE_READ_ONLY");
    server.get("/api/schemas/OrderPaid").await.problem(404, "UNKNOWN_SCHEMA");
    *server.store.append_error.lock().unwrap() = None;
    assert_eq!(register(&server, "OrderPaid", &paid()).await.json()["version"], 1);
}

#[tokio::test]
async fn what_no_client_should_register_is_refused() {
    let server = Server::with_schemas().await;
    let head = server.head();
    let post = |text: String| {
        let server = &server;
        async move { server.post_text("/api/schemas", &[], text).await }
    };
    let with = |schema: &str| format!(r#"{{"kind":"event","name":"Bad","schema":{schema}}}"#);
    for (schema, code) in [
        (r#"{"$ref":"https://example.com/a.json"}"#, "VALIDATION_ERROR"),
        (r#"{"$ref":"file:///etc/passwd"}"#, "VALIDATION_ERROR"),
        (r##"{"$ref":"#"}"##, "VALIDATION_ERROR"),
        (r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}"##, "VALIDATION_ERROR"),
        (r#"{"type":"string","pattern":"(a{1000}){1000}"}"#, "VALIDATION_ERROR"),
        (r#"{"minimum":NaN}"#, "MALFORMED_JSON"),
        (r#"{"minimum":Infinity}"#, "MALFORMED_JSON"),
        (r#"{"type":"object","type":"string"}"#, "MALFORMED_JSON"),
        (r#"{"minimum":1e999}"#, "VALIDATION_ERROR"),
        ("7", "VALIDATION_ERROR"),
    ] {
        let answer = post(with(schema)).await;
        let problem: Value = answer.json();
        let codes = (problem["code"].as_str().unwrap(), answer.status.as_u16());
        assert!(codes.1 == 400 && (codes.0 == code || codes.0 == "MALFORMED_JSON"), "{schema}: {problem:#}");
    }
    let huge = format!(r#"{{"description":"{}"}}"#, "x".repeat(5 << 20));
    post(with(&huge)).await.problem(413, "BODY_TOO_LARGE");
    for body in [
        json!({ "name": "Bad", "schema": true }),
        json!({ "kind": "query", "name": "Bad", "schema": true }),
        json!({ "kind": "event", "name": "", "schema": true }),
        json!({ "kind": "event", "name": "a\u{0}b", "schema": true }),
        json!({ "kind": "event", "name": "x".repeat(256), "schema": true }),
        json!({ "kind": "event", "name": ":.commands:PlaceOrder", "schema": true }),
        json!({ "kind": "event", "name": "Bad", "schema": true, "compatibility": "SIDEWAYS" }),
        json!({ "kind": "event", "name": "Bad", "schema": true, "references": {} }),
        json!({ "kind": "event", "name": "Bad", "schema": true, "id": 7 }),
    ] {
        server.post("/api/schemas", &body).await.problem(400, "VALIDATION_ERROR");
    }
    assert_eq!(server.head(), head);
}

#[tokio::test]
async fn fifty_clients_registering_one_schema_get_one_id_and_fifty_different_ones_get_fifty_versions() {
    let server = Server::with_schemas().await;
    let schema = paid();
    let same = futures_util::future::join_all((0..50).map(|_| register(&server, "Same", &schema))).await;
    let ids: std::collections::BTreeSet<u64> =
        same.iter().map(|answer| answer.json()["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(same.iter().filter(|answer| answer.status == 201).count(), 1);
    let different = (0..50).map(|number| {
        let server = &server;
        async move {
            let schema = json!({ "type": "object", "description": format!("text {number}") });
            register(server, "Different", &schema).await.json()["version"].as_u64().unwrap()
        }
    });
    let mut versions = futures_util::future::join_all(different).await;
    versions.sort_unstable();
    assert_eq!(versions, (1..=50).collect::<Vec<_>>());
}
