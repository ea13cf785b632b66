//! Over our own `/registry`, served from memory.

use std::sync::Arc;

use nexus_api::{ApiConfig, BuildInfo, StorageInfo, router};
use nexus_core::ports::{SchemaKind, SchemaRefusal, SchemaRegistry};
use nexus_registry_confluent::{ConfluentSchemaRegistry, RemoteOptions};
use nexus_runtime::{Catalogue, Node, NodeParts};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::{
    fakes::{FixedPolicy, ManualClock, MemoryEventStore, MemoryIdempotencyIndex, MemoryReadStore, SequentialIds},
    fixture::json_text,
};
use serde_json::{Value, json};

/// A whole node behind HTTP, and a registry that asks it.
pub(crate) struct Facade {
    pub(crate) registry: Arc<ConfluentSchemaRegistry>,
    url: String,
}

impl Facade {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(ManualClock::default());
        let parts = NodeParts {
            service: "remote".into(),
            environment: "test".into(),
            catalogue: Catalogue::new([]).unwrap(),
            projections: Vec::new(),
            store: Arc::new(MemoryEventStore::new(clock.clone())),
            history: None,
            registry: Arc::new(JsonSchemaRegistry::new()),
            upcasters: Vec::new(),
            policy: Arc::new(FixedPolicy::allow()),
            policy_compiler: None,
            policy_bundles: Vec::new(),
            policy_server: None,
            read_store: Arc::new(MemoryReadStore::default()),
            idempotency: Arc::new(MemoryIdempotencyIndex::default()),
            clock,
            ids: Arc::new(SequentialIds::default()),
        };
        let node = Arc::new(Node::start(parts).await.unwrap());
        let build = BuildInfo { version: "1.2.3".to_owned(), revision: None };
        let storage = StorageInfo { summary: "in memory".to_owned(), kept: false };
        let mut config = ApiConfig::new(build, storage, [7; 32]);
        config.anonymous_actor = Some(ApiConfig::development_actor());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/registry", listener.local_addr().unwrap());
        let app = router(node, config);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let own = Arc::new(JsonSchemaRegistry::new());
        let registry = Arc::new(ConfluentSchemaRegistry::over(own, RemoteOptions::new(&url)).unwrap());
        Self { registry, url }
    }

    async fn register(&self, subject: &str, schema: &Value, references: Value) {
        let body = json!({ "schemaType": "JSON", "schema": schema.to_string(), "references": references });
        let client = reqwest::Client::new();
        let url = format!("{}/subjects/{subject}/versions", self.url);
        let answer = client.post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

fn object(members: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        members.iter().map(|name| ((*name).to_owned(), json!({ "type": "integer" }))).collect();
    json!({ "type": "object", "properties": properties })
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_the_other_registry_are_resolved_and_checked_as_they_are_there() {
    let facade = Facade::start().await;
    facade.register("OrderPaid", &object(&["cents"]), json!([])).await;
    facade.register("OrderPaid", &object(&["cents", "tax"]), json!([])).await;
    let registry = &facade.registry;
    let newest = registry.resolve(SchemaKind::Event, "OrderPaid", None).await.unwrap();
    assert_eq!((newest.version, newest.name.as_str()), (2, "OrderPaid"));
    assert!(newest.id >= 1 << 31, "an id from elsewhere looks like one of ours: {}", newest.id);
    let check = |version, text| registry.check(SchemaKind::Event, "OrderPaid", version, &json_text(text));
    assert_eq!(check(None, r#"{"cents":1,"tax":2}"#).unwrap(), newest);
    let undeclared = check(None, r#"{"cents":1,"colour":3}"#).unwrap_err();
    assert!(matches!(undeclared, SchemaRefusal::Invalid { .. }), "{undeclared}");

    registry.resolve(SchemaKind::Event, "OrderPaid", Some(1)).await.unwrap();
    assert!(check(Some(1), r#"{"cents":1}"#).is_ok());
    let later = check(Some(1), r#"{"cents":1,"tax":2}"#).unwrap_err();
    assert!(matches!(later, SchemaRefusal::Invalid { .. }), "{later}");
    assert!(registry.resolve(SchemaKind::Event, "OrderPaid", Some(9)).await.is_err());
    let missing = check(Some(9), "{}").unwrap_err();
    assert!(matches!(missing, SchemaRefusal::UnknownVersion { version: 9, newest: 2, .. }), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_fetched_with_what_refers_to_them() {
    let facade = Facade::start().await;
    facade.register("Money", &object(&["cents"]), json!([])).await;
    let order = json!({
        "type": "object",
        "properties": { "price": { "$ref": "money.json" } },
        "required": ["price"],
    });
    let references = json!([{ "name": "money.json", "subject": "Money", "version": 1 }]);
    facade.register("OrderPriced", &order, references).await;
    facade.registry.resolve(SchemaKind::Event, "OrderPriced", None).await.unwrap();
    let check = |text| facade.registry.check(SchemaKind::Event, "OrderPriced", None, &json_text(text));
    assert!(check(r#"{"price":{"cents":5}}"#).is_ok());
    assert!(check(r#"{"price":{"cents":"five"}}"#).is_err());
    let names: Vec<String> = facade.registry.list().into_iter().map(|document| document.reference.name).collect();
    assert_eq!(names, ["OrderPriced"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_found_where_nexus_shows_them_to_such_clients() {
    let facade = Facade::start().await;
    facade.register(":.commands:PayOrder", &object(&["cents"]), json!([])).await;
    let found = facade.registry.resolve(SchemaKind::Command, "PayOrder", None).await.unwrap();
    assert_eq!((found.kind, found.version), (SchemaKind::Command, 1));
    assert!(facade.registry.resolve(SchemaKind::Event, "PayOrder", None).await.is_err());
}
