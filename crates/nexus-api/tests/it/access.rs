//! Every door asks: who, how often, and whether the policy allows it.

use std::num::NonZeroU32;

use axum::http::Method;
use nexus_api::{AccessRule, RateLimit, RateLimits, access_rules};
use nexus_core::ports::PolicyKind;
use serde_json::json;

use crate::server::{Server, request};

/// A path that the route matches.
fn concrete(path: &str) -> String {
    let segment = |segment: &str| match segment {
        "{resourceType}" => "accounts".to_owned(),
        "{version}" => "1".to_owned(),
        parameter if parameter.starts_with('{') => "x".to_owned(),
        other => other.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

async fn ask(server: &Server, rule: &AccessRule, headers: &[(&str, &str)]) -> u16 {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    server.respond(request(rule.method.clone(), &concrete(&rule.path), &all, "{}")).await.status().as_u16()
}

#[tokio::test]
async fn without_credentials_nothing_but_the_public_routes_answers() {
    let server = Server::configured(|config| config.anonymous_actor = None).await;
    let rules = access_rules();
    assert!(rules.len() > 60, "only {} routes", rules.len());
    for rule in &rules {
        let status = ask(&server, rule, &[]).await;
        assert_eq!(status == 401, rule.kind.is_some(), "{status} at {} {}", rule.method, rule.path);
    }
    let public = rules.iter().filter(|rule| rule.kind.is_none()).map(|rule| rule.path.as_str());
    let expected = ["/", "/assets/{file}", "/docs/errors/{code}", "/livez", "/openapi.json", "/readyz"];
    assert_eq!(public.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn every_door_asks_the_policy_before_its_handler_runs() {
    let server = Server::start().await;
    for verdict in ["deny", "undefined", "failed"] {
        for rule in access_rules().iter().filter(|rule| rule.action.is_some()) {
            let status = ask(&server, rule, &[("x-client-id", verdict)]).await;
            assert_eq!(status, 403, "{verdict} at {} {}", rule.method, rule.path);
        }
    }
    let refused = server.get_with("/api/streams", &[("x-client-id", "deny")]).await;
    let problem = refused.problem(403, "POLICY_VIOLATION");
    assert!(problem.decision_id.is_some());
    assert_eq!(problem.errors[0].rule, "accounts.frozen");
    assert_eq!(problem.errors[0].fix.as_deref(), Some("ask the bank to thaw it"));
}

#[tokio::test]
async fn an_allowed_read_names_its_decision() {
    let server = Server::start().await;
    let answer = server.get("/api/streams").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("nexus-decision-id").len(), 36);
}

#[tokio::test]
async fn a_head_request_asks_what_its_get_asks() {
    let server = Server::start().await;
    for path in ["/api/streams", "/api/queries/accounts", "/registry/subjects"] {
        let denied = request(Method::HEAD, path, &[("x-client-id", "deny")], "");
        assert_eq!(server.respond(denied).await.status(), 403, "{path}");
        assert_eq!(server.respond(request(Method::HEAD, path, &[], "")).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn no_spelling_of_a_request_goes_round_the_guard() {
    let server = Server::start().await;
    let deny = ("x-client-id", "deny");
    let overriding = [deny, ("x-http-method-override", "OPTIONS"), ("x-original-url", "/livez")];
    for path in
        ["/api/%73treams", "/api/streams?x-http-method-override=OPTIONS", "/API/STREAMS", "/livez/../api/streams"]
    {
        let status = server.get_with(path, &overriding).await.status;
        assert!(status == 403 || status == 404, "{status} at {path}");
    }
    for method in [Method::OPTIONS, Method::PATCH, Method::TRACE] {
        let answer = server.send(request(method, "/api/streams", &[deny], "")).await;
        answer.problem(405, "METHOD_NOT_ALLOWED");
        assert!(answer.header("allow").contains("GET"));
    }
    let twice = [("x-client-id", "app"), deny];
    server.get_with("/api/streams", &twice).await.problem(400, "INVALID_HEADER");
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_again() {
    let server = Server::configured(|config| {
        config.rate_limits = RateLimits { queries: RateLimit { per_minute: NonZeroU32::new(2) }, ..RateLimits::NONE };
    })
    .await;
    for left in ["1", "0"] {
        let answer = server.get("/api/queries/accounts").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"queries\";q=2;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"queries\";r={left};")), "{answer:?}");
    }
    let forged = [("x-forwarded-for", "10.9.8.7"), ("forwarded", "for=10.9.8.7"), ("x-client-id", "somebody-else")];
    let answer = server.get_with("/api/queries/accounts/x", &forged).await;
    let problem = answer.problem(429, "RATE_LIMITED");
    assert!(problem.retry_after.is_some_and(|seconds| (1..=30).contains(&seconds)), "{problem:?}");
    assert_eq!(answer.header("retry-after"), problem.retry_after.unwrap().to_string());
    assert_eq!(server.get("/api/streams").await.status, 200, "other routes are not limited");
}

#[tokio::test]
async fn the_document_says_what_each_operation_asks() {
    let document = Server::start().await.get("/openapi.json").await.json();
    for rule in
        access_rules().iter().filter(|rule| !rule.path.starts_with("/registry") && !rule.path.starts_with("/opa"))
    {
        let operation = &document["paths"][&rule.path][rule.method.as_str().to_lowercase()];
        let told = operation["x-nexus-access"]["kind"].as_str();
        assert_eq!(told, rule.kind.map(PolicyKind::as_str), "{} {}", rule.method, rule.path);
        assert_eq!(operation["x-nexus-access"]["action"].as_str(), rule.action);
        let wanted = if rule.kind.is_some() { json!([{ "token": [] }]) } else { json!([]) };
        assert_eq!(operation["security"], wanted, "{} {}", rule.method, rule.path);
    }
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
}
