use std::collections::HashSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::server::{Server, request};

/// The paths of the contract that are served so far.
const CONTRACT: &[(&str, &str)] = &[
    ("post", "/api/commands/{commandType}"),
    ("get", "/api/commands"),
    ("get", "/api/commands/{commandType}"),
    ("post", "/api/streams/{aggregateId}/events"),
    ("post", "/api/append"),
    ("get", "/api/streams"),
    ("get", "/api/streams/{aggregateId}/events"),
    ("get", "/api/events"),
    ("get", "/api/events/{eventId}"),
    ("get", "/api/events/{eventId}/causation"),
    ("get", "/api/events/stream"),
    ("get", "/api/queries/{resourceType}"),
    ("get", "/api/queries/{resourceType}/{id}"),
    ("get", "/api/schemas"),
    ("post", "/api/schemas"),
    ("get", "/api/schemas/{name}/versions/{version}"),
    ("post", "/api/schemas/{name}/compatibility"),
    ("get", "/api/schemas/{name}/diff"),
    ("post", "/api/schemas/{name}/validate"),
    ("get", "/api/policies"),
    ("put", "/api/policies/{bundle}"),
    ("post", "/api/policies/{bundle}/rollback"),
    ("post", "/api/policies/evaluate"),
    ("get", "/api/policies/decisions"),
    ("get", "/api/log/head"),
    ("get", "/api/log/heads"),
    ("get", "/api/log/proofs/inclusion"),
    ("get", "/api/log/proofs/consistency"),
    ("get", "/api/log/key"),
    ("get", "/api/projections"),
    ("get", "/api/projections/{name}"),
    ("get", "/api/projections/{name}/health"),
    ("get", "/livez"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/version"),
    ("get", "/openapi.json"),
    ("get", "/"),
];

/// Method, path and operation of everything in the document.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, item): (&String, &Value)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(|(method, operation)| (method.clone(), path.clone(), operation.clone())).collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}

#[tokio::test]
async fn the_document_is_openapi_3_1_with_unique_operation_ids() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Nexus");
    assert!(document["info"]["version"].is_string());
    let mut ids = HashSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operation id"));
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        assert!(operation["summary"].is_string(), "{method} {path} is not described");
        let responses = operation["responses"].as_object().unwrap();
        let problem = &responses["default"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/ProblemBody", "{method} {path}");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        check_parameters(&path, &operation);
    }
}

/// Every variable of the path is a required parameter, and nothing else claims to be in the path.
fn check_parameters(path: &str, operation: &Value) {
    let variables: HashSet<&str> =
        path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
    let declared: HashSet<&str> = in_path
        .inspect(|parameter| assert_eq!(parameter["required"], true, "{path}"))
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(declared, variables, "{path}");
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let document = json!(nexus_api::openapi());
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    assert!(document.pointer(target.strip_prefix('#').unwrap()).is_some(), "{target}");
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_contract_is_in_the_document() {
    let document = json!(nexus_api::openapi());
    let listed: HashSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    for (method, path) in CONTRACT {
        assert!(listed.contains(&((*method).to_owned(), (*path).to_owned())), "{method} {path}");
    }
}

#[tokio::test]
async fn what_the_document_lists_is_served() {
    let server = Server::start().await;
    for (method, path, _) in operations(&json!(nexus_api::openapi())) {
        if path == "/api/events/stream" {
            continue; // does not end; the feed has tests of its own
        }
        let concrete = path.replace(['{', '}'], "");
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
        let answer = server.send(request(method.clone(), &concrete, &[], "")).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains("ROUTE_NOT_FOUND") && answer.status != 405, "{method} {path}: {text}");
    }
}
