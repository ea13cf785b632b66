//! Tokens that the server issues, over HTTP.

use axum::http::Method;
use nexus_core::{Actor, Text};
use serde_json::{Value, json};

use crate::server::{Answer, Server, request};

const END: &str = "2027-01-01T00:00:00Z";

/// A server where anybody is somebody with these roles.
async fn as_somebody(roles: &'static [&'static str]) -> Server {
    Server::configured(move |config| {
        let roles = roles.iter().map(|role| Text::from_static(role)).collect();
        config.anonymous_actor = Some(Actor::new("ann".into(), roles));
    })
    .await
}

async fn create(server: &Server, body: Value) -> Answer {
    server.post("/api/tokens", &body).await
}

async fn revoke(server: &Server, id: &str) -> Answer {
    server.send(request(Method::DELETE, &format!("/api/tokens/{id}"), &[], "")).await
}

fn bearer(created: &Value) -> String {
    format!("Bearer {}", created["token"].as_str().unwrap())
}

#[tokio::test]
async fn a_token_is_told_once_and_opens_the_doors_until_it_is_revoked() {
    let server = Server::start().await;
    let body = json!({ "roles": ["writer"], "description": "the importer", "expiresAt": END });
    let answer = create(&server, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let created = answer.json();
    let id = created["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/api/tokens/{id}"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(created["actor"], format!("token:{id}"));
    assert_eq!((&created["roles"], &created["createdBy"]), (&json!(["writer"]), &json!("anonymous")));
    assert_eq!((&created["expiresAt"], &created["revokedAt"]), (&json!(END), &Value::Null));

    let header = bearer(&created);
    let headers = [("authorization", header.as_str())];
    let opened = json!({ "aggregateId": "a", "owner": "Ann" });
    assert_eq!(server.post_with("/api/commands/OpenAccount", &headers, &opened).await.status, 202);
    let stored = server.get("/api/streams/a/events").await.json();
    assert_eq!(stored["events"][0]["metadata"]["userId"], created["actor"]);

    let listed = server.get("/api/tokens").await;
    let secret = created["token"].as_str().unwrap().rsplit('_').next().unwrap().to_owned();
    assert!(!String::from_utf8_lossy(&listed.body).contains(&secret[..32]));
    assert_eq!(listed.json()["tokens"][0]["id"], created["id"]);

    let revoked = revoke(&server, id).await;
    assert_eq!((revoked.status.as_u16(), &revoked.json()["revokedBy"]), (200, &json!("anonymous")));
    server.get_with("/api/streams", &headers).await.problem(401, "UNAUTHENTICATED");
    assert_eq!(revoke(&server, id).await.json(), revoked.json());
}

#[tokio::test]
async fn a_token_gives_no_more_than_its_creator_holds() {
    let server = as_somebody(&["operator", "reader"]).await;
    let refused = create(&server, json!({ "roles": ["reader", "admin"], "expiresAt": END })).await;
    let problem = refused.problem(403, "POLICY_VIOLATION");
    assert_eq!(problem.errors[0].rule, "nexus.roles-not-held");
    assert!(problem.detail.contains("`admin`"));
    let created = create(&server, json!({ "roles": ["operator"], "expiresAt": END })).await.json();
    let by_token = [("authorization", &*bearer(&created))];
    let more = json!({ "roles": ["reader"], "expiresAt": END });
    server.post_with("/api/tokens", &by_token, &more).await.problem(403, "POLICY_VIOLATION");
    let admin = as_somebody(&["admin"]).await;
    assert_eq!(create(&admin, json!({ "roles": ["anything.else"], "expiresAt": END })).await.status, 201);
    create(&admin, json!({ "roles": ["system"], "expiresAt": END })).await.problem(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_token_without_an_end_must_be_asked_for() {
    let server = Server::start().await;
    create(&server, json!({ "roles": ["reader"] })).await.problem(400, "VALIDATION_ERROR");
    let created = create(&server, json!({ "roles": ["reader"], "expiresAt": null })).await;
    assert_eq!((created.status.as_u16(), &created.json()["expiresAt"]), (201, &Value::Null));
    for (member, body) in [
        ("/expiresAt", json!({ "roles": ["reader"], "expiresAt": "soon" })),
        ("/expiresAt", json!({ "roles": ["reader"], "expiresAt": "2020-01-01T00:00:00Z" })),
        ("/expiresAt", json!({ "roles": ["reader"], "expiresAt": 3600 })),
        ("/roles", json!({ "expiresAt": END })),
        ("/roles", json!({ "roles": [], "expiresAt": END })),
        ("/roles/0", json!({ "roles": [7], "expiresAt": END })),
        ("/description", json!({ "roles": ["reader"], "expiresAt": END, "description": "a\nb" })),
        ("/role", json!({ "roles": ["reader"], "expiresAt": END, "role": "admin" })),
    ] {
        let problem = create(&server, body).await.problem(400, "VALIDATION_ERROR");
        assert_eq!(problem.errors[0].pointer, member, "{problem:?}");
    }
    revoke(&server, "0123456789abcdef").await.problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn tokens_of_the_server_can_be_switched_off() {
    let server = Server::configured(|config| config.api_tokens = false).await;
    let created = create(&server, json!({ "roles": ["reader"], "expiresAt": END })).await.json();
    let answer = server.get_with("/api/streams", &[("authorization", &bearer(&created))]).await;
    answer.problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_token_that_was_not_stored_is_not_known() {
    let server = Server::start().await;
    *server.store.append_error.lock().unwrap() =
        Some(nexus_core::ports::AppendError::ReadOnly { reason: "no room".to_owned() });
    create(&server, json!({ "roles": ["reader"], "expiresAt": END })).await.problem(503, "STORE_READ_ONLY");
    assert_eq!(server.get("/api/tokens").await.json()["tokens"], json!([]));
}

#[tokio::test]
async fn nobody_writes_to_the_stream_of_the_tokens() {
    let server = Server::start().await;
    let created = create(&server, json!({ "roles": ["reader"], "expiresAt": END })).await.json();
    let event = json!({ "eventType": "ApiTokenRevoked", "payload": { "id": created["id"] } });
    let body = json!({ "aggregateType": "TokenSet", "expectedVersion": "any", "events": [event] });
    let answer = server.post("/api/streams/$tokens/events", &body).await;
    answer.problem(403, "RESERVED_STREAM");
}
