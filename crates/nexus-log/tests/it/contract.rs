use std::sync::Arc;

use nexus_core::ports::EventStore;
use nexus_log::LogEventStore;
use nexus_testkit::{contract::EventStoreFixture, event_store_contract, fakes::ManualClock};
use tempfile::TempDir;

use crate::support::tiny;

struct Log {
    dir: TempDir,
    clock: Arc<ManualClock>,
    store: Arc<LogEventStore>,
}

impl Log {
    fn open(dir: TempDir, clock: Arc<ManualClock>) -> Self {
        let store = LogEventStore::open(dir.path(), tiny(), clock.clone()).unwrap();
        let store = Arc::new(store);
        Self { dir, clock, store }
    }
}

impl EventStoreFixture for Log {
    async fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap(), Arc::default())
    }

    fn store(&self) -> Arc<dyn EventStore> {
        self.store.clone()
    }

    async fn restart(self) -> Self {
        self.store.close();
        Self::open(self.dir, self.clock)
    }

    fn clock(&self) -> Option<Arc<ManualClock>> {
        Some(Arc::clone(&self.clock))
    }
}

event_store_contract!(Log);
