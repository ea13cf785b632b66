//! What is registered here behaves as in the registry below, also when the remote one is not there.

use std::sync::Arc;

use nexus_core::ports::{
    SchemaKind::{Command, Event},
    SchemaRegistry, SubjectRegistry,
};
use nexus_registry_confluent::{ConfluentSchemaRegistry, RemoteError, RemoteOptions};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::contract::{SchemaRegistryFixture, SubjectRegistryFixture};
use tokio::runtime::Runtime;

/// Over a remote registry that nobody runs.
struct Alone {
    registry: Arc<ConfluentSchemaRegistry>,
    _runtime: Runtime,
}

impl Alone {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let entered = runtime.enter();
        let options = RemoteOptions::new("http://127.0.0.1:9");
        let registry = ConfluentSchemaRegistry::over(Arc::new(JsonSchemaRegistry::new()), options).unwrap();
        drop(entered);
        Self { registry: Arc::new(registry), _runtime: runtime }
    }
}

/// Over our own registry behind HTTP, which has none of the schemas.
struct BesideAnother {
    registry: Arc<ConfluentSchemaRegistry>,
    _remote: crate::facade::Facade,
    _runtime: Runtime,
}

impl BesideAnother {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (registry, remote) = runtime.block_on(async {
            let remote = crate::facade::Facade::start().await;
            // The cases ask for what nobody has; that must be known by then, not merely not fetched yet.
            let absent = [(Event, "OrderPlacd"), (Event, "Qqqqqqqqqqqqqqqqqq"), (Command, "Order")];
            for (kind, name) in absent {
                let refused = remote.registry.resolve(kind, name, None).await.unwrap_err();
                assert!(matches!(refused.error, RemoteError::Absent { .. }), "{refused}");
            }
            (Arc::clone(&remote.registry), remote)
        });
        Self { registry, _remote: remote, _runtime: runtime }
    }
}

impl SubjectRegistryFixture for Alone {
    fn start() -> Self {
        Self::new()
    }

    fn registry(&self) -> Arc<dyn SubjectRegistry> {
        Arc::clone(&self.registry) as Arc<dyn SubjectRegistry>
    }
}

impl SchemaRegistryFixture for BesideAnother {
    fn start() -> Self {
        Self::new()
    }

    fn registry(&self) -> Arc<dyn SchemaRegistry> {
        Arc::clone(&self.registry) as Arc<dyn SchemaRegistry>
    }
}

nexus_testkit::schema_registry_contract!(BesideAnother);

mod subjects {
    use super::Alone;

    nexus_testkit::subject_registry_contract!(Alone);
}
