use std::sync::Arc;

use nexus_core::ports::SchemaRegistry;
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::contract::SchemaRegistryFixture;

struct InMemory(Arc<JsonSchemaRegistry>);

impl SchemaRegistryFixture for InMemory {
    fn start() -> Self {
        Self(Arc::new(JsonSchemaRegistry::new()))
    }

    fn registry(&self) -> Arc<dyn SchemaRegistry> {
        Arc::clone(&self.0) as Arc<dyn SchemaRegistry>
    }
}

nexus_testkit::schema_registry_contract!(InMemory);
