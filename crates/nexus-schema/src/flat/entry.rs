use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// One value, or the key of the member whose value comes next.
pub(super) enum Entry<'a> {
    Null,
    Boolean(bool),
    Number(Number),
    /// A text or a key; owned only where escapes had to be resolved.
    Text(Cow<'a, str>),
    /// Its items follow.
    Array(Extent),
    /// Its members follow, each as a key and a value.
    Object(Extent),
}

/// What an array or an object spans.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// Items or members.
    pub(super) count: usize,
    /// Index of the first entry behind it.
    pub(super) end: usize,
}

/// A document read for checking.
pub(crate) struct Flat<'a> {
    /// Never empty: the first is the document itself.
    pub(super) entries: Vec<Entry<'a>>,
}

impl<'a> Flat<'a> {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is not JSON, is nested more than 128 levels deep, or holds a number that is too large.
    pub(crate) fn read(text: &'a [u8]) -> Result<Self, serde_json::Error> {
        // Most documents have an entry for every eight bytes or fewer.
        let mut entries = Vec::with_capacity(text.len() / 8 + 1);
        let mut reader = serde_json::Deserializer::from_slice(text);
        Value(&mut entries).deserialize(&mut reader)?;
        reader.end()?;
        Ok(Self { entries })
    }

    /// Shows a tree of values as a document.
    pub(crate) fn of(value: &'a serde_json::Value) -> Self {
        let mut entries = Vec::new();
        flatten(value, &mut entries);
        Self { entries }
    }

    /// One text, as a document.
    pub(super) fn of_text(text: String) -> Self {
        Self { entries: vec![Entry::Text(Cow::Owned(text))] }
    }

    /// Whether the document has more levels than `limit`; a scalar has one.
    pub(crate) fn is_deeper_than(&self, limit: usize) -> bool {
        // The ends of what is open at an entry.
        let mut open: Vec<usize> = Vec::new();
        self.entries.iter().enumerate().any(|(index, entry)| {
            while open.last().is_some_and(|end| *end <= index) {
                open.pop();
            }
            let deep = open.len() >= limit;
            if let Entry::Array(extent) | Entry::Object(extent) = entry {
                open.push(extent.end);
            }
            deep
        })
    }
}

fn flatten<'a>(value: &'a serde_json::Value, entries: &mut Vec<Entry<'a>>) {
    use serde_json::Value;
    let start = entries.len();
    let made: fn(Extent) -> Entry<'a> = match value {
        Value::Null => return entries.push(Entry::Null),
        Value::Bool(value) => return entries.push(Entry::Boolean(*value)),
        Value::Number(number) => return entries.push(Entry::Number(number.clone())),
        Value::String(text) => return entries.push(Entry::Text(Cow::Borrowed(text))),
        Value::Array(items) => {
            entries.push(Entry::Null);
            items.iter().for_each(|item| flatten(item, entries));
            Entry::Array
        }
        Value::Object(members) => {
            entries.push(Entry::Null);
            for (key, member) in members {
                entries.push(Entry::Text(Cow::Borrowed(key)));
                flatten(member, entries);
            }
            Entry::Object
        }
    };
    let count = value.as_array().map(Vec::len).or(value.as_object().map(serde_json::Map::len)).unwrap_or(0);
    let end = entries.len();
    if let Some(place) = entries.get_mut(start) {
        *place = made(Extent { count, end });
    }
}

/// Reads a value of any kind to the end of the list.
struct Value<'l, 'a>(&'l mut Vec<Entry<'a>>);

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Value<'_, 'a> {
    fn put<E>(self, entry: Entry<'a>) -> Result<(), E> {
        self.0.push(entry);
        Ok(())
    }

    fn close(self, start: usize, entry: impl FnOnce(Extent) -> Entry<'a>, count: usize) {
        let end = self.0.len();
        if let Some(place) = self.0.get_mut(start) {
            *place = entry(Extent { count, end });
        }
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Entry::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(Entry::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(Entry::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(Entry::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        self.put(Entry::Number(number))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.put(Entry::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.put(Entry::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let start = self.0.len();
        self.0.push(Entry::Null);
        let mut count = 0;
        while access.next_element_seed(Value(&mut *self.0))?.is_some() {
            count += 1;
        }
        self.close(start, Entry::Array, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let start = self.0.len();
        self.0.push(Entry::Null);
        let mut count = 0;
        while access.next_key_seed(Value(&mut *self.0))?.is_some() {
            access.next_value_seed(Value(&mut *self.0))?;
            count += 1;
        }
        self.close(start, Entry::Object, count);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_the_levels_of_the_deepest_branch() {
        for (text, depth) in [("1", 1), ("[]", 1), ("[1,2]", 2), ("{\"a\":[{}],\"b\":1}", 3), ("[[[]],[],[[[1]]]]", 5)]
        {
            let document = Flat::read(text.as_bytes()).unwrap();
            assert!(!document.is_deeper_than(depth), "{text}");
            assert!(document.is_deeper_than(depth - 1), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_document_is_refused() {
        let deep = "[".repeat(200);
        for text in ["", "{", "1 2", "nul", "1e400", "{\"a\"}", "\"\\ud800\"", &deep] {
            assert!(Flat::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
