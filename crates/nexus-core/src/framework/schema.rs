use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    framework::{CodecError, Events},
    ports::{Column, ColumnKind},
};

/// The JSON Schema (draft 2020-12) of a type.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().into()
}

/// The schema of one variant's content in an externally tagged enum.
pub(crate) fn variant_schema<E: Events>(variant: &str) -> Result<Value, CodecError> {
    let root = schema_of::<E>();
    let unknown = || CodecError::new(variant, "the enum's schema has no variant of this name");
    // An enum whose variants all have no content is one branch without `oneOf`.
    let branches =
        root.get("oneOf").and_then(Value::as_array).map_or_else(|| std::slice::from_ref(&root), Vec::as_slice);
    let (branch, content) = branches
        .iter()
        .find_map(|branch| branch.pointer("/properties")?.get(variant).map(|content| (Some(branch), content.clone())))
        .or_else(|| branches.iter().any(|branch| names_unit(branch, variant)).then(|| (None, unit_schema())))
        .ok_or_else(unknown)?;
    let mut schema = match content {
        Value::Object(members) => members,
        other => Map::from_iter([("allOf".to_owned(), json!([other]))]),
    };
    let described = branch.and_then(|branch| branch.get("description")).cloned();
    if let Some(description) = described.filter(|_| !schema.contains_key("description")) {
        schema.insert("description".to_owned(), description);
    }
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(variant));
    if let Some(definitions) = root.get("$defs") {
        schema.insert("$defs".to_owned(), definitions.clone());
    }
    Ok(Value::Object(schema))
}

fn unit_schema() -> Value {
    json!({ "type": "object", "properties": {} })
}

fn names_unit(branch: &Value, variant: &str) -> bool {
    branch.get("const").and_then(Value::as_str) == Some(variant)
        || branch.get("enum").and_then(Value::as_array).is_some_and(|names| names.iter().any(|name| name == variant))
}

/// The columns of a row type, from its schema's properties.
pub(crate) fn columns_of<T: JsonSchema>() -> Vec<Column> {
    let root = schema_of::<T>();
    let properties = root.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| Column { name: name.clone(), kind: column_kind(resolve(&root, schema)) })
        .collect()
}

fn column_kind(schema: &Value) -> ColumnKind {
    let named = match schema.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    };
    match named {
        Some("string") => ColumnKind::Text,
        Some("integer") => ColumnKind::Integer,
        Some("number") => ColumnKind::Real,
        Some("boolean") => ColumnKind::Boolean,
        None if schema.get("enum").or_else(|| schema.get("oneOf")).is_some() => ColumnKind::Text,
        _ => ColumnKind::Json,
    }
}

/// Follows a local `$ref`.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

/// A small document that fits a schema, for catalogues and forms: examples and defaults where given, otherwise the
/// smallest values. Optional properties are included so that a reader sees them.
#[must_use]
pub fn example_of(schema: &Value) -> Value {
    Example { root: schema }.value(schema, 0)
}

struct Example<'a> {
    root: &'a Value,
}

impl Example<'_> {
    const MAX_DEPTH: usize = 8;

    fn value(&self, schema: &Value, depth: usize) -> Value {
        if depth > Self::MAX_DEPTH {
            return Value::Null;
        }
        let schema = resolve(self.root, schema);
        let given = schema.pointer("/examples/0").or_else(|| schema.get("const")).or_else(|| schema.get("default"));
        if let Some(value) = given.or_else(|| schema.pointer("/enum/0")).filter(|value| !value.is_null()) {
            return value.clone();
        }
        for keyword in ["oneOf", "anyOf", "allOf"] {
            if let Some(branch) = schema.get(keyword).and_then(|branches| branches.get(0)) {
                return self.value(branch, depth + 1);
            }
        }
        self.typed(schema, depth)
    }

    fn typed(&self, schema: &Value, depth: usize) -> Value {
        let kind = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
            other => other.and_then(Value::as_str),
        };
        match kind {
            Some("string") => json!(string_example(schema)),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
            Some("boolean") => json!(true),
            Some("array") => json!([self.value(schema.get("items").unwrap_or(&Value::Null), depth + 1)]),
            Some("object") => self.object(schema, depth),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let members = properties.into_iter().flatten();
        members.map(|(name, member)| (name.clone(), self.value(member, depth + 1))).collect()
    }
}

fn string_example(schema: &Value) -> &'static str {
    match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-01-31T12:00:00Z",
        Some("date") => "2026-01-31",
        Some("uuid") => "01890a5d-ac96-774b-bcce-b302099a8057",
        Some("email") => "ann@example.com",
        _ => "text",
    }
}
