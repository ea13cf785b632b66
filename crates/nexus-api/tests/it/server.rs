//! One whole API over a node in memory, and requests to it without a socket.

use std::{ops::Deref, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode},
    response::Response,
};
use http_body_util::BodyExt;
use nexus_api::{ApiConfig, BuildInfo, ProblemBody, StorageInfo, router};
use nexus_core::{
    framework::{AggregateDefinition, Projection},
    ports::SubjectRegistry,
};
use nexus_runtime::{Catalogue, Node, NodeParts};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::fakes::{
    ManualClock, MemoryEventStore, MemoryIdempotencyIndex, MemoryReadStore, MemorySubjects, SequentialIds,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    domain::{Account, AccountRow},
    ports::{SmallRegistry, SwitchPolicy, SwitchStore},
};

/// One node behind its API.
pub(crate) struct Http {
    pub(crate) router: Router,
    pub(crate) node: Arc<Node>,
}

/// The node of a small bank, whose ports fail when told to.
pub(crate) struct Server {
    http: Http,
    pub(crate) store: SwitchStore,
    pub(crate) clock: Arc<ManualClock>,
}

impl Deref for Server {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::configured(|_| {}).await
    }

    /// One whose schemas are those of JSON Schema.
    pub(crate) async fn with_schemas() -> Self {
        Self::over(Arc::new(JsonSchemaRegistry::new()), |_| {}).await
    }

    pub(crate) async fn configured(change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::over(Arc::new(MemorySubjects::over(Arc::new(SmallRegistry::default()))), change).await
    }

    async fn over(registry: Arc<dyn SubjectRegistry>, change: impl FnOnce(&mut ApiConfig)) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = SwitchStore::new(MemoryEventStore::new(clock.clone()));
        let parts = NodeParts {
            service: "bank".into(),
            environment: "test".into(),
            catalogue: Catalogue::new([AggregateDefinition::of::<Account>().unwrap()]).unwrap(),
            projections: vec![Projection::of::<AccountRow>()],
            store: Arc::new(store.clone()),
            history: None,
            registry,
            upcasters: Vec::new(),
            policy: Arc::new(SwitchPolicy),
            policy_compiler: None,
            policy_bundles: Vec::new(),
            policy_server: None,
            read_store: Arc::new(MemoryReadStore::default()),
            idempotency: Arc::new(MemoryIdempotencyIndex::default()),
            clock: clock.clone(),
            ids: Arc::new(SequentialIds::default()),
        };
        let http = Http::start(parts, |config| {
            config.max_body_bytes = 64 * 1024;
            config.max_append_bytes = 2 * 1024 * 1024;
            change(config);
        });
        Self { http: http.await, store, clock }
    }
}

impl Http {
    pub(crate) async fn start(parts: NodeParts, change: impl FnOnce(&mut ApiConfig)) -> Self {
        let node = Arc::new(Node::start(parts).await.unwrap());
        let build = BuildInfo { version: "1.2.3".to_owned(), revision: None };
        let storage = StorageInfo { summary: "in memory".to_owned(), kept: false };
        let mut config = ApiConfig::new(build, storage, [7; 32]);
        config.anonymous_actor = Some(ApiConfig::development_actor());
        change(&mut config);
        Self { router: router(Arc::clone(&node), config), node }
    }

    pub(crate) fn head(&self) -> u64 {
        self.node.head().get()
    }

    /// The answer as it comes, such as a feed that does not end.
    pub(crate) async fn respond(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.respond(request).await.into_parts();
        let body = tokio::time::timeout(Duration::from_secs(10), body.collect()).await.expect("the body ends");
        Answer { status: parts.status, headers: parts.headers, body: body.unwrap().to_bytes() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, &[], "")).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request(Method::GET, path, headers, "")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body).await
    }

    pub(crate) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.post_text(path, headers, body.to_string()).await
    }

    pub(crate) async fn post_text(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.send(request(Method::POST, path, &all, body)).await
    }

    /// Sends a stream of appends.
    pub(crate) async fn post_lines(&self, query: &str, body: impl Into<Body>) -> Answer {
        let headers = [("content-type", "application/x-ndjson")];
        self.send(request(Method::POST, &format!("/api/append/stream{query}"), &headers, body)).await
    }

    /// Opens an account.
    pub(crate) async fn open(&self, id: &str, owner: &str) -> Answer {
        let answer = self.post("/api/commands/OpenAccount", &json!({ "aggregateId": id, "owner": owner })).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer
    }

    /// Pays into an account.
    pub(crate) async fn deposit(&self, id: &str, amount: i64) -> Answer {
        let answer = self.post("/api/commands/DepositMoney", &json!({ "aggregateId": id, "amount": amount })).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer
    }
}

pub(crate) fn request(method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    request.body(body.into()).unwrap()
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    /// The problem document this answer must be.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> ProblemBody {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: ProblemBody = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, status);
        assert_eq!(problem.code, code, "{problem:#?}");
        assert_eq!(problem.message, problem.detail);
        assert!(problem.problem_type.starts_with("urn:nexus:error:"), "{problem:#?}");
        assert!(problem.docs.starts_with("/docs/errors/"), "{problem:#?}");
        assert!(!problem.detail.is_empty() && !problem.trace_id.is_empty() && !problem.title.is_empty());
        let text = std::str::from_utf8(&self.body).unwrap();
        assert!(!text.contains("/etc/") && !text.contains("panicked") && !text.contains(".rs:"), "{text}");
        problem
    }
}
