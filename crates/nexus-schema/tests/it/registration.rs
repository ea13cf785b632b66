use std::{
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};

use nexus_core::{
    Digest, Json,
    ports::{
        RegisterError, RegisteredSchema, Registration, RegistrationPlan, RegistryChange, SchemaKind, SchemaRef,
        SchemaRefusal, SchemaRegistry, SemanticVersion, Subject, SubjectRegistry,
    },
};
use nexus_schema::JsonSchemaRegistry;
use serde_json::json;

#[test]
fn the_same_schema_again_is_the_first_registration() {
    let registry = JsonSchemaRegistry::new();
    let first = json!({ "type": "object", "properties": { "a": {}, "b": {} } });
    let one = registry.register(SchemaKind::Event, "Placed", &first).unwrap();
    let two = registry.register(SchemaKind::Event, "Placed", &json!({ "type": "object" })).unwrap();
    let again: serde_json::Value =
        serde_json::from_str(r#"{"properties": {"b": {}, "a": {}}, "type": "object"}"#).unwrap();
    assert_eq!((one.id, one.version), (1, 1));
    assert_eq!((two.id, two.version), (2, 2));
    assert_eq!(registry.register(SchemaKind::Event, "Placed", &again).unwrap(), one);
    let command = registry.register(SchemaKind::Command, "Placed", &first).unwrap();
    assert_eq!((command.id, command.version, command.digest), (3, 1, one.digest));
}

#[test]
fn the_original_document_is_kept() {
    let registry = JsonSchemaRegistry::new();
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let reference = registry.register(SchemaKind::Event, "Placed", &schema).unwrap();
    let found = registry.find(SchemaKind::Event, "Placed", Some(1)).unwrap();
    assert_eq!((found.schema, found.reference), (schema, reference));
    assert!(registry.find(SchemaKind::Event, "Placed", Some(2)).is_none());
    assert!(registry.find(SchemaKind::Command, "Placed", None).is_none());
}

#[test]
fn the_list_has_the_newest_of_each_by_kind_and_name() {
    let registry = JsonSchemaRegistry::new();
    for (kind, name, schema) in [
        (SchemaKind::Command, "Place", json!(true)),
        (SchemaKind::Event, "B", json!(true)),
        (SchemaKind::Event, "A", json!(true)),
        (SchemaKind::Event, "A", json!({ "type": "object" })),
    ] {
        registry.register(kind, name, &schema).unwrap();
    }
    let listed: Vec<_> =
        registry.list().into_iter().map(|document| (document.reference.name, document.reference.version)).collect();
    assert_eq!(listed, [("A".to_owned(), 2), ("B".to_owned(), 1), ("Place".to_owned(), 1)]);
}

#[test]
fn fifty_threads_registering_one_schema_get_one_id() {
    let registry = Arc::new(JsonSchemaRegistry::new());
    let start = Arc::new(Barrier::new(50));
    let threads: Vec<_> = (0..50)
        .map(|_| {
            let (registry, start) = (Arc::clone(&registry), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
                registry.register(SchemaKind::Event, "Placed", &schema).unwrap().id
            })
        })
        .collect();
    let ids: Vec<u32> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(ids, [1; 50]);
    let next = registry.register(SchemaKind::Event, "Other", &json!(true)).unwrap();
    assert_eq!(next.id, 2);
}

/// A schema as it is stored.
fn stored(reference: SchemaRef, schema: serde_json::Value) -> RegistryChange {
    let semantic = SemanticVersion::FIRST;
    let (links, upcaster) = (Vec::new(), None);
    let schema =
        RegisteredSchema { reference, semantic, schema, text: None, links, owner: None, upcaster, deleted: None };
    RegistryChange::Registered(Box::new(schema))
}

#[test]
fn a_registry_is_rebuilt_from_what_was_stored() {
    let before = JsonSchemaRegistry::new();
    let mut changes = Vec::new();
    for (name, schema) in [
        ("A", json!({ "type": "object" })),
        ("B", json!({ "type": "string" })),
        ("A", json!({ "type": "object", "properties": { "x": {} } })),
    ] {
        changes.push(stored(before.register(SchemaKind::Event, name, &schema).unwrap(), schema));
    }
    let after = JsonSchemaRegistry::new();
    for change in changes.iter().chain(&changes).rev() {
        after.apply(change.clone()).unwrap();
    }
    assert_eq!(after.list(), before.list());
    let next = after.register(SchemaKind::Event, "A", &json!({ "type": "array" })).unwrap();
    assert_eq!((next.id, next.version), (4, 3));
}

#[test]
fn a_stored_schema_must_be_the_registered_one() {
    let registry = JsonSchemaRegistry::new();
    let schema = json!({ "type": "object" });
    let reference = registry.register(SchemaKind::Event, "A", &schema).unwrap();
    let other = |change: fn(&mut SchemaRef)| {
        let mut other = reference.clone();
        change(&mut other);
        registry.apply(stored(other, schema.clone()))
    };
    assert!(other(|_| {}).is_ok());
    assert!(other(|wrong| wrong.digest = Digest::default()).is_err());
    assert!(other(|wrong| wrong.id = 7).is_err());
    assert!(other(|wrong| wrong.version = 2).is_err());
    assert!(other(|wrong| (wrong.id, wrong.version) = (0, 2)).is_err());
    assert!(other(|wrong| wrong.name = "a\0".to_owned()).is_err());
    assert_eq!(registry.list().len(), 1);
}

#[test]
fn unusable_names_are_refused() {
    let registry = JsonSchemaRegistry::new();
    for name in ["", "a\nb", "a\u{0}", &"x".repeat(256)] {
        let refused = registry.register(SchemaKind::Event, name, &json!(true));
        assert!(matches!(refused, Err(RegisterError::InvalidName { .. })), "{name:?}");
    }
    assert!(registry.register(SchemaKind::Event, &"x".repeat(255), &json!(true)).is_ok());
}

#[test]
fn an_unknown_type_lists_the_names_that_look_like_it() {
    let registry = JsonSchemaRegistry::new();
    for name in ["OrderPlaced", "OrderPaid", "CustomerMoved"] {
        registry.register(SchemaKind::Event, name, &json!(true)).unwrap();
    }
    let unknown = registry.check(SchemaKind::Event, "orderplaced", None, &Json::empty_object());
    let Err(SchemaRefusal::UnknownType { nearest, .. }) = unknown else { panic!("{unknown:?}") };
    assert_eq!(nearest, ["OrderPlaced", "OrderPaid"]);
    let foreign = registry.check(SchemaKind::Command, "OrderPlaced", None, &Json::empty_object());
    let Err(SchemaRefusal::UnknownType { nearest, .. }) = foreign else { panic!("{foreign:?}") };
    assert!(nearest.is_empty());
    let version = registry.check(SchemaKind::Event, "OrderPaid", Some(4), &Json::empty_object());
    assert!(matches!(version, Err(SchemaRefusal::UnknownVersion { version: 4, newest: 1, .. })));
}

#[test]
fn a_version_is_checked_against_its_own_schema() {
    let registry = JsonSchemaRegistry::new();
    for schema in [json!({ "type": "object" }), json!({ "type": "string" })] {
        registry.register(SchemaKind::Event, "A", &schema).unwrap();
    }
    let object = Json::empty_object();
    assert_eq!(registry.check(SchemaKind::Event, "A", Some(1), &object).unwrap().version, 1);
    assert!(registry.check(SchemaKind::Event, "A", Some(2), &object).is_err());
    assert!(registry.check(SchemaKind::Event, "A", None, &object).is_err());
}

#[test]
fn ten_thousand_subjects_are_registered_in_linear_time_and_taken_in_within_a_second() {
    let registry = JsonSchemaRegistry::new();
    let now = nexus_core::Timestamp::from_micros(0).unwrap();
    let schema = json!({
        "type": "object",
        "properties": { "id": { "type": "string" }, "lines": { "type": "array", "items": { "type": "integer" } } },
        "required": ["id"],
    });
    let mut changes = Vec::new();
    let mut times = Vec::new();
    for thousand in 0..10 {
        let started = Instant::now();
        for number in 0..1000 {
            let subject = Subject::new(SchemaKind::Event, format!("Type{}", thousand * 1000 + number));
            let wanted = Registration::new(subject, schema.clone());
            let Ok(RegistrationPlan::New(new)) = registry.plan_registration(&wanted, now) else { panic!() };
            changes.push(RegistryChange::Registered(new.clone()));
            registry.apply(RegistryChange::Registered(new)).unwrap();
        }
        times.push(started.elapsed());
    }
    // The machine may be busy now and then, so the fastest of each half count.
    let (first, last) = (times[..5].iter().min().unwrap(), times[5..].iter().min().unwrap());
    assert!(*last < *first * 3, "{times:?}");
    let started = Instant::now();
    let again = JsonSchemaRegistry::new();
    for change in changes {
        again.apply(change).unwrap();
    }
    let took = started.elapsed();
    eprintln!("registered by thousands in {times:?}, 10000 taken in after {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(again.subjects(None, usize::MAX).len(), 10_000);
}
