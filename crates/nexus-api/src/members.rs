//! The members of a JSON object, in order and as they were written.

use std::{borrow::Cow, fmt};

use nexus_core::Json;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of one object; duplicate names are kept, because strict parsing came before.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

/// An object of these members, without white space between them.
pub(crate) fn object_of<'m>(members: impl Iterator<Item = (&'m str, &'m str)>) -> Json {
    let mut text = String::from("{");
    for (name, raw) in members {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&serde_json::Value::from(name).to_string());
        text.push(':');
        text.push_str(raw);
    }
    text.push('}');
    Json::from_stored(text.into())
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs)
    }
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(Key(name)) = access.next_key()? {
            members.push((name, access.next_value::<&'de RawValue>()?));
        }
        Ok(Members(members))
    }
}
