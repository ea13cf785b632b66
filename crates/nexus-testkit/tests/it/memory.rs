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
