//! Policies over HTTP, in a node whose policy is Rego.

use std::sync::Arc;

use axum::http::Method;
use nexus_api::{ApiConfig, BuildInfo, StorageInfo, router};
use nexus_core::{Actor, framework::AggregateDefinition};
use nexus_policy::{RegoPolicyCompiler, RegoPolicyEngine, shipped, with_shipped};
use nexus_runtime::{Catalogue, Node, NodeParts, PolicyBundle};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::fakes::{ManualClock, MemoryEventStore, MemoryIdempotencyIndex, MemoryReadStore, SequentialIds};
use serde_json::{Value, json};

use crate::{
    domain::Account,
    ports::SwitchStore,
    server::{Answer, Http, request},
};

/// One node, and a way to ask it for everybody.
pub(crate) struct Governed {
    pub(crate) node: Arc<Node>,
    store: SwitchStore,
}

impl Governed {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = SwitchStore::new(MemoryEventStore::new(clock.clone()));
        let node = Node::start(NodeParts {
            service: "bank".into(),
            environment: "test".into(),
            catalogue: Catalogue::new([AggregateDefinition::of::<Account>().unwrap()]).unwrap(),
            projections: Vec::new(),
            store: Arc::new(store.clone()),
            history: None,
            registry: Arc::new(JsonSchemaRegistry::new()),
            upcasters: Vec::new(),
            policy: Arc::new(RegoPolicyEngine::new(with_shipped([])).unwrap()),
            policy_compiler: Some(Arc::new(RegoPolicyCompiler)),
            policy_bundles: vec![PolicyBundle { name: "nexus".to_owned(), modules: shipped() }],
            policy_server: None,
            read_store: Arc::new(MemoryReadStore::default()),
            idempotency: Arc::new(MemoryIdempotencyIndex::default()),
            clock,
            ids: Arc::new(SequentialIds::default()),
        })
        .await
        .unwrap();
        Self { node: Arc::new(node), store }
    }

    /// The API as it answers an actor with one role, named like it.
    pub(crate) fn of(&self, role: &str) -> Http {
        let build = BuildInfo { version: "1.2.3".to_owned(), revision: None };
        let storage = StorageInfo { summary: "in memory".to_owned(), kept: false };
        let mut config = ApiConfig::new(build, storage, [7; 32]);
        config.anonymous_actor = Some(Actor::new(role.into(), vec![role.into()]));
        Http { router: router(Arc::clone(&self.node), config), node: Arc::clone(&self.node) }
    }
}

async fn put(http: &Http, bundle: &str, modules: &Value) -> Answer {
    let body = json!({ "modules": modules }).to_string();
    let headers = [("content-type", "application/json")];
    http.send(request(Method::PUT, &format!("/api/policies/{bundle}"), &headers, body)).await
}

fn rules(rules: &str) -> Value {
    json!([{ "name": "rules.rego", "source": format!("package nexus\n{rules}\n") }])
}

const LIMIT: &str = r#"deny contains {
    "id": "bank.limit", "message": "too much", "remediation": "pay less in", "severity": "error",
} if {
    input.action == "DepositMoney"
    input.payload.amount > 100
}"#;

#[tokio::test]
async fn a_bundle_is_pushed_shown_and_rolled_back() {
    let server = Governed::start().await;
    let (admin, writer) = (server.of("admin"), server.of("writer"));
    writer.open("a", "Ann").await;
    let pushed = put(&admin, "bank", &rules(LIMIT)).await;
    assert_eq!(pushed.status, 200, "{pushed:?}");
    let first = pushed.json();
    assert_eq!(
        (&first["name"], &first["author"], &first["origin"]),
        (&json!("bank"), &json!("admin"), &json!("pushed"))
    );
    let refused = writer.post("/api/commands/DepositMoney", &json!({ "aggregateId": "a", "amount": 101 })).await;
    let problem = refused.problem(403, "POLICY_VIOLATION");
    assert_eq!(
        (problem.errors[0].rule.as_str(), problem.errors[0].fix.as_deref()),
        ("bank.limit", Some("pay less in"))
    );

    let list = admin.get("/api/policies").await.json();
    let names: Vec<_> = list["bundles"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["bank", "nexus"]);
    let shown = admin.get("/api/policies/bank").await.json();
    assert!(shown["sources"][0]["source"].as_str().unwrap().contains("bank.limit"), "{shown}");
    assert_eq!(shown["sources"][0]["name"], "bank/rules.rego");

    assert_eq!(put(&admin, "bank", &rules("x := 1")).await.status, 200);
    writer.deposit("a", 101).await;
    let back = admin.post("/api/policies/bank/rollback", &json!({})).await;
    assert_eq!(back.status, 200, "{back:?}");
    let refused = writer.post("/api/commands/DepositMoney", &json!({ "aggregateId": "a", "amount": 101 })).await;
    refused.problem(403, "POLICY_VIOLATION");
    admin.post("/api/policies/bank/rollback", &json!({ "revision": 777 })).await.problem(404, "NOT_FOUND");
    admin.post("/api/policies/other/rollback", &json!({})).await.problem(404, "NOT_FOUND");
    admin.get("/api/policies/other").await.problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_bundle_is_refused_with_the_line_and_the_way_out() {
    let server = Governed::start().await;
    let admin = server.of("admin");
    let broken = put(&admin, "bank", &rules("allow if {")).await.problem(422, "POLICY_REFUSED");
    assert!(broken.detail.contains("bank/rules.rego:"), "{broken:?}");
    let failing = json!([{ "name": "t.rego", "source": "package bank_test\ntest_no if 1 == 2\n" }]);
    let failing = put(&admin, "bank", &failing).await.problem(422, "POLICY_REFUSED");
    assert!(failing.errors[0].detail.contains("bank_test.test_no (bank/t.rego:2)"), "{failing:?}");
    let locked = put(&admin, "bank", &rules("deny contains \"x\" if input.kind == \"admin\"")).await;
    let locked = locked.problem(422, "POLICY_REFUSED");
    assert_eq!(locked.errors[0].rule, "guard-rail");
    put(&admin, "B", &rules("x := 1")).await.problem(400, "INVALID_PATH");
    put(&admin, "bank", &json!([{ "name": "x" }])).await.problem(400, "VALIDATION_ERROR");
    for role in ["reader", "writer", "auditor"] {
        put(&server.of(role), "bank", &rules("x := 1")).await.problem(403, "POLICY_VIOLATION");
    }
}

#[tokio::test]
async fn a_request_is_judged_without_effect_and_explained() {
    let server = Governed::start().await;
    let admin = server.of("admin");
    put(&admin, "bank", &rules(LIMIT)).await;
    let question = json!({
        "kind": "command", "action": "DepositMoney", "resource": { "type": "Account", "id": "a" },
        "actor": { "id": "ann", "roles": ["writer"] }, "payload": { "amount": 500 },
        "schema": { "registered": true }, "context": { "environment": "production" },
    });
    let told = admin.post("/api/policies/evaluate?explain=true", &question).await.json();
    assert_eq!((&told["allowed"], &told["outcome"]), (&json!(false), &json!("denied")));
    assert_eq!(told["denials"][0]["id"], "bank.limit");
    let fired: Vec<_> = told["rules"].as_array().unwrap().iter().filter(|rule| rule["fired"] == true).collect();
    assert_eq!(fired.len(), 2, "{told}");
    assert!(fired.iter().any(|rule| rule["module"] == "bank/rules.rego" && rule["line"] == 2), "{told}");
    let lines = told["coverage"].as_array().unwrap().iter().find(|one| one["module"] == "bank/rules.rego").unwrap();
    assert_eq!(lines["uncovered"], json!([]));
    let mut less = question;
    less["payload"]["amount"] = json!(5);
    let told = admin.post("/api/policies/evaluate", &less).await.json();
    assert_eq!((&told["allowed"], told.get("rules")), (&json!(true), None));
    less["kind"] = json!("commando");
    admin.post("/api/policies/evaluate", &less).await.problem(400, "VALIDATION_ERROR");
    server.of("auditor").post("/api/policies/evaluate", &less).await.problem(403, "POLICY_VIOLATION");
}

#[tokio::test]
async fn the_data_api_answers_as_opa_does() {
    let server = Governed::start().await;
    let admin = server.of("admin");
    put(&admin, "bank", &rules(LIMIT)).await;
    let input = json!({ "input": { "kind": "command", "action": "DepositMoney", "payload": { "amount": 500 } } });
    let denied = admin.post("/opa/v1/data/nexus/deny", &input).await.json();
    let ids: Vec<_> = denied["result"].as_array().unwrap().iter().map(|denial| denial["id"].clone()).collect();
    assert_eq!(ids, ["bank.limit", "nexus.schema-unregistered"]);
    assert_eq!(denied["decision_id"].as_str().unwrap().len(), 36);
    let undefined = admin.post("/opa/v1/data/nexus/nothing", &input).await;
    assert_eq!((undefined.status.as_u16(), undefined.json().get("result")), (200, None));
    assert_eq!(admin.get("/opa/v1/data/nexus/allow").await.json()["result"], json!(false));
    let told = admin.get("/opa/v1/data/nexus/roles?provenance=true&metrics=true&pretty=true").await.json();
    assert!(told["result"]["looking_back"].as_array().unwrap().contains(&json!("auditor")));
    assert!(told["provenance"]["bundles"]["nexus"]["revision"].is_string(), "{told}");
    assert!(told["metrics"]["timer_rego_query_eval_ns"].is_u64());
    let with_input = "/opa/v1/data/nexus/allow?input=%7B%22kind%22%3A%22query%22%2C%22actor%22%3A%7B%22roles%22%3A%5B%22reader%22%5D%7D%7D";
    assert_eq!(admin.get(with_input).await.json()["result"], json!(true));
    assert!(admin.get("/opa/v1/data").await.json()["result"]["nexus"].is_object());
    admin.post("/opa/v1/data/nexus/%22%5D%3B%20data", &input).await.problem(400, "VALIDATION_ERROR");
    admin.post_text("/opa/v1/data/nexus", &[], "{").await.problem(400, "MALFORMED_JSON");
    for role in ["reader", "writer", "auditor"] {
        let asked = server.of(role);
        asked.get("/opa/v1/data").await.problem(403, "POLICY_VIOLATION");
        asked.post("/opa/v1/data/nexus/deny", &input).await.problem(403, "POLICY_VIOLATION");
    }
}

#[tokio::test]
async fn denials_and_privileged_reads_are_listed_and_followed() {
    let server = Governed::start().await;
    let (auditor, reader) = (server.of("auditor"), server.of("reader"));
    reader.post("/api/policies/evaluate", &json!({})).await.problem(403, "POLICY_VIOLATION");
    let before = server.node.head().get();
    let all = auditor.get("/api/policies/decisions").await.json();
    assert!(server.node.head().get() > before, "that the auditor reads is on record before the answer");
    let reads: Vec<_> = all["decisions"].as_array().unwrap().iter().map(|one| one["decision"].clone()).collect();
    let read = reads.iter().find(|one| one["action"] == "decisions.read").unwrap();
    assert_eq!((&read["outcome"], &read["actor"]["id"]), (&json!("allowed"), &json!("auditor")));
    let begun = std::time::Instant::now();
    let denied = loop {
        let page = auditor.get("/api/policies/decisions?denied=true&after=0").await.json();
        if let Some(first) = page["decisions"].as_array().unwrap().first() {
            break first.clone();
        }
        assert!(begun.elapsed().as_secs() < 10, "the denial was never written");
        // waits: for the task that writes denials once a second
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!((&denied["decision"]["outcome"], &denied["decision"]["kind"]), (&json!("undefined"), &json!("admin")));
    assert_eq!(denied["decision"]["actor"], json!({ "id": "reader", "roles": ["reader"] }));
    reader.get("/api/policies/decisions").await.problem(403, "POLICY_VIOLATION");
    let headers = [("accept", "text/event-stream")];
    let feed = auditor.respond(request(Method::GET, "/api/policies/decisions?after=0&denied=true", &headers, "")).await;
    assert_eq!(feed.headers()["content-type"], "text/event-stream");
    let mut data = feed.into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("DecisionRecorded") {
        let chunk = futures_util::StreamExt::next(&mut data).await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(text.contains("policies.evaluate") && !text.contains("decisions.read"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_answered() {
    let server = Governed::start().await;
    let gone = nexus_core::ports::AppendError::Unavailable { reason: "the disk is gone".to_owned() };
    *server.store.append_error.lock().unwrap() = Some(gone);
    let auditor = server.of("auditor");
    let problem = auditor.get("/api/policies/decisions").await.problem(503, "UNAVAILABLE");
    assert!(!problem.detail.is_empty());
    assert_eq!(auditor.get("/api/policies").await.status, 200, "other reads go on");
}
