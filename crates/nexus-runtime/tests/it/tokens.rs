//! Tokens that the platform issues: who gets them, for what, until when, and that all of it is in the log.

use std::{future::Future, sync::Arc};

use nexus_core::{
    Actor, Position, Text, Timestamp,
    ports::{AuthenticationError, Authenticator, Clock as _, Credential, EventStore as _, LogRead},
};
use nexus_runtime::{
    Catalogue, CreatedToken, NewToken, Node, NodeParts, RequestInfo, TokenExpiry, TokenFailure, TokenService, UuidIds,
};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::{
    contract::AuthenticatorFixture,
    fakes::{FixedPolicy, ManualClock, MemoryEventStore, MemoryIdempotencyIndex, MemoryReadStore},
    fixture,
};

fn store() -> MemoryEventStore {
    MemoryEventStore::new(Arc::new(ManualClock::default()))
}

async fn node(store: &MemoryEventStore) -> Node {
    Node::start(NodeParts {
        service: "shop".into(),
        environment: "test".into(),
        catalogue: Catalogue::new([]).unwrap(),
        projections: Vec::new(),
        store: Arc::new(store.clone()),
        history: None,
        registry: Arc::new(JsonSchemaRegistry::new()),
        upcasters: Vec::new(),
        policy: Arc::new(FixedPolicy::allow()),
        policy_compiler: None,
        policy_bundles: Vec::new(),
        policy_server: None,
        read_store: Arc::new(MemoryReadStore::default()),
        idempotency: Arc::new(MemoryIdempotencyIndex::default()),
        clock: Arc::new(ManualClock::default()),
        ids: Arc::new(UuidIds),
    })
    .await
    .unwrap()
}

fn now() -> Timestamp {
    ManualClock::default().now()
}

fn later(seconds: i64) -> Timestamp {
    now().saturating_add_micros(seconds * 1_000_000)
}

/// A request of somebody with these roles.
fn by(id: &str, roles: &[&str]) -> RequestInfo {
    let roles = roles.iter().map(|role| Text::from(*role)).collect();
    let mut context = fixture::request_context();
    context.time = now();
    RequestInfo {
        actor: Actor::new(id.into(), roles),
        context,
        correlation_id: None,
        causation_id: None,
        traceparent: None,
        extra: None,
    }
}

fn wanted(roles: &[&str]) -> NewToken {
    NewToken {
        roles: roles.iter().map(|role| Text::from(*role)).collect(),
        description: "the nightly import".to_owned(),
        expiry: TokenExpiry::At(later(3600)),
    }
}

async fn created(node: &Node, roles: &[&str]) -> CreatedToken {
    node.tokens().create(wanted(roles), by("ann", &["admin"])).await.unwrap()
}

#[tokio::test]
async fn a_token_is_accepted_as_soon_as_it_is_created_and_refused_as_soon_as_it_is_revoked() {
    let node = node(&store()).await;
    let token = created(&node, &["writer", "reader", "writer"]).await;
    let known = node.tokens().authenticate(token.text.expose(), now()).unwrap();
    assert_eq!(*known.actor.id, *format!("token:{}", token.info.id));
    assert_eq!(known.actor.roles, ["reader", "writer"]);
    assert_eq!(known.expires, Some(later(3600)));
    assert_eq!(known.credential, Credential::ApiToken { id: token.info.id.clone() });
    assert!(node.tokens().stands(&known.credential));

    let other = created(&node, &["reader"]).await;
    let revoked = node.tokens().revoke(&token.info.id, by("bob", &["operator"])).await.unwrap();
    assert_eq!(*revoked.revoked.unwrap().by, *"bob");
    let answer = node.tokens().authenticate(token.text.expose(), now());
    assert_eq!(answer.err(), Some(AuthenticationError::Revoked));
    assert!(!node.tokens().stands(&known.credential));
    assert!(node.tokens().authenticate(other.text.expose(), now()).is_ok());
}

#[tokio::test]
async fn tokens_are_what_the_log_says_after_a_restart() {
    let store = store();
    let first = node(&store).await;
    let (kept, revoked) = (created(&first, &["reader"]).await, created(&first, &["writer"]).await);
    first.tokens().revoke(&revoked.info.id, by("bob", &["admin"])).await.unwrap();
    let before = first.tokens().list();
    first.shutdown().await;

    let again = node(&store).await;
    assert_eq!(again.tokens().list(), before);
    assert!(again.tokens().authenticate(kept.text.expose(), now()).is_ok());
    let answer = again.tokens().authenticate(revoked.text.expose(), now());
    assert_eq!(answer.err(), Some(AuthenticationError::Revoked));
    assert!(again.tokens().create(wanted(&["reader"]), by("ann", &["admin"])).await.is_ok());
}

#[tokio::test]
async fn the_log_names_who_issued_a_token_and_never_holds_its_secret() {
    let store = store();
    let node = node(&store).await;
    let token = created(&node, &["reader"]).await;
    node.tokens().revoke(&token.info.id, by("bob", &["admin"])).await.unwrap();
    let secret = token.text.expose().rsplit('_').next().unwrap();
    let page = store.read_log(LogRead { from: Position::START, limit: 1000, ..LogRead::default() }).await.unwrap();
    let of_tokens: Vec<_> = page.events.iter().filter(|event| event.aggregate_id.as_str() == "$tokens").collect();
    let facts = of_tokens
        .iter()
        .map(|event| (event.event_type.as_str(), event.metadata.user_id.as_deref().unwrap(), &*event.receipt.actor));
    assert_eq!(facts.collect::<Vec<_>>(), [("ApiTokenCreated", "ann", "$nexus"), ("ApiTokenRevoked", "bob", "$nexus")]);
    for event in &page.events {
        for part in [secret, &secret[..32], &secret[32..64]] {
            assert!(!event.payload.as_str().contains(part), "{event:?}");
        }
    }
}

#[tokio::test]
async fn nobody_gives_roles_that_are_not_theirs_unless_they_are_admin() {
    let store = store();
    let node = node(&store).await;
    let head = store.head();
    for (roles, asked) in [(&["operator"][..], &["operator", "admin"][..]), (&[], &["reader"]), (&["admins"], &["x"])] {
        let refused = node.tokens().create(wanted(asked), by("bob", roles)).await;
        assert!(matches!(refused, Err(TokenFailure::NotHeld { .. })), "{roles:?} {asked:?}: {refused:?}");
    }
    let message = node.tokens().create(wanted(&["admin", "writer"]), by("bob", &["writer"])).await.unwrap_err();
    assert_eq!(
        message.to_string(),
        "you do not hold the role `admin`; only an admin gives roles that are not their own"
    );
    assert_eq!(store.head(), head, "a refusal stored something");
    assert!(node.tokens().create(wanted(&["operator"]), by("bob", &["operator", "reader"])).await.is_ok());
    assert!(node.tokens().create(wanted(&["auditor"]), by("ann", &["admin"])).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused_with_the_member_that_is_wrong() {
    let node = node(&store()).await;
    let many: Vec<String> = (0..33).map(|n| format!("role-{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = "r".repeat(65);
    for roles in [&["system"][..], &[], &["a b"], &[""], &["rôle"], &["a\n"], &[&long], &many] {
        let refused = node.tokens().create(wanted(roles), by("ann", &["admin"])).await;
        assert!(matches!(refused, Err(TokenFailure::Invalid { member: "roles", .. })), "{roles:?}: {refused:?}");
    }
    for description in ["d".repeat(256), "a\nb".to_owned()] {
        let refused = NewToken { description, ..wanted(&["reader"]) };
        let refused = node.tokens().create(refused, by("ann", &["admin"])).await;
        assert!(matches!(refused, Err(TokenFailure::Invalid { member: "description", .. })), "{refused:?}");
    }
    for moment in [now(), later(-1)] {
        let refused = NewToken { expiry: TokenExpiry::At(moment), ..wanted(&["reader"]) };
        let refused = node.tokens().create(refused, by("ann", &["admin"])).await;
        assert!(matches!(refused, Err(TokenFailure::Invalid { member: "expiresAt", .. })), "{refused:?}");
    }
    assert!(node.tokens().list().is_empty());
}

#[tokio::test]
async fn a_token_without_an_end_is_one_that_was_asked_for() {
    let node = node(&store()).await;
    let lasting = NewToken { expiry: TokenExpiry::Never, ..wanted(&["reader"]) };
    let token = node.tokens().create(lasting, by("ann", &["admin"])).await.unwrap();
    let known = node.tokens().authenticate(token.text.expose(), later(1_000_000_000)).unwrap();
    assert_eq!(known.expires, None);
}

#[tokio::test]
async fn revoking_twice_is_revoking_once_and_an_unknown_token_is_told() {
    let store = store();
    let node = node(&store).await;
    let token = created(&node, &["reader"]).await;
    let first = node.tokens().revoke(&token.info.id, by("bob", &["admin"])).await.unwrap();
    let head = store.head();
    assert_eq!(node.tokens().revoke(&token.info.id, by("ann", &["admin"])).await.unwrap(), first);
    assert_eq!(store.head(), head);
    for unknown in ["", "0123456789abcdef", "../x"] {
        let refused = node.tokens().revoke(unknown, by("ann", &["admin"])).await;
        assert!(matches!(refused, Err(TokenFailure::Unknown { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn tokens_created_at_the_same_time_are_all_there() {
    let store = store();
    let node = Arc::new(node(&store).await);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let node = Arc::clone(&node);
            tokio::spawn(async move { created(&node, &["reader"]).await })
        })
        .collect();
    for task in tasks {
        let token = task.await.unwrap();
        assert!(node.tokens().authenticate(token.text.expose(), now()).is_ok());
    }
    assert_eq!(node.tokens().list().len(), 20);
}

mod contract {
    use super::*;

    /// A node, and the runtime it lives on.
    struct Issued {
        runtime: tokio::runtime::Runtime,
        node: Node,
    }

    impl Issued {
        fn wait<T>(&self, work: impl Future<Output = T>) -> T {
            self.runtime.block_on(work)
        }
    }

    impl AuthenticatorFixture for Issued {
        fn start() -> Self {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let node = runtime.block_on(node(&store()));
            Self { runtime, node }
        }

        fn authenticator(&self) -> Arc<dyn Authenticator> {
            Arc::new(TokenService::clone(self.node.tokens()))
        }

        fn issue(&self, roles: &[&str], until: Timestamp) -> Option<String> {
            let wanted = NewToken { expiry: TokenExpiry::At(until), ..wanted(roles) };
            let created = self.wait(self.node.tokens().create(wanted, by("ann", &["admin"])));
            created.ok().map(|token| token.text.expose().to_owned())
        }

        fn forge(&self, genuine: &str) -> String {
            // The id of a genuine token, another secret, and a checksum that is right.
            let (head, _) = genuine.rsplit_once('_').unwrap();
            let body = format!("{head}_{}", "5a".repeat(32));
            format!("{body}{:08x}", crc32c::crc32c(body.as_bytes()))
        }

        fn withdraw(&self, token: &str) -> bool {
            let id = token.split('_').nth(1).unwrap();
            self.wait(self.node.tokens().revoke(id, by("ann", &["admin"]))).is_ok()
        }
    }

    nexus_testkit::authenticator_contract!(Issued);
}
