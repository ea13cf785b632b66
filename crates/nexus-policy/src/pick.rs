//! Takes the parts of a document that a bundle reads, in one pass and without parsing the rest.

use std::collections::{BTreeMap, BTreeSet};

use nexus_core::Json;
use regorus::Value;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::document;

/// The paths to take, as a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tree {
    /// The whole value here goes into this slot.
    Leaf(usize),
    /// Only these members are looked into.
    Inner(Vec<(String, Tree)>),
}

/// The taken parts by slot, as they are written in the document; `None` where there is nothing.
pub(crate) type Picked<'de> = Vec<Option<&'de RawValue>>;

impl Tree {
    /// The tree of some paths. A path below another one adds nothing to it.
    pub(crate) fn of<'a>(paths: impl Iterator<Item = &'a [String]>) -> Self {
        let paths: BTreeSet<&[String]> = paths.collect();
        Self::build(&paths, &mut 0)
    }

    fn build(paths: &BTreeSet<&[String]>, slots: &mut usize) -> Self {
        if paths.contains([].as_slice()) {
            *slots += 1;
            return Self::Leaf(*slots - 1);
        }
        let mut below: BTreeMap<&String, BTreeSet<&[String]>> = BTreeMap::new();
        for path in paths {
            if let Some((first, rest)) = path.split_first() {
                below.entry(first).or_default().insert(rest);
            }
        }
        let members = below.into_iter();
        Self::Inner(members.map(|(name, rest)| (name.clone(), Self::build(&rest, slots))).collect())
    }

    /// Whether nothing is to be taken.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Inner(members) if members.is_empty())
    }

    fn slots(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Inner(members) => members.iter().map(|(_, inner)| inner.slots()).sum(),
        }
    }

    /// Takes the parts out of a document.
    ///
    /// # Errors
    /// When the document is not JSON.
    pub(crate) fn pick<'de>(&self, document: &'de Json) -> Result<Picked<'de>, serde_json::Error> {
        let mut picked = vec![None; self.slots()];
        if !self.is_empty() {
            let mut reader = serde_json::Deserializer::from_slice(document.as_bytes());
            Picker { tree: self, picked: &mut picked }.deserialize(&mut reader)?;
            reader.end()?;
        }
        Ok(picked)
    }

    /// The document with nothing but the taken parts; `None` when it has none of them.
    ///
    /// # Errors
    /// When a part holds a number that policies cannot represent.
    pub(crate) fn render(&self, picked: &Picked<'_>) -> Result<Option<Value>, serde_json::Error> {
        match self {
            Self::Leaf(slot) => {
                let raw = picked.get(*slot).copied().flatten();
                raw.map(|raw| document::read(raw.get())).transpose()
            }
            Self::Inner(members) => {
                let mut present = BTreeMap::new();
                for (name, inner) in members {
                    if let Some(value) = inner.render(picked)? {
                        present.insert(Value::from(name.as_str()), value);
                    }
                }
                Ok((!present.is_empty()).then(|| Value::from(present)))
            }
        }
    }

    /// Empties the slots of this part.
    fn clear(&self, picked: &mut Picked<'_>) {
        match self {
            Self::Leaf(slot) => {
                if let Some(slot) = picked.get_mut(*slot) {
                    *slot = None;
                }
            }
            Self::Inner(members) => members.iter().for_each(|(_, inner)| inner.clear(picked)),
        }
    }
}

struct Picker<'a, 'de> {
    tree: &'a Tree,
    picked: &'a mut Picked<'de>,
}

impl<'de> DeserializeSeed<'de> for Picker<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.tree {
            Tree::Leaf(slot) => {
                let raw = <&'de RawValue as de::Deserialize>::deserialize(deserializer)?;
                if let Some(slot) = self.picked.get_mut(*slot) {
                    *slot = Some(raw);
                }
                Ok(())
            }
            Tree::Inner(_) => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Picker<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Tree::Inner(members) = self.tree else { return Ok(()) };
        while let Some(wanted) = access.next_key_seed(Member(members))? {
            let Some(tree) = wanted else {
                access.next_value::<IgnoredAny>()?;
                continue;
            };
            // Of a member that is there twice the last one counts, with nothing of the first.
            tree.clear(self.picked);
            access.next_value_seed(Picker { tree, picked: self.picked })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while access.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
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

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a key and answers which of the wanted members it is.
struct Member<'a>(&'a [(String, Tree)]);

impl<'de, 'a> DeserializeSeed<'de> for Member<'a> {
    type Value = Option<&'a Tree>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Member<'a> {
    type Value = Option<&'a Tree>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|(name, _)| name == key).map(|(_, tree)| tree))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(paths: &[&str], document: &str) -> Option<String> {
        let paths: Vec<Vec<String>> = paths
            .iter()
            .map(|path| path.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect())
            .collect();
        let tree = Tree::of(paths.iter().map(Vec::as_slice));
        let document = Json::from_stored(document.to_owned().into());
        let picked = tree.pick(&document).unwrap();
        tree.render(&picked).unwrap().map(|value| value.to_string())
    }

    #[test]
    fn only_the_wanted_parts_are_taken() {
        let document = r#"{"a": {"b": [1, {"x": 2}], "c": 3}, "d\u0065": "text", "f": [{"a": 1}]}"#;
        for (paths, wanted) in [
            (vec!["a.b", "de"], Some(r#"{"a":{"b":[1,{"x":2}]},"de":"text"}"#)),
            (vec!["a.c", "a"], Some(r#"{"a":{"b":[1,{"x":2}],"c":3}}"#)),
            (vec!["f.a", "de.x", "missing"], None),
            (vec![], None),
        ] {
            assert_eq!(picked(&paths, document).as_deref(), wanted, "{paths:?}");
        }
        assert_eq!(picked(&[""], "[1]").as_deref(), Some("[1]"));
    }

    #[test]
    fn of_a_repeated_member_the_last_one_counts() {
        assert_eq!(picked(&["a.b", "a.c"], r#"{"a": {"b": 1}, "a": {"c": 2}}"#).unwrap(), r#"{"a":{"c":2}}"#);
        assert_eq!(picked(&["a.b"], r#"{"a": {"b": 1}, "a": 7}"#), None);
    }
}
