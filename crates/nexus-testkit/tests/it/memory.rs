//! Every suite against the fake that keeps its port in memory.

mod event_store {
    use std::sync::Arc;

    use nexus_core::ports::EventStore;
    use nexus_testkit::{
        contract::EventStoreFixture,
        event_store_contract,
        fakes::{ManualClock, MemoryEventStore},
    };

    struct Memory {
        store: MemoryEventStore,
        clock: Arc<ManualClock>,
    }

    impl EventStoreFixture for Memory {
        async fn start() -> Self {
            let clock = Arc::new(ManualClock::default());
            let store = MemoryEventStore::new(clock.clone());
            Self { store, clock }
        }

        fn store(&self) -> Arc<dyn EventStore> {
            Arc::new(self.store.clone())
        }

        async fn restart(self) -> Self {
            let store = self.store.reopened();
            Self { store, ..self }
        }

        fn clock(&self) -> Option<Arc<ManualClock>> {
            Some(Arc::clone(&self.clock))
        }
    }

    event_store_contract!(Memory);
}

mod resource_store {
    use std::sync::Arc;

    use nexus_core::ports::ReadStore;
    use nexus_testkit::{contract::ReadStoreFixture, fakes::MemoryReadStore, resource_store_contract};

    struct Memory(MemoryReadStore);

    impl ReadStoreFixture for Memory {
        fn start() -> Self {
            Self(MemoryReadStore::default())
        }

        fn store(&self) -> Arc<dyn ReadStore> {
            Arc::new(self.0.clone())
        }

        fn reopen(self) -> Self {
            self
        }
    }

    resource_store_contract!(Memory);
}

mod idempotency_index {
    use std::sync::Arc;

    use nexus_core::ports::IdempotencyIndex;
    use nexus_testkit::{contract::IdempotencyIndexFixture, fakes::MemoryIdempotencyIndex, idempotency_index_contract};

    struct Memory(Arc<MemoryIdempotencyIndex>);

    impl IdempotencyIndexFixture for Memory {
        fn start() -> Self {
            Self(Arc::default())
        }

        fn index(&self) -> Arc<dyn IdempotencyIndex> {
            Arc::clone(&self.0) as Arc<dyn IdempotencyIndex>
        }

        fn reopen(self) -> Self {
            self
        }
    }

    idempotency_index_contract!(Memory);
}

mod subject_registry {
    use std::sync::Arc;

    use nexus_core::ports::SubjectRegistry;
    use nexus_testkit::{contract::SubjectRegistryFixture, fakes::MemorySubjects, subject_registry_contract};

    struct Memory(Arc<MemorySubjects>);

    impl SubjectRegistryFixture for Memory {
        fn start() -> Self {
            Self(Arc::default())
        }

        fn registry(&self) -> Arc<dyn SubjectRegistry> {
            self.0.clone()
        }
    }

    subject_registry_contract!(Memory);
}

mod authenticator {
    use std::sync::Arc;

    use nexus_core::{Actor, Timestamp, ports::Authenticator};
    use nexus_testkit::{authenticator_contract, contract::AuthenticatorFixture, fakes::MemoryAuthenticator};

    struct Memory(Arc<MemoryAuthenticator>);

    impl AuthenticatorFixture for Memory {
        fn start() -> Self {
            Self(Arc::default())
        }

        fn authenticator(&self) -> Arc<dyn Authenticator> {
            self.0.clone()
        }

        fn issue(&self, roles: &[&str], until: Timestamp) -> Option<String> {
            let roles = roles.iter().map(|role| (*role).into()).collect();
            Some(self.0.issue(Actor::new("ann".into(), roles), Some(until)))
        }

        fn forge(&self, genuine: &str) -> String {
            genuine.replace("secret-of", "guess-of")
        }

        fn withdraw(&self, token: &str) -> bool {
            self.0.revoke(token)
        }
    }

    authenticator_contract!(Memory);
}

mod policy_server {
    use super::super::policy_servers::Scripted;

    nexus_testkit::policy_server_contract!(Scripted<super::super::policy_servers::Right>);
}
