//! How long a registry of ten thousand subjects takes to be built, to be taken in at a start, and to be asked.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use nexus_core::{
    Json, Timestamp,
    ports::{
        RegisterError, Registration, RegistrationPlan, RegistryChange, SchemaKind, SchemaRegistry, Subject,
        SubjectRegistry,
    },
};
use nexus_schema::JsonSchemaRegistry;
use serde_json::{Value, json};

const SUBJECTS: usize = 10_000;

fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "orderId": { "type": "string", "minLength": 1 },
            "lines": { "type": "array", "items": {
                "type": "object",
                "properties": { "sku": { "type": "string" }, "quantity": { "type": "integer", "minimum": 1 } },
                "required": ["sku", "quantity"],
            } },
        },
        "required": ["orderId"],
    })
}

fn say(what: &str, took: Duration) {
    // Nobody reads a figure that could not be written.
    let _ = std::io::stdout().write_all(format!("{what}: {took:?}\n").as_bytes());
}

fn built() -> Result<(JsonSchemaRegistry, Vec<RegistryChange>), RegisterError> {
    let (registry, mut changes) = (JsonSchemaRegistry::new(), Vec::new());
    let now = Timestamp::from_micros(0).ok_or_else(|| RegisterError::Invalid { reason: "no clock".to_owned() })?;
    for thousand in 0..SUBJECTS / 1000 {
        let started = Instant::now();
        for number in 0..1000 {
            let subject = Subject::new(SchemaKind::Event, format!("Type{}", thousand * 1000 + number));
            let plan = registry.plan_registration(&Registration::new(subject, schema()), now)?;
            if let RegistrationPlan::New(new) = plan {
                registry.apply(RegistryChange::Registered(new.clone()))?;
                changes.push(RegistryChange::Registered(new));
            }
        }
        say(&format!("registering {} to {}", thousand * 1000, thousand * 1000 + 999), started.elapsed());
    }
    Ok((registry, changes))
}

fn main() -> Result<(), RegisterError> {
    let (_, changes) = built()?;
    let again = JsonSchemaRegistry::new();
    let started = Instant::now();
    for change in changes {
        again.apply(change)?;
    }
    say("taking in 10000 stored registrations", started.elapsed());
    let document = Json::from_value(&json!({ "orderId": "1", "lines": [{ "sku": "a", "quantity": 1 }] }));
    let check = |name: &str| assert!(again.check(SchemaKind::Event, name, None, &document).is_ok());
    let started = Instant::now();
    (0..1000).for_each(|number| check(&format!("Type{number}")));
    say("first check of a schema, compiling it", started.elapsed() / 1000);
    let started = Instant::now();
    (0..1_000_000).for_each(|_| check("Type7"));
    say("every further check", started.elapsed() / 1_000_000);
    Ok(())
}
