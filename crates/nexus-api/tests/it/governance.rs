use serde_json::json;

use crate::{ports::SwitchPolicy, server::Server};

#[tokio::test]
async fn schemas_are_listed_and_read_by_version() {
    let server = Server::start().await;
    let all = server.get("/api/schemas").await.json();
    let events = server.get("/api/schemas?kind=event").await.json();
    let count = |body: &serde_json::Value| body["schemas"].as_array().unwrap().len();
    assert_eq!((count(&all), count(&events)), (16, 12));
    assert!(all["schemas"][0].get("schema").is_none());
    let one = server.get("/api/schemas/MoneyDeposited/versions/1").await.json();
    assert_eq!((&one["kind"], &one["version"]), (&json!("event"), &json!(1)));
    assert_eq!(one["schema"]["required"], json!(["amount"]));
    assert_eq!(one["digest"].as_str().unwrap().len(), 64);
    assert_eq!(server.get("/api/schemas/MoneyDeposited/versions/latest").await.json(), one);
    let command = server.get("/api/schemas/DepositMoney/versions/1").await.json();
    assert_eq!(command["kind"], "command");
}

#[tokio::test]
async fn an_unknown_schema_names_the_nearest() {
    let server = Server::start().await;
    let problem = server.get("/api/schemas/MoneyDeposit/versions/1").await.problem(404, "UNKNOWN_SCHEMA");
    assert_eq!(problem.nearest[0], "MoneyDeposited");
    server.get("/api/schemas/MoneyDeposited/versions/9").await.problem(404, "UNKNOWN_SCHEMA");
    for bad in ["v1", "-1", "0", "1.0.0.0", "999999999999"] {
        server.get(&format!("/api/schemas/MoneyDeposited/versions/{bad}")).await.problem(400, "INVALID_PATH");
    }
}

#[tokio::test]
async fn the_digest_of_a_fixed_policy_is_shown() {
    let server = Server::start().await;
    let body = server.get("/api/policies").await.json();
    assert_eq!(body["digest"], SwitchPolicy::DIGEST.to_string());
    assert_eq!(body["bundles"], json!([]), "the policy of this node cannot be replaced");
}

#[tokio::test]
async fn projections_show_how_far_they_are() {
    let server = Server::start().await;
    let head = server.open("a", "Ann").await.json()["position"].as_u64().unwrap();
    let wait = format!("/api/queries/accounts?consistentWith={head}");
    assert_eq!(server.get_with(&wait, &[("prefer", "wait=10")]).await.status, 200);
    let list = server.get("/api/projections").await.json();
    let one = server.get("/api/projections/accounts").await.json();
    assert_eq!(list["projections"][0]["name"], "accounts");
    assert_eq!((&one["checkpoint"], &one["head"]), (&json!(head), &json!(head)));
    assert_eq!((&one["lagEvents"], &one["lagSeconds"]), (&json!(0), &json!(0.0)));
    assert!(one["lastError"].is_null());
    assert_eq!(one["eventTypes"].as_array().unwrap().len(), 3);
    let health = server.get("/api/projections/accounts/health").await.json();
    assert_eq!((&health["healthy"], &health["status"]), (&json!(true), &json!("healthy")));
    server.get("/api/projections/nothing/health").await.problem(404, "UNKNOWN_RESOURCE");
}
