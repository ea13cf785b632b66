//! Random documents for a schema. Not all of them fit it; the validators sort that out.

use serde_json::{Map, Value, json};

use super::random::Random;

const TEXTS: [&str; 16] = [
    "",
    "a",
    "b",
    "ab",
    "abc",
    "abcd",
    "x-1",
    "x-2",
    "1",
    "zzzzz",
    "aaaaaaaaa",
    "2026-01-31",
    "a@example.com",
    "127.0.0.1",
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "é1",
];
const NAMES: [&str; 9] = ["a", "b", "c", "x-1", "x-2", "kind", "zz", "x-", "other"];

/// A document drawn from `schema`, one of the schemas of `root`.
pub(super) fn document(root: &Value, schema: &Value, random: &mut Random, depth: usize) -> Value {
    let Value::Object(members) = schema else { return anything(random, depth) };
    if depth == 0 {
        return anything(random, 0);
    }
    if let Some(target) =
        members.get("$ref").and_then(Value::as_str).and_then(|to| root.pointer(to.trim_start_matches('#')))
    {
        return document(root, target, random, depth - 1);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        if let Some(parts) = members.get(keyword).and_then(Value::as_array).filter(|parts| !parts.is_empty()) {
            let part = document(root, random.pick(parts), random, depth);
            return if keyword == "allOf" { merged(root, parts, part, random, depth) } else { part };
        }
    }
    if let Some(value) = members.get("const") {
        return value.clone();
    }
    if let Some(values) = members.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()) {
        return random.pick(values).clone();
    }
    let kind = match members.get("type") {
        Some(Value::String(one)) => one.as_str(),
        Some(Value::Array(several)) => random.pick(several).as_str().unwrap_or_default(),
        _ if members.contains_key("properties") || members.contains_key("required") => "object",
        _ => return anything(random, depth),
    };
    match kind {
        "object" => object(root, members, random, depth),
        "array" => array(root, members, random, depth),
        "string" => text(members, random),
        "integer" => json!(i64::try_from(random.below(24)).unwrap() - 3),
        "number" => number(random),
        "boolean" => json!(random.chance(50)),
        _ => Value::Null,
    }
}

/// Members of all parts in one object.
fn merged(root: &Value, parts: &[Value], first: Value, random: &mut Random, depth: usize) -> Value {
    let Value::Object(mut all) = first else { return first };
    for part in parts {
        if let Value::Object(more) = document(root, part, random, depth - 1) {
            all.extend(more);
        }
    }
    Value::Object(all)
}

fn object(root: &Value, schema: &Map<String, Value>, random: &mut Random, depth: usize) -> Value {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut object = Map::new();
    let percent = *random.pick(&[10, 50, 90]);
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, part) in properties.into_iter().flatten() {
        if required.contains(&name.as_str()) || random.chance(percent) {
            object.insert(name.clone(), document(root, part, random, depth - 1));
        }
    }
    for name in required {
        if !object.contains_key(name) {
            object.insert(name.to_owned(), anything(random, 1));
        }
    }
    let by_pattern = schema.get("patternProperties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties");
    let rest: Vec<&Value> = by_pattern.into_iter().flat_map(Map::values).chain(additional).collect();
    if !rest.is_empty() && random.chance(60) {
        for _ in 0..random.below(3) {
            let name = *random.pick(&NAMES);
            let part = rest[random.below(rest.len())];
            object.insert(name.to_owned(), document(root, part, random, depth - 1));
        }
    }
    Value::Object(object)
}

fn array(root: &Value, schema: &Map<String, Value>, random: &mut Random, depth: usize) -> Value {
    let tuple = schema.get("prefixItems").or_else(|| schema.get("items")).and_then(Value::as_array);
    let rest = schema.get("items").filter(|items| !items.is_array()).or_else(|| schema.get("additionalItems"));
    let anything = json!({});
    let length = random.below(5);
    let item = |index: usize| tuple.and_then(|tuple| tuple.get(index)).or(rest).unwrap_or(&anything);
    let mut items: Vec<Value> = (0..length).map(|index| document(root, item(index), random, depth - 1)).collect();
    if let (Some(wanted), true) = (schema.get("contains"), random.chance(70)) {
        items.push(document(root, wanted, random, depth - 1));
    }
    Value::Array(items)
}

fn text(schema: &Map<String, Value>, random: &mut Random) -> Value {
    if random.chance(40) {
        let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
        let length = usize::try_from(least).unwrap() + random.below(4);
        return json!(random.pick(&["a", "b", "z", "1"]).repeat(length));
    }
    json!(random.pick(&TEXTS))
}

fn number(random: &mut Random) -> Value {
    let quarters = random.below(60);
    if quarters.is_multiple_of(4) && random.chance(70) {
        return json!(quarters / 4);
    }
    json!(quarters as f64 / 4.0 - 1.5)
}

fn anything(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(random.chance(50)),
        2 => json!(random.below(12)),
        3 => number(random),
        4 | 5 => json!(random.pick(&TEXTS)),
        6 => Value::Array((0..random.below(3)).map(|_| anything(random, depth - 1)).collect()),
        _ => {
            let count = random.below(3);
            Value::Object((0..count).map(|_| (random.pick(&NAMES).to_string(), anything(random, depth - 1))).collect())
        }
    }
}

/// The document with one place bent.
pub(super) fn bent(document: &Value, random: &mut Random) -> Value {
    let mut bent = document.clone();
    let mut pointers = vec![String::new()];
    places(document, String::new(), &mut pointers);
    if let Some(place) = bent.pointer_mut(random.pick(&pointers).as_str()) {
        match place {
            Value::Object(members) if random.chance(60) => {
                let name = random.pick(&NAMES).to_string();
                if members.remove(&name).is_none() {
                    members.insert(name, anything(random, 1));
                }
            }
            Value::Array(items) if random.chance(60) => {
                if items.is_empty() || random.chance(50) {
                    items.push(anything(random, 1));
                } else {
                    items.pop();
                }
            }
            other => *other = anything(random, 1),
        }
    }
    bent
}

fn places(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let at = format!("{pointer}/{name}");
                found.push(at.clone());
                places(member, at, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let at = format!("{pointer}/{index}");
                found.push(at.clone());
                places(item, at, found);
            }
        }
        _ => {}
    }
}
