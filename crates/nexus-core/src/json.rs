//! JSON documents kept byte for byte, and the strict reader that lets them in.

use std::{borrow::Cow, collections::HashSet, fmt};

use bytes::Bytes;
use serde::{
    de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor},
    ser,
};
use serde_json::{Value, value::RawValue};

/// One JSON document as the bytes it arrived in; cheap to clone.
///
/// The bytes are UTF-8 JSON without duplicate keys when they came through [`Json::parse`], and whatever the
/// log's checksum vouches for when they came through [`Json::from_stored`].
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Bytes);

/// Why bytes are not an acceptable JSON document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at line {line} column {column}")]
pub struct JsonError {
    /// What is wrong, in a few words.
    pub reason: String,
    /// 1-based line in the document.
    pub line: usize,
    /// 1-based column in the line.
    pub column: usize,
}

impl Json {
    /// Reads one document strictly: valid UTF-8, no duplicate keys, no trailing text, at most 128 levels deep.
    ///
    /// Duplicate keys are refused because two readers may pick different ones (RFC 8259 section 4).
    ///
    /// # Errors
    /// [`JsonError`] with the place of the first problem.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, JsonError> {
        let bytes = bytes.into();
        check_strict(&bytes)?;
        Ok(Self(bytes))
    }

    /// The document `value` writes.
    #[must_use]
    pub fn from_value(value: &Value) -> Self {
        Self(Bytes::from(value.to_string()))
    }

    /// The document that serialising `value` writes.
    ///
    /// # Errors
    /// When `value` refuses to be serialised, or has a map whose keys are not strings.
    pub fn from_serialize<T: ser::Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(|bytes| Self(bytes.into()))
    }

    /// Takes bytes that an earlier [`Json::parse`] accepted and a store kept; they are not read again here.
    #[must_use]
    pub fn from_stored(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// `{}`.
    #[must_use]
    pub fn empty_object() -> Self {
        Self(Bytes::from_static(b"{}"))
    }

    /// The document's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The document's text; empty when stored bytes were not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes at all (never true for a parsed document).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Parses the document into a typed value.
    ///
    /// # Errors
    /// When the document does not have the shape of `T`.
    pub fn to<'a, T: de::Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }

    /// Parses the document.
    ///
    /// # Errors
    /// When stored bytes are not JSON.
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        self.to()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ser::Serialize for Json {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_slice::<&RawValue>(&self.0).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> de::Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(Bytes::from(Box::<str>::from(raw).into_string())))
    }
}

/// Whether bytes are one document as [`Json::parse`] takes it.
///
/// # Errors
/// [`JsonError`] with the place of the first problem.
pub fn check_strict(bytes: &[u8]) -> Result<(), JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Strict.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| JsonError { reason: bare_reason(&error), line: error.line(), column: error.column() })
}

/// The message of a `serde_json` error without its own "at line … column …".
fn bare_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or_else(|| text.clone(), |(reason, _)| reason.to_owned())
}

/// Reads a value of any kind and keeps nothing of it.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        if value.is_finite() { Ok(()) } else { Err(E::custom("number out of range")) }
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while access.next_element_seed(Strict)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let mut keys = Keys::default();
        while let Some(Key(key)) = access.next_key::<Key<'de>>()? {
            if !keys.insert(key.clone()) {
                let shown: String = key.chars().take(64).collect();
                return Err(de::Error::custom(format_args!("the key `{shown}` appears twice")));
            }
            access.next_value_seed(Strict)?;
        }
        Ok(())
    }
}

/// A key, borrowed from the document where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The keys of one object. Most objects have so few that comparing with each is quickest.
#[derive(Default)]
struct Keys<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Keys<'a> {
    const FEW: usize = 16;

    /// False when the key was there.
    fn insert(&mut self, key: Cow<'a, str>) -> bool {
        if self.many.is_empty() && self.few.len() < Self::FEW {
            let fresh = !self.few.contains(&key);
            self.few.push(key);
            return fresh;
        }
        self.many.extend(self.few.drain(..));
        self.many.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_its_bytes() {
        let text = "{ \"b\": 1.50, \"a\": [true, null] }";
        let json = Json::parse(text).unwrap();
        assert_eq!(json.as_str(), text);
        assert_eq!(json.to_value().unwrap()["b"], 1.5);
        assert_eq!(serde_json::to_string(&json).unwrap(), text);
    }

    #[test]
    fn hostile_documents_are_refused_with_their_place() {
        let deep = "[".repeat(200_000);
        for bad in ["", "{", "{}x", "{}{}", "nul", "\"\\ud800\"", "1e400", "{\"a\":1,\"a\":2}", "[01]", &deep] {
            assert!(Json::parse(bad.to_owned()).is_err(), "{bad:.40}");
        }
        let error = Json::parse("{\"x\":\n{\"a\":1,\"a\":2}}").unwrap_err();
        assert_eq!(error.to_string(), "the key `a` appears twice at line 2 column 10");
        assert!(Json::parse(&b"\"\xff\""[..]).is_err());
    }

    #[test]
    fn a_key_is_found_twice_among_few_and_many_however_it_is_written() {
        for count in [1, 15, 16, 17, 40] {
            let keys: Vec<String> = (0..count).map(|key| format!("\"k{key}\":{key}")).collect();
            let keys = keys.join(",");
            assert!(Json::parse(format!("{{{keys}}}")).is_ok(), "{count}");
            assert!(Json::parse(format!("{{{keys},\"\\u006b0\":1}}")).is_err(), "{count}");
        }
    }
}
