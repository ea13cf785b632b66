//! Random schemas, and small changes of schemas.

use serde_json::{Map, Value, json};

use super::random::Random;

const NAMES: [&str; 6] = ["a", "b", "c", "x-1", "x-2", "kind"];
const PATTERNS: [&str; 7] = ["^x-", "^[a-c]$", "1$", "^[a-z]+$", "^a", "b", "^x-[0-9]$"];
const FORMATS: [&str; 4] = ["date", "uuid", "email", "ipv4"];
const TYPES: [&str; 7] = ["string", "integer", "number", "boolean", "null", "object", "array"];
const DEFINITIONS: [&str; 3] = ["A", "B", "C"];

/// Which keywords a schema may use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Draft202012,
    Draft7,
}

impl Dialect {
    fn definitions(self) -> &'static str {
        if self == Self::Draft7 { "definitions" } else { "$defs" }
    }
}

/// Makes schemas.
pub(super) struct Schemas<'a> {
    pub(super) random: &'a mut Random,
    pub(super) dialect: Dialect,
}

impl Schemas<'_> {
    /// A whole document.
    pub(super) fn document(&mut self) -> Value {
        let mut document = self.schema(3);
        let needed: Vec<&str> =
            DEFINITIONS.into_iter().filter(|name| document.to_string().contains(&format!("/{name}\""))).collect();
        if !needed.is_empty() {
            let definitions: Map<String, Value> =
                DEFINITIONS.into_iter().map(|name| (name.to_owned(), self.schema(2))).collect();
            if let Some(members) = document.as_object_mut() {
                members.insert(self.dialect.definitions().to_owned(), Value::Object(definitions));
            }
        }
        if let (Dialect::Draft7, Some(members)) = (self.dialect, document.as_object_mut()) {
            members.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        }
        document
    }

    pub(super) fn schema(&mut self, depth: usize) -> Value {
        match self.random.below(if depth == 0 { 60 } else { 100 }) {
            0..3 => Value::Bool(self.random.chance(70)),
            3..20 => self.text(),
            20..35 => self.number(),
            35..45 => json!({ "enum": self.values() }),
            45..50 => json!({ "const": self.value() }),
            50..58 => json!({ "type": *self.random.pick(&TYPES) }),
            58..60 => json!({ "type": [*self.random.pick(&TYPES[..3]), *self.random.pick(&TYPES[3..])] }),
            60..80 => self.object(depth - 1),
            80..87 => self.array(depth - 1),
            87..91 => self.combination(depth - 1),
            91..97 => json!({ "$ref": format!("#/{}/{}", self.dialect.definitions(), self.random.pick(&DEFINITIONS)) }),
            97..98 => json!({ "$ref": "#" }),
            _ => json!({}),
        }
    }

    fn value(&mut self) -> Value {
        let values = [
            json!("a"),
            json!("b"),
            json!("x-1"),
            json!(0),
            json!(1),
            json!(2.5),
            json!(null),
            json!(true),
            json!({}),
            json!([1]),
        ];
        self.random.pick(&values).clone()
    }

    fn values(&mut self) -> Value {
        let mut values: Vec<Value> = Vec::new();
        for _ in 0..=self.random.below(4) {
            let value = self.value();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Value::Array(values)
    }

    fn text(&mut self) -> Value {
        let mut schema = json!({ "type": "string" });
        let least = self.random.below(4);
        if self.random.chance(40) {
            schema["minLength"] = json!(least);
        }
        if self.random.chance(40) {
            schema["maxLength"] = json!(least + self.random.below(6));
        }
        if self.random.chance(25) {
            schema["pattern"] = json!(self.random.pick(&PATTERNS));
        }
        if self.random.chance(10) {
            schema["format"] = json!(self.random.pick(&FORMATS));
        }
        schema
    }

    fn number(&mut self) -> Value {
        let mut schema = json!({ "type": if self.random.chance(60) { "integer" } else { "number" } });
        let least = self.random.below(8);
        if self.random.chance(50) {
            schema[if self.random.chance(70) { "minimum" } else { "exclusiveMinimum" }] = json!(least);
        }
        if self.random.chance(40) {
            let most = least + self.random.below(12);
            schema[if self.random.chance(70) { "maximum" } else { "exclusiveMaximum" }] = json!(most);
        }
        if self.random.chance(20) {
            schema["multipleOf"] = self.random.pick(&[json!(1), json!(2), json!(3), json!(4), json!(0.5)]).clone();
        }
        schema
    }

    fn names(&mut self) -> Vec<&'static str> {
        let mut names: Vec<&str> = NAMES.into_iter().filter(|_| self.random.chance(25)).collect();
        if names.is_empty() {
            names.push(*self.random.pick(&NAMES));
        }
        names
    }

    fn object(&mut self, depth: usize) -> Value {
        let mut schema = json!({ "type": "object" });
        let mut properties = Map::new();
        for name in NAMES {
            if self.random.chance(40) {
                properties.insert(name.to_owned(), self.schema(depth));
            }
        }
        schema["properties"] = Value::Object(properties);
        if self.random.chance(40) {
            schema["required"] = json!(self.names());
        }
        for keyword in ["additionalProperties", "patternProperties", "propertyNames", "count", "dependent", "if"] {
            let percent = if keyword == "additionalProperties" { 35 } else { 8 };
            if self.random.chance(percent) {
                self.add_to_object(&mut schema, keyword, depth);
            }
        }
        schema
    }

    fn add_to_object(&mut self, schema: &mut Value, keyword: &str, depth: usize) {
        match keyword {
            "additionalProperties" => {
                schema["additionalProperties"] = match self.random.below(3) {
                    0 => json!(false),
                    1 => json!(true),
                    _ => self.schema(depth),
                };
            }
            "patternProperties" => {
                schema["patternProperties"] = json!({ *self.random.pick(&PATTERNS): self.schema(depth) });
            }
            "propertyNames" => schema["propertyNames"] = self.text(),
            "count" if self.random.chance(50) => schema["minProperties"] = json!(self.random.below(3)),
            "count" => schema["maxProperties"] = json!(1 + self.random.below(4)),
            "dependent" => {
                let (name, names) = (*self.random.pick(&NAMES), self.names());
                match (self.dialect, self.random.chance(60)) {
                    (Dialect::Draft7, true) => schema["dependencies"] = json!({ name: names }),
                    (Dialect::Draft7, false) => schema["dependencies"] = json!({ name: self.schema(depth) }),
                    (_, true) => schema["dependentRequired"] = json!({ name: names }),
                    (_, false) => schema["dependentSchemas"] = json!({ name: { "required": names } }),
                }
            }
            _ => {
                schema["if"] = if self.random.chance(50) {
                    json!({ "required": self.names() })
                } else {
                    json!({ "properties": { *self.random.pick(&NAMES): { "const": self.value() } } })
                };
                schema["then"] = json!({ "required": self.names() });
                if self.random.chance(40) {
                    schema["else"] = json!({ "maxProperties": self.random.below(4) });
                }
            }
        }
    }

    fn array(&mut self, depth: usize) -> Value {
        let mut schema = json!({ "type": "array" });
        if self.random.chance(70) {
            schema["items"] = self.schema(depth);
        }
        if self.random.chance(25) {
            let tuple = json!([self.schema(depth), self.schema(depth)]);
            if self.dialect == Dialect::Draft7 {
                let rest = schema["items"].take();
                schema["items"] = tuple;
                if !rest.is_null() {
                    schema["additionalItems"] = rest;
                }
            } else {
                schema["prefixItems"] = tuple;
            }
        }
        let least = self.random.below(3);
        if self.random.chance(30) {
            schema["minItems"] = json!(least);
        }
        if self.random.chance(30) {
            schema["maxItems"] = json!(least + self.random.below(3));
        }
        if self.random.chance(15) {
            schema["uniqueItems"] = json!(true);
        }
        if self.random.chance(15) {
            schema["contains"] = self.schema(depth.min(1));
        }
        schema
    }

    fn combination(&mut self, depth: usize) -> Value {
        if self.random.chance(15) {
            return json!({ "not": self.schema(depth) });
        }
        let keyword = *self.random.pick(&["allOf", "anyOf", "oneOf"]);
        let parts: Vec<Value> = (0..2 + self.random.below(2)).map(|_| self.schema(depth)).collect();
        let mut schema = json!({ keyword: parts });
        if self.random.chance(15) && self.dialect != Dialect::Draft7 {
            schema["unevaluatedProperties"] = json!(false);
        }
        schema
    }

    /// A schema that differs from `document` in a few places.
    pub(super) fn changed(&mut self, document: &Value) -> Value {
        let mut changed = document.clone();
        for _ in 0..1 + self.random.below(2) {
            let mut places = Vec::new();
            collect(&changed, String::new(), &mut places);
            let place = self.random.pick(&places).clone();
            if let Some(schema) = changed.pointer_mut(&place) {
                self.change(schema, place.is_empty());
            }
        }
        changed
    }

    fn change(&mut self, schema: &mut Value, is_root: bool) {
        if !schema.is_object() || (!is_root && self.random.chance(8)) {
            *schema = self.schema(1);
            return;
        }
        let wrap = !is_root && self.random.chance(8);
        if wrap {
            let keyword = *self.random.pick(&["anyOf", "oneOf", "allOf"]);
            let other = self.schema(0);
            *schema = json!({ keyword: [schema.clone(), other] });
            return;
        }
        let Some(members) = schema.as_object_mut() else { return };
        let keywords: Vec<String> = members.keys().filter(|keyword| !keyword.starts_with('$')).cloned().collect();
        if keywords.is_empty() || self.random.chance(30) {
            self.add(members);
            return;
        }
        let keyword = self.random.pick(&keywords).clone();
        match members.get_mut(&keyword) {
            Some(Value::Number(number)) => {
                let more = self.random.chance(50);
                let bent = number.as_u64().map(|whole| if more { whole + 1 } else { whole.saturating_sub(1) });
                if let Some(bent) = bent.filter(|bent| *bent > 0 || keyword != "multipleOf") {
                    members.insert(keyword, json!(bent));
                }
            }
            Some(Value::Array(items))
                if matches!(keyword.as_str(), "required" | "enum" | "allOf" | "anyOf" | "oneOf") =>
            {
                if items.len() > 1 && self.random.chance(50) {
                    items.remove(self.random.below(items.len()));
                } else {
                    let more = match keyword.as_str() {
                        "required" => json!(self.random.pick(&NAMES)),
                        "enum" => self.value(),
                        _ => self.schema(1),
                    };
                    if !items.contains(&more) {
                        items.push(more);
                    }
                }
            }
            Some(Value::Object(named)) if keyword == "properties" => {
                let name = self.random.pick(&NAMES).to_string();
                if named.remove(&name).is_none() {
                    named.insert(name, self.schema(1));
                }
            }
            Some(Value::String(name)) if keyword == "type" => {
                let (name, other) = (name.clone(), *self.random.pick(&TYPES));
                let listed = if name == other || self.random.chance(40) { json!(other) } else { json!([name, other]) };
                members.insert(keyword, listed);
            }
            _ => {
                members.remove(&keyword);
            }
        }
    }

    fn add(&mut self, members: &mut Map<String, Value>) {
        let mut schema = Value::Object(std::mem::take(members));
        match self.random.below(8) {
            0 => schema["title"] = json!("a title"),
            1 => schema["required"] = json!(self.names()),
            2 => schema["minLength"] = json!(self.random.below(3)),
            3 => schema["maximum"] = json!(self.random.below(12)),
            4 => schema["not"] = self.schema(0),
            5 => schema["minItems"] = json!(self.random.below(3)),
            other => {
                let keyword = if other == 6 { "patternProperties" } else { "additionalProperties" };
                self.add_to_object(&mut schema, keyword, 0);
            }
        }
        if let Value::Object(changed) = schema {
            *members = changed;
        }
    }
}

/// The pointers of all schemas in a document.
fn collect(schema: &Value, pointer: String, places: &mut Vec<String>) {
    places.push(pointer.clone());
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        let at = format!("{pointer}/{keyword}");
        match (keyword.as_str(), value) {
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(named),
            ) => {
                for (name, part) in named {
                    collect(part, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), places);
                }
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(parts)) => {
                for (index, part) in parts.iter().enumerate() {
                    collect(part, format!("{at}/{index}"), places);
                }
            }
            (
                "items"
                | "additionalItems"
                | "additionalProperties"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames",
                part,
            ) => collect(part, at, places),
            _ => {}
        }
    }
}
