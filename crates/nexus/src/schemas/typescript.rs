use std::fmt::Write as _;

use nexus_core::ports::SchemaKind;
use serde_json::{Map, Value};

use super::declared::{Declared, DeclaredSchema};

/// TypeScript types of all payloads, and one union each of the events and of the commands, told apart by their type.
pub(crate) fn typescript(application: &str, declared: &Declared) -> String {
    let mut text =
        format!("// Generated from the schemas of `{application}` by `schema generate`; not to be edited.\n");
    for schema in &declared.schemas {
        let name = type_name(schema);
        let writer = Writer { prefix: &name };
        for (definition, body) in definitions(&schema.schema) {
            writer.declare(&mut text, &format!("{name}{}", pascal(definition)), body);
        }
        writer.declare(&mut text, &name, &schema.schema);
    }
    for (kind, union, member) in
        [(SchemaKind::Event, "Event", "eventType"), (SchemaKind::Command, "Command", "commandType")]
    {
        let of_kind = declared.schemas.iter().filter(|schema| schema.subject.kind == kind);
        let variant = |schema: &DeclaredSchema| {
            format!("\n  | {{ {member}: {}; payload: {} }}", quoted(&schema.subject.name), type_name(schema))
        };
        let variants: String = of_kind.map(variant).collect();
        let variants = if variants.is_empty() { " never".to_owned() } else { variants };
        _ = write!(text, "\nexport type {union} ={variants};\n");
    }
    text
}

/// An event and a command may have the same name.
fn type_name(schema: &DeclaredSchema) -> String {
    match schema.subject.kind {
        SchemaKind::Event => pascal(&schema.subject.name),
        SchemaKind::Command => format!("{}Command", pascal(&schema.subject.name)),
    }
}

fn definitions(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = ["$defs", "definitions"].into_iter().filter_map(|name| schema.get(name)?.as_object());
    members.flatten().map(|(name, body)| (name.as_str(), body))
}

struct Writer<'a> {
    prefix: &'a str,
}

impl Writer<'_> {
    fn declare(&self, text: &mut String, name: &str, schema: &Value) {
        text.push('\n');
        document(text, schema, "");
        let plain = ["oneOf", "anyOf", "allOf", "$ref", "enum", "const"].iter().all(|word| schema.get(word).is_none());
        match schema.get("properties").and_then(Value::as_object).filter(|_| plain && is_object(schema)) {
            Some(properties) => {
                _ = writeln!(text, "export interface {name} {}", self.object(schema, properties, ""));
            }
            None => _ = writeln!(text, "export type {name} = {};", self.written(schema, "")),
        }
    }

    /// A type as it is written where `indent` is in force.
    fn written(&self, schema: &Value, indent: &str) -> String {
        let Some(members) = schema.as_object() else {
            return if schema.as_bool() == Some(false) { "never" } else { "unknown" }.to_owned();
        };
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            return self.reference(reference);
        }
        if let Some(value) = members.get("const") {
            return literal(value);
        }
        if let Some(values) = members.get("enum").and_then(Value::as_array) {
            return joined(values.iter().map(literal), " | ");
        }
        for (word, joint) in [("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")] {
            if let Some(branches) = members.get(word).and_then(Value::as_array) {
                return joined(branches.iter().map(|branch| self.written(branch, indent)), joint);
            }
        }
        match members.get("type") {
            Some(Value::Array(names)) => joined(names.iter().map(|name| self.typed(name, schema, indent)), " | "),
            Some(name) => self.typed(name, schema, indent),
            None if members.contains_key("properties") => self.typed(&Value::from("object"), schema, indent),
            None => "unknown".to_owned(),
        }
    }

    fn typed(&self, name: &Value, schema: &Value, indent: &str) -> String {
        match name.as_str().unwrap_or_default() {
            "string" => "string".to_owned(),
            "integer" | "number" => "number".to_owned(),
            "boolean" => "boolean".to_owned(),
            "null" => "null".to_owned(),
            "array" => match schema.get("items") {
                Some(items) => format!("Array<{}>", self.written(items, indent)),
                None => "unknown[]".to_owned(),
            },
            "object" => match schema.get("properties").and_then(Value::as_object) {
                Some(properties) => self.object(schema, properties, indent),
                None => match schema.get("additionalProperties") {
                    Some(values) => format!("Record<string, {}>", self.written(values, indent)),
                    None => "Record<string, unknown>".to_owned(),
                },
            },
            _ => "unknown".to_owned(),
        }
    }

    fn object(&self, schema: &Value, properties: &Map<String, Value>, indent: &str) -> String {
        if properties.is_empty() {
            return "{}".to_owned();
        }
        let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let inner = format!("{indent}  ");
        let mut text = "{\n".to_owned();
        for (name, member) in properties {
            document(&mut text, member, &inner);
            let optional = if required.iter().any(|wanted| wanted == name) { "" } else { "?" };
            _ = writeln!(text, "{inner}{}{optional}: {};", key(name), self.written(member, &inner));
        }
        text.push_str(indent);
        text.push('}');
        text
    }

    /// The type of a definition inside the schema.
    fn reference(&self, reference: &str) -> String {
        let name = reference.strip_prefix("#/$defs/").or_else(|| reference.strip_prefix("#/definitions/"));
        match (name, reference) {
            (Some(name), _) => format!("{}{}", self.prefix, pascal(name)),
            (None, "#") => self.prefix.to_owned(),
            _ => "unknown".to_owned(),
        }
    }
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").is_none_or(|name| name == "object")
}

fn document(text: &mut String, schema: &Value, indent: &str) {
    if let Some(description) = schema.get("description").and_then(Value::as_str) {
        let one_line = description.split_whitespace().collect::<Vec<_>>().join(" ").replace("*/", "* /");
        _ = writeln!(text, "{indent}/** {one_line} */");
    }
}

/// Different alternatives, in brackets where they stand inside another type.
fn joined(parts: impl Iterator<Item = String>, joint: &str) -> String {
    let mut different: Vec<String> = Vec::new();
    for part in parts {
        let part = if part.contains(" | ") && joint == " & " { format!("({part})") } else { part };
        if !different.contains(&part) {
            different.push(part);
        }
    }
    if different.is_empty() { "never".to_owned() } else { different.join(joint) }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => "unknown".to_owned(),
        single => single.to_string(),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn key(name: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '$';
    let starts_well = name.chars().next().is_some_and(|first| !first.is_ascii_digit());
    if starts_well && name.chars().all(plain) { name.to_owned() } else { quoted(name) }
}

/// A name as a type may be called: `order-line.v2` is `OrderLineV2`.
fn pascal(name: &str) -> String {
    let words = name.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect::<String>()
    };
    let joined: String = words.map(capital).collect();
    if joined.starts_with(|first: char| first.is_ascii_digit()) { format!("T{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::files::Subject, *};

    #[test]
    fn every_form_of_schema_has_its_type() {
        let schema = json!({
            "description": "An order,\n was placed.",
            "type": "object",
            "properties": {
                "customer-id": { "type": "string", "description": "Who; not */ more." },
                "lines": { "type": "array", "items": { "$ref": "#/$defs/order-line" } },
                "note": { "type": ["string", "null"] },
                "status": { "enum": ["open", "closed"] },
                "kind": { "const": 7 },
                "labels": { "type": "object", "additionalProperties": { "type": "number" } },
                "either": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/order-line" }, { "type": "string" }] },
                "both": { "allOf": [{ "oneOf": [{ "type": "string" }, { "type": "null" }] }, {}] },
                "nested": { "type": "object", "properties": { "a": { "type": "boolean" } }, "required": ["a"] },
                "any": true,
                "none": false
            },
            "required": ["customer-id", "lines"],
            "$defs": {
                "order-line": { "type": "object", "properties": { "parent": { "$ref": "#/$defs/order-line" } } },
                "2d": { "oneOf": [{ "const": "x" }, { "const": "y" }] }
            }
        });
        let declared = |kind, name: &str, schema| DeclaredSchema {
            subject: Subject::new(kind, name),
            aggregate: "Order".to_owned(),
            version: None,
            schema,
        };
        let schemas = vec![
            declared(SchemaKind::Event, "order.placed", schema),
            declared(SchemaKind::Command, "Nothing", json!({ "type": "object", "properties": {} })),
        ];
        let text = typescript("orders", &Declared { schemas, upcasters: Vec::new() });
        let expected = r#"// Generated from the schemas of `orders` by `schema generate`; not to be edited.

export type OrderPlacedT2d = "x" | "y";

export interface OrderPlacedOrderLine {
  parent?: OrderPlacedOrderLine;
}

/** An order, was placed. */
export interface OrderPlaced {
  any?: unknown;
  both?: (string | null) & unknown;
  /** Who; not * / more. */
  "customer-id": string;
  either?: string | OrderPlacedOrderLine;
  kind?: 7;
  labels?: Record<string, number>;
  lines: Array<OrderPlacedOrderLine>;
  nested?: {
    a: boolean;
  };
  none?: never;
  note?: string | null;
  status?: "open" | "closed";
}

export interface NothingCommand {}

export type Event =
  | { eventType: "order.placed"; payload: OrderPlaced };

export type Command =
  | { commandType: "Nothing"; payload: NothingCommand };
"#;
        assert_eq!(text, expected);
    }
}
