use std::sync::Arc;

use nexus_core::ports::{SchemaRegistry, SubjectRegistry};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::contract::{SchemaRegistryFixture, SubjectRegistryFixture};

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

impl SubjectRegistryFixture for InMemory {
    fn start() -> Self {
        Self(Arc::new(JsonSchemaRegistry::new()))
    }

    fn registry(&self) -> Arc<dyn SubjectRegistry> {
        Arc::clone(&self.0) as Arc<dyn SubjectRegistry>
    }
}

mod subjects {
    use super::InMemory;

    nexus_testkit::subject_registry_contract!(InMemory);
}
