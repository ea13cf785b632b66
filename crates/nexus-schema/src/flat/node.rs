use std::borrow::Cow;

use jsonschema::{
    JsonType,
    json::{Array, Json, Node, NodeIdentity, Object, cmp},
};
use serde_json::{Map, Number, Value};

use super::entry::{Entry, Extent, Flat};

/// Documents that borrow from their text, as the validator's representation of JSON.
pub(crate) struct Borrowing;

/// A value of a document: all of its entries, and which one it is.
#[derive(Clone, Copy)]
pub(crate) struct FlatNode<'a> {
    entries: &'a [Entry<'a>],
    index: usize,
}

impl Flat<'_> {
    /// The whole document.
    pub(crate) fn root(&self) -> FlatNode<'_> {
        FlatNode { entries: &self.entries, index: 0 }
    }
}

impl<'a> FlatNode<'a> {
    fn entry(self) -> &'a Entry<'a> {
        // An index is only ever made by reading or stepping over the entries, so this one is there.
        self.entries.get(self.index).unwrap_or(&Entry::Null)
    }

    /// Index of the first entry behind this value.
    fn end(self) -> usize {
        match self.entry() {
            Entry::Array(extent) | Entry::Object(extent) => extent.end,
            _ => self.index + 1,
        }
    }

    fn extent(self) -> Extent {
        match self.entry() {
            Entry::Array(extent) | Entry::Object(extent) => *extent,
            _ => Extent { count: 0, end: self.index + 1 },
        }
    }

    fn elements(self) -> Elements<'a> {
        Elements { next: Self { index: self.index + 1, ..self }, end: self.extent().end }
    }

    fn text(self) -> Option<&'a str> {
        match self.entry() {
            Entry::Text(text) => Some(text),
            _ => None,
        }
    }

    fn value(self) -> Value {
        match self.entry() {
            Entry::Null => Value::Null,
            Entry::Boolean(value) => Value::Bool(*value),
            Entry::Number(number) => Value::Number(number.clone()),
            Entry::Text(text) => Value::String(text.clone().into_owned()),
            Entry::Array(_) => Value::Array(self.elements().map(Self::value).collect()),
            Entry::Object(_) => {
                let members = Members(self.elements()).map(|(key, value)| (key.to_owned(), value.value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }
}

/// Values that follow each other.
pub(crate) struct Elements<'a> {
    next: FlatNode<'a>,
    end: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = FlatNode<'a>;

    fn next(&mut self) -> Option<FlatNode<'a>> {
        let node = self.next;
        if node.index >= self.end {
            return None;
        }
        self.next.index = node.end();
        Some(node)
    }
}

/// Keys, each with its value.
pub(crate) struct Members<'a>(Elements<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, FlatNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?.text()?;
        Some((key, self.0.next()?))
    }
}

impl Json for Borrowing {
    type Node<'a> = FlatNode<'a>;
    type PreparedKey = String;
    type StringBuffer = Option<Flat<'static>>;

    // A look-up passes over half of the members, stepping over their values.
    const KEYS_PER_LOOKUP: usize = 4;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Self::StringBuffer, string: &str, f: impl FnOnce(FlatNode<'_>) -> T) -> T {
        f(buffer.insert(Flat::of_text(string.to_owned())).root())
    }
}

impl<'a> Node<'a, Borrowing> for FlatNode<'a> {
    type Object = Self;
    type Array = Self;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Self> {
        matches!(self.entry(), Entry::Object(_)).then_some(*self)
    }

    fn as_array(&self) -> Option<Self> {
        matches!(self.entry(), Entry::Array(_)).then_some(*self)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        self.text().map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<&'a Number> {
        match self.entry() {
            Entry::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.entry() {
            Entry::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.entry(), Entry::Null)
    }

    fn json_type(&self) -> JsonType {
        match self.entry() {
            Entry::Null => JsonType::Null,
            Entry::Boolean(_) => JsonType::Boolean,
            Entry::Number(_) => JsonType::Number,
            Entry::Text(_) => JsonType::String,
            Entry::Array(_) => JsonType::Array,
            Entry::Object(_) => JsonType::Object,
        }
    }

    fn string_length_within(&self, min: u64, max: u64) -> Option<bool> {
        // A code point takes one to four bytes, which decides most bounds without counting.
        let text = self.text()?;
        let (most, fewest) = (text.len() as u64, text.len().div_ceil(4) as u64);
        let within = min <= fewest && most <= max;
        Some(within || (min <= most && fewest <= max && (min..=max).contains(&(text.chars().count() as u64))))
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self.text(), expected) {
            (Some(text), Value::String(expected)) => text == expected,
            (Some(_), _) | (None, Value::String(_)) => false,
            (None, _) => cmp::equal(&self.value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(self.value())
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.entry()) as usize))
    }
}

impl<'a> Object<'a, Borrowing> for FlatNode<'a> {
    type Node = Self;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.extent().count
    }

    fn get(&self, key: &String) -> Option<Self> {
        self.members().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn members(&self) -> Members<'a> {
        Members(self.elements())
    }
}

impl<'a> Array<'a, Borrowing> for FlatNode<'a> {
    type Node = Self;
    type ElementsIter = Elements<'a>;

    fn len(&self) -> usize {
        self.extent().count
    }

    fn elements(&self) -> Elements<'a> {
        FlatNode::elements(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_reads_the_same_as_a_tree() {
        for text in [
            "null",
            "[]",
            "{}",
            "\"\\u00e9\\n\"",
            "[1,-2,2.5,1e3,true,false,null,\"x\",[[]],{\"a\":{}}]",
            "{\"a\":{\"b\":[{\"c\":1},2]},\"\\u0064\":\"e\",\"f\":[],\"g\":{},\"h\":18446744073709551615}",
        ] {
            let flat = Flat::read(text.as_bytes()).unwrap();
            let tree: Value = serde_json::from_str(text).unwrap();
            assert_eq!(flat.root().value(), tree, "{text}");
            assert_eq!(Flat::of(&tree).root().value(), tree, "{text}");
        }
    }

    #[test]
    fn the_validators_own_suite_for_representations_of_json_holds() {
        let document = jsonschema::json::conformance::document().to_string();
        let flat = Flat::read(document.as_bytes()).unwrap();
        jsonschema::json::conformance::assert_conformance::<Borrowing>(&flat.root());
    }
}
