use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Names a member of an object: a JSON Pointer (`/customer/name`), or just a name (`name`).
///
/// It leads through objects only; what is to happen to the elements of an array happens [`each`](super::Steps::each).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Pointer(Vec<String>);

/// Names all places where something is to happen: a JSON Pointer in which `*` stands for every element of an array or
/// every member of an object (`/lines/*`). Empty for the payload itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Pattern(Vec<String>);

/// What happens to each object a pattern names.
type Visitor<'a> = dyn FnMut(&mut Map<String, Value>) -> Result<(), Wrong> + 'a;

/// The object a member is in, and the member's name.
type Place<'a, 'b> = (&'a mut Map<String, Value>, &'b str);

/// Why a pointer leads nowhere.
pub(super) type Wrong = Cow<'static, str>;

impl Pointer {
    /// The member it names in `target`; `None` when it, or an object on the way, is absent or null.
    pub(super) fn get<'a>(&self, target: &'a mut Map<String, Value>) -> Result<Option<&'a mut Value>, Wrong> {
        let Some((parent, name)) = self.parent(target)? else {
            return Ok(None);
        };
        Ok(parent.get_mut(name))
    }

    /// Takes the member out of `target`; `None` when there is none.
    pub(super) fn take(&self, target: &mut Map<String, Value>) -> Result<Option<Value>, Wrong> {
        let Some((parent, name)) = self.parent(target)? else {
            return Ok(None);
        };
        Ok(parent.remove(name))
    }

    /// Puts a member where there is none yet; objects on the way are made.
    pub(super) fn put(&self, target: &mut Map<String, Value>, value: Value) -> Result<(), Wrong> {
        let (parent, name) = self.made_parent(target)?;
        if parent.contains_key(name) {
            return Err(format!("there is a `{self}` already").into());
        }
        parent.insert(name.to_owned(), value);
        Ok(())
    }

    /// Puts a member, whether or not there is one; objects on the way are made.
    pub(super) fn set(&self, target: &mut Map<String, Value>, value: Value) -> Result<(), Wrong> {
        let (parent, name) = self.made_parent(target)?;
        parent.insert(name.to_owned(), value);
        Ok(())
    }

    /// The pointer to a member of what this one names.
    pub(super) fn child(&self, name: &str) -> Self {
        Self(self.0.iter().map(String::as_str).chain([name]).map(str::to_owned).collect())
    }

    /// The pointer to another member of the same object.
    pub(super) fn sibling(&self, name: &str) -> Self {
        let way = self.0.split_last().map_or(&[][..], |(_, way)| way);
        Self(way.iter().map(String::as_str).chain([name]).map(str::to_owned).collect())
    }

    /// How many names it has.
    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    /// The member's own name.
    pub(super) fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    fn parent<'a, 'b>(&'b self, mut target: &'a mut Map<String, Value>) -> Result<Option<Place<'a, 'b>>, Wrong> {
        let Some((name, way)) = self.0.split_last() else {
            return Err("the pointer is empty".into());
        };
        for part in way {
            target = match target.get_mut(part) {
                None | Some(Value::Null) => return Ok(None),
                Some(Value::Object(members)) => members,
                Some(other) => return Err(not_an_object(part, other)),
            };
        }
        Ok(Some((target, name)))
    }

    fn made_parent<'a, 'b>(&'b self, mut target: &'a mut Map<String, Value>) -> Result<Place<'a, 'b>, Wrong> {
        let Some((name, way)) = self.0.split_last() else {
            return Err("the pointer is empty".into());
        };
        for part in way {
            let next = target.entry(part.clone()).or_insert_with(|| Value::Object(Map::new()));
            target = match next {
                Value::Object(members) => members,
                other => return Err(not_an_object(part, other)),
            };
        }
        Ok((target, name))
    }
}

impl Pattern {
    /// The pattern that goes on inside of what this one names.
    pub(super) fn followed_by(&self, inner: &Self) -> Self {
        Self([self.0.as_slice(), inner.0.as_slice()].concat())
    }

    /// Does something to each object the pattern names in `payload`. The first failure ends it, with the place of the
    /// object as a JSON Pointer.
    pub(super) fn each(&self, payload: &mut Value, change: &mut Visitor<'_>) -> Result<(), (String, Wrong)> {
        visit(payload, &self.0, &mut String::new(), change)
    }
}

fn visit(
    value: &mut Value,
    pattern: &[String],
    place: &mut String,
    change: &mut Visitor<'_>,
) -> Result<(), (String, Wrong)> {
    let Some((part, rest)) = pattern.split_first() else {
        return match value {
            Value::Object(members) => change(members).map_err(|wrong| (place.clone(), wrong)),
            other => Err((place.clone(), format!("expected an object, found {}", type_of(other)).into())),
        };
    };
    let length = place.len();
    let mut descend = |name: &str, value: &mut Value, place: &mut String| {
        place.push('/');
        place.push_str(&escaped(name));
        let done = visit(value, rest, place, change);
        place.truncate(length);
        done
    };
    match value {
        // What is not there needs no change.
        Value::Null => Ok(()),
        Value::Array(elements) if part == "*" => {
            elements.iter_mut().enumerate().try_for_each(|(index, element)| descend(&index.to_string(), element, place))
        }
        Value::Object(members) if part == "*" => {
            members.iter_mut().try_for_each(|(name, member)| descend(name, member, place))
        }
        Value::Object(members) => members.get_mut(part).map_or(Ok(()), |member| descend(part, member, place)),
        other => Err((place.clone(), format!("`{part}` leads into {}", type_of(other)).into())),
    }
}

fn not_an_object(part: &str, found: &Value) -> Wrong {
    format!("`{part}` is {}, not an object", type_of(found)).into()
}

/// What kind of value it is, with its article.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

fn parts(text: &str) -> Vec<String> {
    let unescaped = |part: &str| part.replace("~1", "/").replace("~0", "~");
    match text.strip_prefix('/') {
        Some(rest) => rest.split('/').map(unescaped).collect(),
        None if text.is_empty() => Vec::new(),
        None => vec![text.to_owned()],
    }
}

fn written(parts: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    parts.iter().try_for_each(|part| write!(f, "/{}", escaped(part)))
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(&self.0, f)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(&self.0, f)
    }
}

impl From<&str> for Pointer {
    fn from(text: &str) -> Self {
        Self(parts(text))
    }
}

impl From<String> for Pointer {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.to_string()
    }
}

impl From<&String> for Pointer {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self(parts(text))
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}
