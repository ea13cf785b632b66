use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::pointer::{Pointer, Wrong, type_of};

/// One declared change of an object. A member that is not there is left alone; nothing is ever overwritten unseen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// Gives a member another name or place; objects on the way are made.
    #[serde(alias = "move")]
    Rename {
        /// Where it is.
        from: Pointer,
        /// Where it goes.
        to: Pointer,
    },
    /// Puts a copy of a member in another place.
    Copy {
        /// Where it is.
        from: Pointer,
        /// Where the copy goes.
        to: Pointer,
    },
    /// Drops a member.
    Remove {
        /// Which.
        path: Pointer,
    },
    /// Fills in a member that is not there.
    Default {
        /// Which.
        path: Pointer,
        /// With this.
        value: Value,
    },
    /// Gives a member this value, whether or not it had one.
    Set {
        /// Which.
        path: Pointer,
        /// The value.
        value: Value,
    },
    /// Splits a string at a separator. The last part takes what is left; parts that are not there are left out.
    Split {
        /// The string; it goes away.
        from: Pointer,
        /// Where the parts go, in order.
        to: Vec<Pointer>,
        /// The separator.
        by: String,
    },
    /// Writes strings, numbers and booleans one after the other; what is not there is left out.
    #[serde(alias = "merge", alias = "concat")]
    Join {
        /// The members, in order; they go away.
        from: Vec<Pointer>,
        /// Where the string goes.
        to: Pointer,
        /// What comes between them.
        with: String,
    },
    /// Writes a member as another type, exactly or not at all.
    Convert {
        /// Which.
        path: Pointer,
        /// The type.
        to: JsonType,
    },
    /// Replaces values, each by the one it is mapped to.
    Map {
        /// Which member.
        path: Pointer,
        /// From the text of the old value (`"PLACED"`, `"3"`, `"true"`) to the new value.
        values: BTreeMap<String, Value>,
        /// What happens to values that are not listed.
        #[serde(default)]
        others: Others,
    },
    /// Gathers members into an object.
    Nest {
        /// The members; they keep their names.
        members: Vec<Pointer>,
        /// The object; it is made when it is not there.
        under: Pointer,
    },
    /// Puts the members of an object beside it; the object goes away.
    #[serde(alias = "flatten")]
    Unnest {
        /// The object.
        path: Pointer,
    },
}

/// What a value is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JsonType {
    /// A string.
    #[serde(rename = "string")]
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An array of one element, unless it is an array.
    Array,
}

/// What happens to a value that [`Change::Map`] does not list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Others {
    /// It is a failure.
    #[default]
    Refuse,
    /// It stays.
    Keep,
    /// It becomes this.
    Value(Value),
}

/// How much may still be added to a payload. Copies of copies would otherwise double it with every step.
pub(super) struct Room(usize);

impl Room {
    /// Most that is added to one payload, in bytes or so.
    const MOST: usize = 16 << 20;

    pub(super) fn new() -> Self {
        Self(Self::MOST)
    }

    fn copy(&mut self, value: &Value) -> Result<Value, Wrong> {
        let left = self.0.checked_sub(weight(value));
        self.0 = left.ok_or("it would add more than 16 MiB to the payload")?;
        Ok(value.clone())
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    const EACH: usize = 32;
    EACH + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members.iter().map(|(name, member)| name.len() + weight(member)).sum(),
        _ => 0,
    }
}

impl Change {
    /// Changes an object; what is added to it is taken from `room`.
    pub(super) fn apply(&self, target: &mut Map<String, Value>, room: &mut Room) -> Result<(), Wrong> {
        self.make(target, room).map_err(|wrong| format!("{}: {wrong}", self.op()).into())
    }

    /// How many levels deeper a document may become.
    pub(super) fn deepens(&self) -> usize {
        match self {
            Self::Rename { to, .. } | Self::Copy { to, .. } | Self::Join { to, .. } => to.depth(),
            Self::Default { path, .. } | Self::Set { path, .. } => path.depth(),
            Self::Split { to, .. } => to.iter().map(Pointer::depth).max().unwrap_or(0),
            Self::Nest { under, .. } => under.depth().saturating_add(1),
            Self::Convert { .. } | Self::Map { .. } => 1,
            Self::Remove { .. } | Self::Unnest { .. } => 0,
        }
    }

    fn make(&self, target: &mut Map<String, Value>, room: &mut Room) -> Result<(), Wrong> {
        match self {
            Self::Rename { from, to } => match from.take(target)? {
                Some(value) => to.put(target, value),
                None => Ok(()),
            },
            Self::Copy { from, to } => match from.get(target)? {
                Some(value) => {
                    let copy = room.copy(value)?;
                    to.put(target, copy)
                }
                None => Ok(()),
            },
            Self::Remove { path } => path.take(target).map(drop),
            Self::Default { path, value } => match path.get(target)? {
                Some(_) => Ok(()),
                None => path.set(target, room.copy(value)?),
            },
            Self::Set { path, value } => path.set(target, room.copy(value)?),
            Self::Split { from, to, by } => split(target, from, to, by),
            Self::Join { from, to, with } => join(target, from, to, with),
            Self::Convert { path, to } => replace(target, path, |value| converted(value, *to)),
            Self::Map { path, values, others } => {
                replace(target, path, |value| room.copy(mapped(value, values, others)?))
            }
            Self::Nest { members, under } => nest(target, members, under),
            Self::Unnest { path } => unnest(target, path),
        }
    }

    /// The name of the change in JSON.
    fn op(&self) -> &'static str {
        match self {
            Self::Rename { .. } => "rename",
            Self::Copy { .. } => "copy",
            Self::Remove { .. } => "remove",
            Self::Default { .. } => "default",
            Self::Set { .. } => "set",
            Self::Split { .. } => "split",
            Self::Join { .. } => "join",
            Self::Convert { .. } => "convert",
            Self::Map { .. } => "map",
            Self::Nest { .. } => "nest",
            Self::Unnest { .. } => "unnest",
        }
    }
}

/// Replaces a member that is there; null stays null.
fn replace(
    target: &mut Map<String, Value>,
    path: &Pointer,
    change: impl FnOnce(&Value) -> Result<Value, Wrong>,
) -> Result<(), Wrong> {
    if let Some(value) = path.get(target)?.filter(|value| !value.is_null()) {
        *value = change(value).map_err(|wrong| Wrong::from(format!("`{path}` {wrong}")))?;
    }
    Ok(())
}

fn split(target: &mut Map<String, Value>, from: &Pointer, to: &[Pointer], by: &str) -> Result<(), Wrong> {
    let text = match from.take(target)? {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(text)) => text,
        Some(other) => return Err(format!("`{from}` is {}, not a string", type_of(&other)).into()),
    };
    if by.is_empty() || to.is_empty() {
        return Err("it needs a separator and a place for the parts".into());
    }
    let parts = text.splitn(to.len(), by);
    to.iter().zip(parts).try_for_each(|(place, part)| place.put(target, Value::from(part)))
}

fn join(target: &mut Map<String, Value>, from: &[Pointer], to: &Pointer, with: &str) -> Result<(), Wrong> {
    let mut parts = Vec::with_capacity(from.len());
    for place in from {
        match place.take(target)? {
            None | Some(Value::Null) => {}
            Some(value) => parts.push(scalar_text(&value).map_err(|wrong| format!("`{place}` {wrong}"))?.into_owned()),
        }
    }
    if parts.is_empty() {
        return Ok(());
    }
    to.put(target, Value::from(parts.join(with)))
}

fn nest(target: &mut Map<String, Value>, members: &[Pointer], under: &Pointer) -> Result<(), Wrong> {
    for member in members {
        if let Some(value) = member.take(target)? {
            under.child(member.name()).put(target, value)?;
        }
    }
    Ok(())
}

fn unnest(target: &mut Map<String, Value>, path: &Pointer) -> Result<(), Wrong> {
    let members = match path.take(target)? {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(members)) => members,
        Some(other) => return Err(format!("`{path}` is {}, not an object", type_of(&other)).into()),
    };
    members.into_iter().try_for_each(|(name, value)| path.sibling(&name).put(target, value))
}

fn scalar_text(value: &Value) -> Result<Cow<'_, str>, Wrong> {
    match value {
        Value::String(text) => Ok(Cow::Borrowed(text)),
        Value::Number(number) => Ok(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Ok(Cow::Borrowed(if *flag { "true" } else { "false" })),
        other => Err(format!("is {}, which has no text", type_of(other)).into()),
    }
}

fn mapped<'a>(value: &'a Value, values: &'a BTreeMap<String, Value>, others: &'a Others) -> Result<&'a Value, Wrong> {
    let text = scalar_text(value)?;
    match (values.get(text.as_ref()), others) {
        (Some(new), _) | (None, Others::Value(new)) => Ok(new),
        (None, Others::Keep) => Ok(value),
        (None, Others::Refuse) => {
            let shown: String = text.chars().take(64).collect();
            Err(format!("is `{shown}`, which is mapped to nothing").into())
        }
    }
}

fn converted(value: &Value, to: JsonType) -> Result<Value, Wrong> {
    let exact = match to {
        JsonType::Text => Some(Value::from(scalar_text(value)?)),
        JsonType::Array if value.is_array() => Some(value.clone()),
        JsonType::Array => Some(Value::from(vec![value.clone()])),
        JsonType::Integer => integer(value),
        JsonType::Number => number(value),
        JsonType::Boolean => match value {
            Value::Bool(_) => Some(value.clone()),
            Value::String(text) => text.parse::<bool>().ok().map(Value::from),
            Value::Number(number) => {
                number.as_u64().filter(|number| *number < 2).map(|number| Value::from(number == 1))
            }
            _ => None,
        },
    };
    exact.ok_or_else(|| {
        let shown: String = value.to_string().chars().take(64).collect();
        format!("is {shown}, which is exactly no {}", type_name(to)).into()
    })
}

fn type_name(json_type: JsonType) -> &'static str {
    match json_type {
        JsonType::Text => "string",
        JsonType::Integer => "integer",
        JsonType::Number => "number",
        JsonType::Boolean => "boolean",
        JsonType::Array => "array",
    }
}

fn integer(value: &Value) -> Option<Value> {
    /// 2^53: whole numbers below it are exact as a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(value.clone()),
        Value::Number(number) => {
            let whole = number.as_f64().filter(|number| number.trunc() == *number && number.abs() < EXACT)?;
            format!("{whole:.0}").parse::<i64>().ok().map(Value::from)
        }
        Value::String(text) => {
            let unsigned = || text.parse::<u64>().ok().map(Value::from);
            text.parse::<i64>().ok().map(Value::from).or_else(unsigned)
        }
        Value::Bool(flag) => Some(Value::from(u8::from(*flag))),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => integer(value).or_else(|| {
            let number = text.parse::<f64>().ok().and_then(Number::from_f64);
            number.map(Value::Number)
        }),
        Value::Bool(_) => integer(value),
        _ => None,
    }
}
