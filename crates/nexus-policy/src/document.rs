//! JSON documents as policies see them.
//!
//! The engine's own reading takes an object whose only member is named `$serde_json::private::Number` for a number, so
//! that a client could show a policy something else than what is stored. This one has no such exception, and it holds
//! on to a name that comes again, as those of the lines of an order do.

use std::{collections::BTreeMap, fmt};

use nexus_core::Json;
use regorus::{Rc, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads a document.
///
/// # Errors
/// When it is not JSON, or a number is outside what policies can represent.
pub(crate) fn value(document: &Json) -> Result<Value, serde_json::Error> {
    read(document.as_str())
}

/// Reads the text of a document or of a part of one.
///
/// # Errors
/// As [`value`].
pub(crate) fn read(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Reader(&mut Names::default()).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The names of members that were met in one document.
#[derive(Default)]
struct Names(Vec<Rc<str>>);

impl Names {
    /// Most names held on to; they are looked through one by one.
    const MAX: usize = 16;

    fn get(&mut self, name: &str) -> Rc<str> {
        if let Some(known) = self.0.iter().find(|known| ***known == *name) {
            return Rc::clone(known);
        }
        let new: Rc<str> = name.into();
        if self.0.len() < Self::MAX {
            self.0.push(Rc::clone(&new));
        }
        new
    }
}

/// Reads one value.
struct Reader<'a>(&'a mut Names);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.is_finite() { Ok(Value::from(value)) } else { Err(E::custom("a number is too large")) }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Reader(self.0))? {
            items.push(item);
        }
        Ok(Value::from(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = access.next_key_seed(Name(self.0))? {
            members.push((Value::String(name), access.next_value_seed(Reader(self.0))?));
        }
        Ok(Value::from(members.into_iter().collect::<BTreeMap<_, _>>()))
    }
}

/// Reads the name of a member.
struct Name<'a>(&'a mut Names);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Rc<str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Rc<str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Rc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Rc<str>, E> {
        Ok(self.0.get(name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any JSON, with names that come again and more of them than are held on to.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 64, 24, |inner| {
            let name = prop_oneof!["[a-d]", "[a-z]{1,2}", ".{0,3}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
                prop::collection::btree_map(name, inner, 0..24)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn documents_are_read_as_the_engine_reads_them() {
        proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }, |(document in json())| {
            let text = document.to_string();
            prop_assert_eq!(read(&text).unwrap(), Value::from_json_str(&text).unwrap());
        });
    }

    #[test]
    fn an_object_is_never_taken_for_a_number() {
        let text = r#"{"$serde_json::private::Number":"7"}"#;
        assert_eq!(Value::from_json_str(text).unwrap(), Value::from(7_u64), "the engine's own reading");
        assert_eq!(read(text).unwrap().to_json_str().unwrap().replace(char::is_whitespace, ""), text);
    }

    #[test]
    fn what_is_not_json_or_too_deep_is_refused() {
        for text in ["", "{", "[1,]", "{\"a\":1}x", "1e999", &"[".repeat(100_000)] {
            assert!(read(text).is_err(), "{}", text.get(..4).unwrap_or(text));
        }
    }
}
