use std::collections::BTreeMap;

use nexus_core::ports::SchemaKind;
use serde_json::{Map, Value, json};

use super::declared::{Declared, DeclaredSchema};

const DIALECT: &str = "application/schema+json;version=draft-2020-12";

/// The AsyncAPI 3.0 document of an application: one channel of events and one of commands for each aggregate.
pub(crate) fn asyncapi(application: &str, declared: &Declared) -> Value {
    let mut aggregates: BTreeMap<(&str, SchemaKind), Vec<&DeclaredSchema>> = BTreeMap::new();
    for schema in &declared.schemas {
        aggregates.entry((&schema.aggregate, schema.subject.kind)).or_default().push(schema);
    }
    let (mut channels, mut operations) = (Map::new(), Map::new());
    for ((aggregate, kind), schemas) in &aggregates {
        let (suffix, address, action) = match kind {
            SchemaKind::Event => ("Events", "/api/events/stream", "send"),
            SchemaKind::Command => ("Commands", "/api/commands/{commandType}", "receive"),
        };
        let name = format!("{aggregate}{suffix}");
        let messages = schemas.iter().map(|schema| {
            let key = message_key(schema);
            (key.clone(), json!({ "$ref": format!("#/components/messages/{key}") }))
        });
        let mut channel = json!({
            "address": address,
            "description": format!("{suffix} of {aggregate}."),
            "messages": messages.collect::<Map<_, _>>(),
        });
        if let (SchemaKind::Command, Some(members)) = (kind, channel.as_object_mut()) {
            let about = json!({ "commandType": { "description": "The type of the command.", "examples": [] } });
            members.insert("parameters".to_owned(), about);
        }
        channels.insert(name.clone(), channel);
        operations.insert(
            format!("{action}{name}"),
            json!({ "action": action, "channel": { "$ref": format!("#/channels/{name}") } }),
        );
    }
    let messages: Map<_, _> = declared.schemas.iter().map(|schema| (message_key(schema), message(schema))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": application, "version": env!("CARGO_PKG_VERSION") },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    })
}

/// An event and a command may have the same name.
fn message_key(schema: &DeclaredSchema) -> String {
    match schema.subject.kind {
        SchemaKind::Event => schema.subject.name.clone(),
        SchemaKind::Command => format!("{}Command", schema.subject.name),
    }
}

fn message(declared: &DeclaredSchema) -> Value {
    let name = &declared.subject.name;
    let mut schema = declared.schema.clone();
    if let Some(members) = schema.as_object_mut() {
        // An id of its own, so that references inside stay inside.
        members.insert("$id".to_owned(), json!(format!("urn:nexus:{}:{name}", declared.subject.kind)));
    }
    let mut message = json!({
        "name": name,
        "title": name,
        "contentType": "application/json",
        "payload": { "schemaFormat": DIALECT, "schema": schema },
    });
    let description = declared.schema.get("description").cloned();
    if let (Some(description), Some(members)) = (description, message.as_object_mut()) {
        members.insert("description".to_owned(), description);
    }
    message
}
