use std::borrow::Cow;

use bytes::Bytes;
use nexus_core::Json;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    members::{Members, object_of},
    problem::{Code, Problem},
};

/// The members of one JSON object, each still as it was written, with the object's place in the body.
///
/// Nothing is converted on the way: numbers and texts of a payload reach the log byte for byte.
pub(crate) struct Object<'a> {
    pointer: String,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// The members of `raw`, which is at `pointer` in the body.
    pub(crate) fn read(raw: &'a RawValue, pointer: impl Into<String>) -> Result<Self, Problem> {
        let pointer = pointer.into();
        match serde_json::from_str::<Members<'a>>(raw.get()) {
            Ok(members) => Ok(Self { pointer, members: members.0 }),
            Err(_) => Err(Problem::invalid(pointer, "type", "must be a JSON object")),
        }
    }

    /// The members of a whole body that was parsed before.
    pub(crate) fn of_body(body: &'a [u8]) -> Result<Self, Problem> {
        let raw = serde_json::from_slice::<&RawValue>(body);
        Self::read(raw.map_err(|_| Problem::invalid("", "type", "must be a JSON object"))?, "")
    }

    /// The place of a member in the body.
    pub(crate) fn place(&self, name: &str) -> String {
        Place { pointer: &self.pointer, name }.into()
    }

    /// How many members are left.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(key, _)| key == name)
    }

    /// Takes a member out.
    pub(crate) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let index = self.members.iter().position(|(key, _)| key == name)?;
        Some(self.members.remove(index).1)
    }

    /// Takes out a member that must be there.
    pub(crate) fn required(&mut self, name: &str) -> Result<&'a RawValue, Problem> {
        let missing = |object: &Self| Problem::invalid(object.place(name), "required", format!("`{name}` is missing"));
        self.take(name).ok_or_else(|| missing(self))
    }

    /// Takes out a text, if it is there.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let raw = self.take(name);
        raw.map(|raw| typed(raw, Place { pointer: &self.pointer, name }, "must be a text")).transpose()
    }

    /// Takes out a text that must be there.
    pub(crate) fn required_text(&mut self, name: &str) -> Result<String, Problem> {
        typed(self.required(name)?, Place { pointer: &self.pointer, name }, "must be a text")
    }

    /// Takes out an array that must be there, element by element.
    pub(crate) fn required_array(&mut self, name: &str) -> Result<Vec<&'a RawValue>, Problem> {
        typed(self.required(name)?, Place { pointer: &self.pointer, name }, "must be an array")
    }

    /// Nothing may be left; the error names what is and what would be known.
    pub(crate) fn finish(self, known: &[&str]) -> Result<(), Problem> {
        if self.members.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.members.iter().take(20).map(|(name, _)| format!("`{}`", short(name))).collect();
        let detail = format!("unknown: {}; known here: {}", names.join(", "), known.join(", "));
        let problem = Problem::new(Code::ValidationError, detail);
        Err(self.members.iter().take(20).fold(problem, |problem, (name, _)| {
            problem.with_error(self.place(&short(name)), "unknown-member", "is not known here")
        }))
    }

    /// What is left, as a document of its own; `None` when nothing is.
    pub(crate) fn rest(self) -> Option<Json> {
        if self.members.is_empty() {
            return None;
        }
        Some(object_of(self.members.iter().map(|(name, raw)| (name.as_ref(), raw.get()))))
    }
}

/// A member of an object, written as a JSON Pointer when somebody wants to know.
struct Place<'a> {
    pointer: &'a str,
    name: &'a str,
}

impl From<Place<'_>> for String {
    fn from(Place { pointer, name }: Place<'_>) -> Self {
        format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
    }
}

/// A document of its own from a part of a body that was parsed strictly as a whole.
pub(crate) fn document(raw: &RawValue) -> Json {
    Json::from_stored(Bytes::copy_from_slice(raw.get().as_bytes()))
}

/// The value of a member; `place` is written out only when it does not fit.
pub(crate) fn typed<'a, T: Deserialize<'a>>(
    raw: &'a RawValue,
    place: impl Into<String>,
    expected: &str,
) -> Result<T, Problem> {
    serde_json::from_str(raw.get()).map_err(|_| Problem::invalid(place, "type", expected))
}

fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_bytes_and_the_rest_is_a_document() {
        let body = br#"{"a" : 1.50, "b\u0041":"x", "c":{"d":123456789012345678901234567890}}"#;
        let mut object = Object::of_body(body).unwrap();
        assert_eq!(object.take("a").unwrap().get(), "1.50");
        let rest = object.rest().unwrap();
        assert_eq!(rest.as_str(), r#"{"bA":"x","c":{"d":123456789012345678901234567890}}"#);
    }

    #[test]
    fn what_is_not_an_object_is_refused_with_its_place() {
        for bad in ["null", "[]", "1", "\"x\""] {
            assert!(Object::of_body(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
