//! The schema registry of a real server, across restarts and kills.

use std::path::Path;

use nexus_e2e::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

fn members(names: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    json!({ "type": "object", "properties": properties })
}

#[test]
fn what_was_registered_configured_and_deleted_is_there_again_after_a_kill() {
    let dir = TempDir::new().unwrap();
    let server = Server::kept(dir.path());
    let http = server.http();
    let register = |name: &str, names: &[&str]| {
        let body = json!({ "kind": "event", "name": name, "schema": members(names), "owner": "ann" });
        let answer = http.post("/api/schemas", &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
    };
    register("Kept", &["a"]);
    register("Kept", &["a", "b"]);
    register("Gone", &["a"]);
    let rules = json!({ "compatibility": { "mode": "NONE", "reason": "a trial" } }).to_string();
    assert_eq!(http.request("PUT", "/api/schemas/Kept/rules", &[], Some(rules.as_bytes())).status, 200);
    for path in ["/api/schemas/Kept/versions/1", "/api/schemas/Gone", "/api/schemas/Gone?permanent=true"] {
        let answer = http.request("DELETE", path, &[], None);
        assert_eq!(answer.status, 204, "{path}: {}", answer.body);
    }
    let seen = |http: &nexus_e2e::Http| {
        let paths = ["/api/schemas?deleted=true", "/api/schemas/Kept", "/registry/subjects/Kept/versions/2"];
        paths.map(|path| http.get(path).body)
    };
    let before = seen(&http);
    assert_eq!(before[1]["versions"][0]["deleted"], true);
    server.kill();
    let server = Server::kept(dir.path());
    assert_eq!(seen(&server.http()), before);
    assert_eq!(server.http().get("/api/schemas/Gone").status, 404);
}

#[test]
fn schemas_that_no_client_should_send_are_refused_and_the_server_goes_on() {
    let server = Server::dev(&[]);
    let http = server.http();
    let head = http.head();
    let huge = json!({ "kind": "event", "name": "Huge", "schema": { "description": "x".repeat(5 << 20) } }).to_string();
    // It is refused unread, so the answer may be lost with the connection.
    let answer = http.try_request("POST", "/api/schemas", &[], Some(huge.as_bytes()));
    assert!(answer.is_none_or(|answer| answer.status == 413));
    assert_eq!(http.get("/livez").status, 200);
    let mut deep = json!(true);
    for _ in 0..100 {
        deep = json!({ "not": deep });
    }
    let doubled: serde_json::Map<String, Value> = (0..40)
        .map(|level| {
            let next = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
            (format!("d{level}"), json!({ "allOf": [next, next] }))
        })
        .chain([("d40".to_owned(), json!(true))])
        .collect();
    for schema in [
        deep,
        json!({ "$ref": "#/$defs/d0", "$defs": doubled }),
        json!({ "type": "string", "pattern": "(a{500}){500}" }),
        json!({ "$ref": "http://127.0.0.1:1/a.json" }),
        json!({ "$ref": "file:///etc/passwd" }),
    ] {
        let answer = http.post("/api/schemas", &json!({ "kind": "event", "name": "Bad", "schema": schema }));
        assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR"), "{}", answer.body);
        assert!(!answer.body.to_string().contains("root:"), "{}", answer.body);
    }
    let recursive = json!({ "type": "object", "properties": { "child": { "$ref": "#" } } });
    for _ in 0..2 {
        let answer = http.post("/api/schemas", &json!({ "kind": "event", "name": "Tree", "schema": recursive }));
        assert!(answer.status < 300, "{}", answer.body);
    }
    assert_eq!(http.head(), head + 1);
}

/// Runs the command line against a server; answers its exit code and what it said.
fn register(server: &Server, dir: &Path, upcaster: &Value) -> (Option<i32>, String) {
    let schema = json!({ "type": "object", "properties": { "minor": { "type": "integer" } }, "required": ["minor"] });
    let files = [("paid.json", &schema), ("paid.upcast.json", upcaster)];
    let paths = files.map(|(name, content)| {
        let path = dir.join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        path.display().to_string()
    });
    let [schema, steps] = &paths;
    let finished = server.cli(&["schema", "register", "OrderPaid", schema, "--upcaster", steps]);
    (finished.code, [finished.stdout, finished.stderr].concat())
}

#[test]
fn a_breaking_version_of_a_foreign_writer_goes_through_with_an_upcaster_that_holds_and_stays_after_a_kill() {
    let (dir, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::kept(dir.path());
    let http = server.http();
    let schema = json!({ "type": "object", "properties": { "cents": { "type": "integer" } }, "required": ["cents"] });
    let body = json!({ "kind": "event", "name": "OrderPaid", "schema": schema });
    assert_eq!(http.post("/api/schemas", &body).status, 201);
    let pay = |http: &nexus_e2e::Http, id: &str, version: u32, payload: Value| {
        let events = json!([{ "eventType": "OrderPaid", "schemaVersion": version, "payload": payload }]);
        let body = json!({ "aggregateType": "Payment", "expectedVersion": "any", "events": events });
        http.post(&format!("/api/streams/{id}/events"), &body)
    };
    for (id, cents) in [("payment-1", 1), ("payment-2", 250)] {
        assert_eq!(pay(&http, id, 1, json!({ "cents": cents })).status, 201);
    }
    let head = http.head();
    let wrong = json!([
        { "op": "map", "path": "/cents", "values": { "250": null }, "others": "keep" },
        { "op": "rename", "from": "/cents", "to": "/minor" },
    ]);
    let (code, said) = register(&server, files.path(), &wrong);
    assert_eq!((code, http.head()), (Some(4), head), "{said}");
    assert!(said.contains("UPCASTER_REFUSED") && said.contains("`payment-2` at version 1"), "{said}");

    let right = json!([{ "op": "rename", "from": "/cents", "to": "/minor" }]);
    let (code, said) = register(&server, files.path(), &right);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("version 2"), "{said}");
    assert_eq!(pay(&http, "payment-3", 1, json!({ "cents": 3 })).status, 201, "an append under the earlier version");
    assert_eq!(pay(&http, "payment-4", 2, json!({ "minor": 4 })).status, 201);
    server.kill();
    let server = Server::kept(dir.path());
    let shown = server.http().get("/api/schemas/OrderPaid/versions/2").body;
    assert_eq!(shown["upcaster"], json!({ "from": 1, "steps": right }));
    assert_eq!(pay(&server.http(), "payment-5", 1, json!({ "cents": 5 })).status, 201);
    let (code, said) = register(&server, files.path(), &right);
    assert_eq!(code, Some(0), "the same again: {said}");
}
