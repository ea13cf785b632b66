//! A schema as a graph: which parts apply to the same place of a document, and which to a place further in.

use std::collections::HashMap;

use jsonschema::Draft;
use serde_json::{Map, Value};

/// How one schema uses another at the same place of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InPlace {
    /// `allOf`, `anyOf`, `oneOf`, `then`, `else`, `dependentSchemas`, `$ref`: what it declares counts.
    Part,
    /// `if`: only asks.
    Condition,
    /// `not`: declares nothing.
    Negation,
}

/// Which members or items of the document a schema further in applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Child {
    /// The member of this name.
    Member(String),
    /// Any member: `additionalProperties`, `patternProperties`, `unevaluatedProperties`.
    AnyMember,
    /// Items of an array.
    Item,
    /// Asked about, but not a place where a document may be closed: `contains`, `propertyNames`.
    Probe,
}

/// One schema in the document.
#[derive(Debug)]
pub(crate) struct Node {
    /// JSON Pointer into the schema document.
    pub(crate) pointer: String,
    /// The schemas that apply to the same place.
    pub(crate) in_place: Vec<(InPlace, usize)>,
    /// The schemas that apply further in.
    pub(crate) children: Vec<(Child, usize)>,
    /// It has `properties` and says nothing about other members.
    pub(crate) declares_openly: bool,
    /// It has `additionalProperties` or `unevaluatedProperties`.
    pub(crate) states_openness: bool,
    /// It cannot accept an object.
    pub(crate) refuses_objects: bool,
    /// It asks what other parts have evaluated, which walks those parts again.
    pub(crate) evaluates_twice: bool,
    /// It has alternatives or conditions: which parts apply depends on the document.
    pub(crate) chooses: bool,
}

/// All schemas of a document; node 0 is the document itself.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
}

/// Keywords whose value is one schema that applies in place.
const IN_PLACE: [&str; 4] = ["if", "then", "else", "not"];
/// Keywords whose value is a list of schemas that apply in place.
const IN_PLACE_LIST: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords whose value is a map of schemas that apply in place.
const IN_PLACE_MAP: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Keywords whose parts apply or not, depending on the document.
const CHOICES: [&str; 5] = ["anyOf", "oneOf", "if", "dependentSchemas", "dependencies"];
/// Keywords that refer to another schema.
pub(crate) const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
/// Keywords that hold schemas for others to refer to.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// Whether `$ref` makes every keyword beside it meaningless, as it did before draft 2019-09.
pub(crate) fn lone_reference(draft: Draft, schema: &Map<String, Value>) -> bool {
    matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7) && schema.get("$ref").is_some_and(Value::is_string)
}

struct Builder<'a> {
    root: &'a Value,
    draft: Draft,
    nodes: Vec<Node>,
    known: HashMap<String, usize>,
    /// Nodes whose own content is not read yet.
    pending: Vec<(usize, &'a Value)>,
    anchors: HashMap<&'a str, String>,
}

impl Graph {
    /// Reads a schema document.
    ///
    /// # Errors
    /// A sentence when a reference leads nowhere or out of the document.
    pub(crate) fn read(root: &Value, draft: Draft) -> Result<Self, String> {
        let mut builder = Builder {
            root,
            draft,
            nodes: Vec::new(),
            known: HashMap::new(),
            pending: Vec::new(),
            anchors: HashMap::new(),
        };
        builder.find_anchors();
        builder.node(String::new(), root);
        while let Some((index, schema)) = builder.pending.pop() {
            if let Value::Object(members) = schema {
                builder.read_node(index, members)?;
            }
        }
        Ok(Self { nodes: builder.nodes })
    }

    /// The node at `index`, which came from this graph.
    pub(crate) fn get(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }
}

impl<'a> Builder<'a> {
    /// Every `$anchor` and its older spelling (`$id: "#name"`), wherever it is.
    fn find_anchors(&mut self) {
        let mut pending = vec![(String::new(), self.root)];
        while let Some((pointer, value)) = pending.pop() {
            match value {
                Value::Object(members) => {
                    for keyword in ["$anchor", "$dynamicAnchor", "$id", "id"] {
                        let name = members.get(keyword).and_then(Value::as_str);
                        let fragment = name.map(|name| name.strip_prefix('#').unwrap_or(name));
                        if let Some(fragment) = fragment
                            .filter(|_| keyword.ends_with("nchor") || name.is_some_and(|name| name.starts_with('#')))
                        {
                            self.anchors.entry(fragment).or_insert_with(|| pointer.clone());
                        }
                    }
                    for (key, member) in members {
                        pending.push((join(&pointer, key), member));
                    }
                }
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        pending.push((join(&pointer, &index.to_string()), item));
                    }
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, pointer: String, schema: &'a Value) -> usize {
        if let Some(index) = self.known.get(&pointer) {
            return *index;
        }
        let index = self.nodes.len();
        let members = schema.as_object();
        let has = |keyword: &str| members.is_some_and(|members| members.contains_key(keyword));
        let lone = members.is_some_and(|members| lone_reference(self.draft, members));
        let states_openness = !lone && (has("additionalProperties") || has("unevaluatedProperties"));
        self.nodes.push(Node {
            pointer: pointer.clone(),
            in_place: Vec::new(),
            children: Vec::new(),
            declares_openly: !lone && has("properties") && !states_openness,
            states_openness,
            refuses_objects: !lone && refuses_objects(schema),
            evaluates_twice: has("unevaluatedProperties") || has("unevaluatedItems"),
            chooses: CHOICES.iter().any(|keyword| has(keyword)),
        });
        self.known.insert(pointer, index);
        self.pending.push((index, schema));
        index
    }

    fn read_node(&mut self, index: usize, schema: &'a Map<String, Value>) -> Result<(), String> {
        let pointer = self.nodes.get(index).map(|node| node.pointer.clone()).unwrap_or_default();
        self.definitions(&pointer, schema);
        let mut in_place = Vec::new();
        for keyword in REFERENCES {
            if let Some(target) = schema.get(keyword).and_then(Value::as_str) {
                in_place.push((InPlace::Part, self.follow(&pointer, keyword, target)?));
            }
        }
        let mut children = Vec::new();
        if !lone_reference(self.draft, schema) {
            self.applied_in_place(&pointer, schema, &mut in_place);
            self.applied_to_members(&pointer, schema, &mut children);
            self.applied_to_items(&pointer, schema, &mut children);
        }
        if let Some(node) = self.nodes.get_mut(index) {
            node.in_place = in_place;
            node.children = children;
        }
        Ok(())
    }

    /// Definitions are read even when nothing refers to them, so that what is wrong inside is found.
    fn definitions(&mut self, pointer: &str, schema: &'a Map<String, Value>) {
        for keyword in DEFINITIONS {
            for (name, definition) in schema.get(keyword).and_then(Value::as_object).into_iter().flatten() {
                self.node(join(&join(pointer, keyword), name), definition);
            }
        }
    }

    fn applied_in_place(&mut self, pointer: &str, schema: &'a Map<String, Value>, found: &mut Vec<(InPlace, usize)>) {
        for keyword in IN_PLACE {
            if let Some(part) = schema.get(keyword) {
                let how = match keyword {
                    "if" => InPlace::Condition,
                    "not" => InPlace::Negation,
                    _ => InPlace::Part,
                };
                found.push((how, self.node(join(pointer, keyword), part)));
            }
        }
        for keyword in IN_PLACE_LIST {
            let parts = schema.get(keyword).and_then(Value::as_array);
            for (place, part) in parts.into_iter().flatten().enumerate() {
                let at = join(&join(pointer, keyword), &place.to_string());
                found.push((InPlace::Part, self.node(at, part)));
            }
        }
        for keyword in IN_PLACE_MAP {
            let parts = schema.get(keyword).and_then(Value::as_object);
            for (name, part) in parts.into_iter().flatten().filter(|(_, part)| !part.is_array()) {
                found.push((InPlace::Part, self.node(join(&join(pointer, keyword), name), part)));
            }
        }
    }

    fn applied_to_members(&mut self, pointer: &str, schema: &'a Map<String, Value>, found: &mut Vec<(Child, usize)>) {
        for (keyword, any) in [("properties", false), ("patternProperties", true)] {
            let parts = schema.get(keyword).and_then(Value::as_object);
            for (name, part) in parts.into_iter().flatten() {
                let child = if any { Child::AnyMember } else { Child::Member(name.clone()) };
                found.push((child, self.node(join(&join(pointer, keyword), name), part)));
            }
        }
        for (keyword, child) in [
            ("additionalProperties", Child::AnyMember),
            ("unevaluatedProperties", Child::AnyMember),
            ("propertyNames", Child::Probe),
        ] {
            if let Some(part) = schema.get(keyword) {
                found.push((child, self.node(join(pointer, keyword), part)));
            }
        }
    }

    fn applied_to_items(&mut self, pointer: &str, schema: &'a Map<String, Value>, found: &mut Vec<(Child, usize)>) {
        for keyword in ["items", "prefixItems", "additionalItems", "unevaluatedItems", "contains"] {
            let child = if keyword == "contains" { Child::Probe } else { Child::Item };
            let at = join(pointer, keyword);
            match schema.get(keyword) {
                Some(Value::Array(parts)) => {
                    for (place, part) in parts.iter().enumerate() {
                        found.push((child.clone(), self.node(join(&at, &place.to_string()), part)));
                    }
                }
                Some(part) => found.push((child, self.node(at, part))),
                None => {}
            }
        }
    }

    /// The node a reference leads to.
    fn follow(&mut self, pointer: &str, keyword: &str, target: &str) -> Result<usize, String> {
        let place = place(pointer);
        let Some(fragment) = target.strip_prefix('#') else {
            return Err(format!(
                "`{keyword}` {place} leads out of the document to `{}`; nothing is fetched: copy the schema under \
                 `$defs` and refer to `#/$defs/<name>`",
                shown(target)
            ));
        };
        let fragment = percent_decode(fragment);
        let at = if fragment.is_empty() || fragment.starts_with('/') {
            fragment
        } else {
            self.anchors
                .get(fragment.as_str())
                .cloned()
                .ok_or_else(|| format!("`{keyword}` {place} names the anchor `{}`, which is nowhere", shown(target)))?
        };
        let root = self.root;
        let schema = root
            .pointer(&at)
            .ok_or_else(|| format!("`{keyword}` {place} leads to `{}`, where there is nothing", shown(target)))?;
        if !schema.is_object() && !schema.is_boolean() {
            let target = shown(target);
            return Err(format!("`{keyword}` {place} leads to `{target}`, which is not a schema"));
        }
        Ok(self.node(at, schema))
    }
}

/// Whether no object can be valid: its `type`, `const` or `enum` leaves none.
fn refuses_objects(schema: &Value) -> bool {
    let Some(schema) = schema.as_object() else {
        return schema == &Value::Bool(false);
    };
    let by_type = match schema.get("type") {
        Some(Value::String(name)) => name != "object",
        Some(Value::Array(names)) => !names.iter().any(|name| name == "object"),
        _ => false,
    };
    by_type
        || schema.get("const").is_some_and(|value| !value.is_object())
        || schema.get("enum").and_then(Value::as_array).is_some_and(|values| !values.iter().any(Value::is_object))
}

/// `pointer` extended by one escaped token.
pub(crate) fn join(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// Where in a schema, for a sentence.
pub(crate) fn place(pointer: &str) -> String {
    if pointer.is_empty() { "at the top".to_owned() } else { format!("at #{}", shown(pointer)) }
}

/// A text cut to a length that fits a message.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(120).flat_map(char::escape_debug).collect();
    if text.chars().nth(120).is_some() { format!("{cut}…") } else { cut }
}

/// `text` with `%41` and the like replaced by what they stand for.
pub(crate) fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = tail.get(if decoded.is_some() { 2.. } else { 0.. }).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
