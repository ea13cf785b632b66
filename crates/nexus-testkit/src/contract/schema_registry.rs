//! The contract of [`SchemaRegistry`].

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Barrier},
};

use nexus_core::ports::{RegisterError, SchemaKind, SchemaRef, SchemaRefusal, SchemaRegistry, Violation};
use serde_json::{Value, json};

use crate::{
    contract::{Breach, Outcome, blocking_suite, check, check_eq},
    fixture::json_text,
};

/// A schema registry under test.
pub trait SchemaRegistryFixture: Sized + Send + 'static {
    /// A fresh registry without schemas.
    fn start() -> Self;

    /// The registry.
    fn registry(&self) -> Arc<dyn SchemaRegistry>;
}

blocking_suite! {
    /// One `#[test]` for every case of [`contract::schema_registry`](crate::contract::schema_registry), run against a
    /// type that implements [`SchemaRegistryFixture`](crate::contract::SchemaRegistryFixture). Invoke it in a module
    /// of its own.
    export $ schema_registry_contract, schema_registry: [
        a_registered_schema_accepts_what_fits,
        an_unknown_type_is_refused_with_the_nearest_names,
        an_unknown_version_is_refused_with_the_newest,
        every_violation_is_told_at_once,
        violations_name_place_and_keyword,
        members_that_are_not_declared_are_refused,
        members_that_are_not_declared_in_composed_schemas_are_refused,
        a_schema_may_open_itself,
        the_same_schema_again_is_the_first_registration,
        a_changed_schema_is_the_next_version,
        the_newest_version_is_the_default,
        events_and_commands_of_one_name_are_apart,
        ids_are_unique_and_stable,
        found_schemas_are_what_was_registered,
        the_newest_of_every_schema_is_listed,
        concurrent_registration_of_one_schema_yields_one_id,
        documents_that_are_no_schema_are_refused,
        remote_references_are_refused,
        names_that_are_not_acceptable_are_refused,
    ]
}

use SchemaKind::{Command, Event};

fn order_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "orderId": { "type": "string", "minLength": 1 },
            "lines": {
                "type": "array",
                "minItems": 1,
                "items": { "$ref": "#/$defs/line" },
            },
            "placedAt": { "type": "string", "format": "date-time" },
        },
        "required": ["orderId", "lines"],
        "$defs": {
            "line": {
                "type": "object",
                "properties": {
                    "productId": { "type": "string" },
                    "quantity": { "type": "integer", "minimum": 1 },
                },
                "required": ["productId", "quantity"],
            },
        },
    })
}

/// An object with one number, open to nothing else.
fn small_schema(member: &str) -> Value {
    json!({ "type": "object", "properties": { member: { "type": "integer" } } })
}

fn with_order<F: SchemaRegistryFixture>() -> Result<(F, Arc<dyn SchemaRegistry>, SchemaRef), Breach> {
    let fixture = F::start();
    let registry = fixture.registry();
    let reference = registry.register(Event, "OrderPlaced", &order_schema())?;
    Ok((fixture, registry, reference))
}

fn check_text(registry: &Arc<dyn SchemaRegistry>, name: &str, text: &str) -> Result<SchemaRef, SchemaRefusal> {
    registry.check(Event, name, None, &json_text(text))
}

/// The violations for which a document is refused.
fn violations(registry: &Arc<dyn SchemaRegistry>, name: &str, text: &str) -> Result<Vec<Violation>, Breach> {
    match check_text(registry, name, text) {
        Err(SchemaRefusal::Invalid { violations, .. }) => Ok(violations),
        other => Err(Breach::new(format!("`{text}` must break the schema: {other:?}"))),
    }
}

const GOOD: &str = r#"{"orderId":"1","lines":[{"productId":"p","quantity":2}],"placedAt":"2026-01-31T12:00:00Z"}"#;

/// A document that fits is answered with the schema it was checked against.
pub fn a_registered_schema_accepts_what_fits<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, reference) = with_order::<F>()?;
    check_eq!((reference.kind, reference.version), (Event, 1), "the first registration");
    check_eq!(reference.name, "OrderPlaced", "its name");
    check!(reference.id >= 1, "ids start at 1, not {}", reference.id);
    check_eq!(check_text(&registry, "OrderPlaced", GOOD)?, reference, "the schema of a document");
    let minimal = r#"{"lines":[{"quantity":1,"productId":""}],"orderId":"1"}"#;
    check_eq!(check_text(&registry, "OrderPlaced", minimal)?, reference, "the schema of a small document");
    Ok(())
}

/// A type without a schema is refused, naming registered types that look like it, nearest first.
pub fn an_unknown_type_is_refused_with_the_nearest_names<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, _) = with_order::<F>()?;
    for name in ["OrderShipped", "InvoiceIssued", "Zebra"] {
        registry.register(Event, name, &small_schema("n"))?;
    }
    match check_text(&registry, "OrderPlacd", GOOD) {
        Err(SchemaRefusal::UnknownType { kind, name, nearest }) => {
            check_eq!((kind, name.as_str()), (Event, "OrderPlacd"), "what is unknown");
            check_eq!(nearest.first().map(String::as_str), Some("OrderPlaced"), "the nearest name");
            check!(!nearest.contains(&"Zebra".to_owned()), "`Zebra` does not look like `OrderPlacd`");
        }
        other => check!(false, "an unknown type: {other:?}"),
    }
    let nothing_like_it = check_text(&registry, "Qqqqqqqqqqqqqqqqqq", "{}");
    let unknown = matches!(&nothing_like_it, Err(SchemaRefusal::UnknownType { .. }));
    check!(unknown, "a type like no other: {nothing_like_it:?}");
    Ok(())
}

/// A known type in a version that does not exist is refused, naming the newest.
pub fn an_unknown_version_is_refused_with_the_newest<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, _) = with_order::<F>()?;
    for version in [0, 2, u32::MAX] {
        let refused = registry.check(Event, "OrderPlaced", Some(version), &json_text(GOOD));
        let expected = SchemaRefusal::UnknownVersion { name: "OrderPlaced".to_owned(), version, newest: 1 };
        check_eq!(refused, Err(expected), "version {version}");
    }
    Ok(())
}

/// One answer tells everything that is wrong with a document.
pub fn every_violation_is_told_at_once<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, reference) = with_order::<F>()?;
    let text = r#"{"orderId":"","lines":[{"productId":7,"quantity":0},{"quantity":1}],"placedAt":"yesterday","x":1}"#;
    let found = violations(&registry, "OrderPlaced", text)?;
    let pointers: BTreeSet<&str> = found.iter().map(|violation| violation.pointer.as_str()).collect();
    let expected = ["/lines/0/productId", "/lines/0/quantity", "/lines/1", "/orderId", "/placedAt"];
    for pointer in expected {
        check!(pointers.contains(pointer), "no violation at `{pointer}`, only at {pointers:?}");
    }
    check!(found.len() >= 6, "6 things are wrong, {} are told: {found:?}", found.len());
    let refused = check_text(&registry, "OrderPlaced", text);
    let named = matches!(&refused, Err(SchemaRefusal::Invalid { schema, .. }) if *schema == reference);
    check!(named, "a refusal that does not name its schema: {refused:?}");
    let many = format!(r#"{{"orderId":"1","lines":[{}]}}"#, vec!["7"; 1000].join(","));
    check!(violations(&registry, "OrderPlaced", &many)?.len() <= 100, "more than 100 violations");
    Ok(())
}

/// Each violation has a JSON Pointer, the keyword and a message for a person.
pub fn violations_name_place_and_keyword<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, _) = with_order::<F>()?;
    let cases = [
        (r#"{"orderId":7,"lines":[{"productId":"p","quantity":2}]}"#, "/orderId", "type"),
        (r#"{"orderId":"1","lines":[]}"#, "/lines", "minItems"),
        (r#"{"orderId":"1","lines":[{"productId":"p","quantity":0}]}"#, "/lines/0/quantity", "minimum"),
        (r#"{"lines":[{"productId":"p","quantity":2}]}"#, "", "required"),
        (r#"{"orderId":"1","lines":[{"productId":"p","quantity":2}],"placedAt":"x"}"#, "/placedAt", "format"),
        ("[]", "", "type"),
    ];
    for (text, pointer, keyword) in cases {
        let found = violations(&registry, "OrderPlaced", text)?;
        let named = |violation: &&Violation| violation.pointer == pointer && violation.keyword == keyword;
        let Some(violation) = found.iter().find(named) else {
            return Err(Breach::new(format!("`{text}`: no `{keyword}` at `{pointer}` in {found:?}")));
        };
        check!(!violation.message.is_empty(), "`{keyword}` at `{pointer}` has no message");
    }
    registry.register(Event, "Escaped", &small_schema("a/b~c"))?;
    let found = violations(&registry, "Escaped", r#"{"a/b~c":"x"}"#)?;
    let pointers: Vec<&str> = found.iter().map(|violation| violation.pointer.as_str()).collect();
    check_eq!(pointers, ["/a~1b~0c"], "the pointer to a member with `/` and `~`");
    Ok(())
}

/// Where a schema declares members and says nothing of others, others are refused, at every depth.
pub fn members_that_are_not_declared_are_refused<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, _) = with_order::<F>()?;
    for text in [
        r#"{"orderId":"1","lines":[{"productId":"p","quantity":2}],"orderID":"2"}"#,
        r#"{"orderId":"1","lines":[{"productId":"p","quantity":2,"quantitty":3}]}"#,
    ] {
        check!(!violations(&registry, "OrderPlaced", text)?.is_empty(), "no violation in `{text}`");
    }
    let anything = json!({ "type": "object" });
    registry.register(Event, "Anything", &anything)?;
    check!(check_text(&registry, "Anything", r#"{"a":1}"#).is_ok(), "a schema that declares no members is open");
    Ok(())
}

/// The same where the declarations are spread over `allOf`, `anyOf` and `$ref`: each branch's members are declared.
pub fn members_that_are_not_declared_in_composed_schemas_are_refused<F: SchemaRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let composed = json!({
        "type": "object",
        "properties": { "id": { "type": "string" } },
        "allOf": [{ "$ref": "#/$defs/named" }],
        "anyOf": [small_schema("count"), small_schema("weight")],
        "$defs": { "named": { "type": "object", "properties": { "name": { "type": "string" } } } },
    });
    registry.register(Event, "Composed", &composed)?;
    for good in [r#"{"id":"1","name":"n"}"#, r#"{"id":"1","name":"n","count":1}"#, r#"{"weight":2}"#] {
        let accepted = check_text(&registry, "Composed", good);
        check!(accepted.is_ok(), "`{good}` declares every member: {accepted:?}");
    }
    for bad in [r#"{"id":"1","nam":"n"}"#, r#"{"id":1}"#, r#"{"id":"1","name":1}"#] {
        check!(!violations(&registry, "Composed", bad)?.is_empty(), "no violation in `{bad}`");
    }
    Ok(())
}

/// A schema that says what other members may be is taken at its word.
pub fn a_schema_may_open_itself<F: SchemaRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let mut open = small_schema("n");
    let mut typed = small_schema("n");
    if let (Some(open), Some(typed)) = (open.as_object_mut(), typed.as_object_mut()) {
        open.insert("additionalProperties".to_owned(), json!(true));
        typed.insert("additionalProperties".to_owned(), json!({ "type": "string" }));
    }
    registry.register(Event, "Open", &open)?;
    registry.register(Event, "Typed", &typed)?;
    check_text(&registry, "Open", r#"{"n":1,"more":[2]}"#)?;
    check_text(&registry, "Typed", r#"{"n":1,"more":"2"}"#)?;
    check!(check_text(&registry, "Typed", r#"{"n":1,"more":2}"#).is_err(), "a member of another type");
    Ok(())
}

/// Registering what is registered, in whatever order its members are, gives the first registration.
pub fn the_same_schema_again_is_the_first_registration<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, first) = with_order::<F>()?;
    check_eq!(registry.register(Event, "OrderPlaced", &order_schema())?, first, "the same schema again");
    let two = |text: &str| serde_json::from_str::<Value>(text);
    let ordered = two(r#"{"type":"object","properties":{"a":{"type":"string"},"b":true}}"#)?;
    let shuffled = two(r#"{ "properties" : {"b":true,"a":{"type":"string"}}, "type":"object" }"#)?;
    let second = registry.register(Event, "Shuffled", &ordered)?;
    check_eq!(registry.register(Event, "Shuffled", &shuffled)?, second, "the same schema in another order");
    check_eq!(registry.list().len(), 2, "schemas in the list");
    Ok(())
}

/// Another schema of a type is its next version, with an id and a digest of its own; the earlier one stays.
pub fn a_changed_schema_is_the_next_version<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, first) = with_order::<F>()?;
    let second = registry.register(Event, "OrderPlaced", &with_note())?;
    check_eq!(second.version, 2, "the version");
    check!(second.id != first.id, "two versions with id {}", first.id);
    check!(second.digest != first.digest, "two versions with digest {}", first.digest);
    let found = registry.find(Event, "OrderPlaced", Some(1)).map(|document| document.reference);
    check_eq!(found, Some(first.clone()), "the first version");
    let again = registry.register(Event, "OrderPlaced", &order_schema())?;
    check_eq!(again, first, "the first version registered again");
    Ok(())
}

/// The order schema with one more optional member: compatible under every rule.
fn with_note() -> Value {
    let mut schema = order_schema();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties.map(|members| members.insert("note".to_owned(), json!({ "type": "string" })));
    schema
}

/// Without a version, documents are checked against the newest; with one, against that.
pub fn the_newest_version_is_the_default<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, first) = with_order::<F>()?;
    let second = registry.register(Event, "OrderPlaced", &with_note())?;
    let noted = json_text(r#"{"orderId":"1","lines":[{"productId":"p","quantity":2}],"note":"gift"}"#);
    check_eq!(registry.check(Event, "OrderPlaced", None, &noted)?, second, "the newest");
    check_eq!(registry.check(Event, "OrderPlaced", Some(2), &noted)?, second, "version 2");
    check!(registry.check(Event, "OrderPlaced", Some(1), &noted).is_err(), "version 1 knows no note");
    let good = json_text(GOOD);
    check_eq!(registry.check(Event, "OrderPlaced", Some(1), &good)?, first, "version 1");
    Ok(())
}

/// An event type and a command type may share a name and nothing else.
pub fn events_and_commands_of_one_name_are_apart<F: SchemaRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let event = registry.register(Event, "Order", &small_schema("e"))?;
    let unknown = registry.check(Command, "Order", None, &json_text("{}"));
    check!(matches!(unknown, Err(SchemaRefusal::UnknownType { .. })), "a command of an event's name: {unknown:?}");
    let command = registry.register(Command, "Order", &small_schema("e"))?;
    check!(event.id != command.id, "an event and a command with id {}", event.id);
    check_eq!((command.kind, command.version), (Command, 1), "the command");
    check_eq!(registry.check(Command, "Order", None, &json_text(r#"{"e":1}"#))?, command, "its schema");
    check_eq!(registry.check(Event, "Order", None, &json_text(r#"{"e":1}"#))?, event, "the event's schema");
    Ok(())
}

/// No id is given twice, and none changes when others are registered.
pub fn ids_are_unique_and_stable<F: SchemaRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let mut given = Vec::new();
    for number in 0..50 {
        let name = format!("Type{number}");
        given.push(registry.register(Event, &name, &small_schema("n"))?);
        given.push(registry.register(Command, &name, &small_schema("n"))?);
    }
    let ids: HashSet<u32> = given.iter().map(|reference| reference.id).collect();
    check_eq!(ids.len(), 100, "different ids of 100 schemas");
    check!(!ids.contains(&0), "an id is 0");
    for reference in given {
        let again = registry.register(reference.kind, &reference.name, &small_schema("n"))?;
        check_eq!(again, reference, "a schema registered again");
    }
    Ok(())
}

/// What is found is the very schema that was registered, not the form it is checked in.
pub fn found_schemas_are_what_was_registered<F: SchemaRegistryFixture>() -> Outcome {
    let (_fixture, registry, reference) = with_order::<F>()?;
    for version in [None, Some(1)] {
        let Some(found) = registry.find(Event, "OrderPlaced", version) else {
            return Err(Breach::new(format!("version {version:?} is not found")));
        };
        check_eq!(found.reference, reference, "the reference of version {version:?}");
        check_eq!(found.schema, order_schema(), "the schema of version {version:?}");
    }
    check!(registry.find(Event, "OrderPlaced", Some(2)).is_none(), "a version nobody registered");
    check!(registry.find(Command, "OrderPlaced", None).is_none(), "a command nobody registered");
    check!(registry.find(Event, "orderplaced", None).is_none(), "names ignore case");
    Ok(())
}

/// One entry for every kind and name, in that order, at its newest version.
pub fn the_newest_of_every_schema_is_listed<F: SchemaRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    check!(registry.list().is_empty(), "a new registry lists schemas");
    registry.register(Command, "PlaceOrder", &small_schema("n"))?;
    for schema in [order_schema(), with_note()] {
        registry.register(Event, "OrderPlaced", &schema)?;
    }
    registry.register(Event, "InvoiceIssued", &small_schema("n"))?;
    let listed = registry.list().into_iter().map(|document| document.reference);
    let listed: Vec<_> = listed.map(|schema| (schema.kind, schema.name, schema.version)).collect();
    let expected = [(Event, "InvoiceIssued", 1), (Event, "OrderPlaced", 2), (Command, "PlaceOrder", 1)];
    let expected = expected.map(|(kind, name, version)| (kind, name.to_owned(), version));
    check_eq!(listed, expected, "the list");
    Ok(())
}

/// Many threads that register one schema at the same time all get the same answer.
pub fn concurrent_registration_of_one_schema_yields_one_id<F: SchemaRegistryFixture>() -> Outcome {
    let fixture = F::start();
    for round in 0..5 {
        let name = format!("Type{round}");
        let barrier = Arc::new(Barrier::new(16));
        let threads: Vec<_> = (0..16)
            .map(|_| {
                let (registry, barrier, name) = (fixture.registry(), Arc::clone(&barrier), name.clone());
                std::thread::spawn(move || {
                    barrier.wait();
                    registry.register(Event, &name, &order_schema())
                })
            })
            .collect();
        let mut given = Vec::new();
        for thread in threads {
            given.push(thread.join().map_err(|_| Breach::new("a registration panicked"))??);
        }
        let first = given.first().cloned();
        check!(given.iter().all(|reference| Some(reference) == first.as_ref()), "several answers: {given:?}");
        check_eq!(first.map(|reference| reference.version), Some(1), "the version");
    }
    Ok(())
}

/// What is no JSON Schema is not registered, and nothing of it remains.
pub fn documents_that_are_no_schema_are_refused<F: SchemaRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    for document in [
        json!(7),
        json!("object"),
        json!([]),
        json!({ "type": "objekt" }),
        json!({ "type": "object", "required": "id" }),
        json!({ "type": "string", "minLength": -1 }),
        json!({ "type": "string", "pattern": "(" }),
        json!({ "$ref": "#/$defs/nowhere" }),
    ] {
        let refused = registry.register(Event, "Broken", &document);
        check!(matches!(refused, Err(RegisterError::Invalid { .. })), "`{document}` as a schema: {refused:?}");
    }
    check!(registry.find(Event, "Broken", None).is_none(), "a refused schema is found");
    check!(registry.list().is_empty(), "a refused schema is listed");
    Ok(())
}

/// References that lead out of the document are refused when registering; nothing is fetched.
pub fn remote_references_are_refused<F: SchemaRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    for target in [
        "https://example.com/order.json",
        "http://127.0.0.1:9/order.json#/$defs/line",
        "file:///etc/hostname",
        "other.json",
        "urn:example:order",
    ] {
        for keyword in ["$ref", "$dynamicRef"] {
            let schema = json!({ "type": "object", "properties": { "a": { keyword: target } } });
            let refused = registry.register(Event, "Remote", &schema);
            check!(matches!(refused, Err(RegisterError::Invalid { .. })), "`{keyword}: {target}`: {refused:?}");
        }
    }
    Ok(())
}

/// Empty names, very long ones and such with control characters are refused.
pub fn names_that_are_not_acceptable_are_refused<F: SchemaRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    for name in ["", "a\nb", "a\0", &"x".repeat(256)] {
        let refused = registry.register(Event, name, &small_schema("n"));
        check!(matches!(refused, Err(RegisterError::InvalidName { .. })), "the name {name:?}: {refused:?}");
    }
    registry.register(Event, &"x".repeat(128), &small_schema("n"))?;
    Ok(())
}
