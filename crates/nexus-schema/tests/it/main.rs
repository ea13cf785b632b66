//! The registry as its users see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that meets the unexpected must fail, and a random one says what it did"
)]

mod bounds;
mod closing;
mod compat;
mod contract;
mod references;
mod registration;
mod violations;

use nexus_core::{
    Json,
    ports::{RegisterError, SchemaKind, SchemaRefusal, SchemaRegistry, Violation},
};
use nexus_schema::JsonSchemaRegistry;
use serde_json::Value;

/// The violations of one document under one schema.
fn violations(schema: &Value, document: &Value) -> Vec<Violation> {
    let registry = JsonSchemaRegistry::new();
    registry.register(SchemaKind::Event, "Sample", schema).unwrap();
    let document = Json::from_value(document);
    match registry.check(SchemaKind::Event, "Sample", None, &document) {
        Ok(_) => Vec::new(),
        Err(SchemaRefusal::Invalid { violations, .. }) => violations,
        Err(other) => panic!("{other}"),
    }
}

fn accepts(schema: &Value, document: &Value) -> bool {
    violations(schema, document).is_empty()
}

/// The reason for which a schema is refused.
fn refusal(schema: &Value) -> String {
    match JsonSchemaRegistry::new().register(SchemaKind::Event, "Sample", schema) {
        Err(RegisterError::Invalid { reason }) => reason,
        other => panic!("{other:?}"),
    }
}
