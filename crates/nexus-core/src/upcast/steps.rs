use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use super::{
    change::{Change, JsonType, Others, Room},
    pointer::{Pattern, Pointer},
    upcaster::UpcastFailure,
};

/// Declared changes that lead from one version of a payload to the next, in order.
///
/// As JSON, and so over REST, they are a list: `[{"op": "rename", "from": "/total", "to": "/totalMinor"}, …]`.
///
/// ```
/// use nexus_core::upcast::Steps;
/// use serde_json::json;
///
/// let steps = Steps::new()
///     .split("name", " ", ["firstName", "lastName"])
///     .default("country", "GB")
///     .each("/lines/*", |line| line.rename("price", "unitPriceMinor"));
/// let stored = json!({ "name": "Ann Lee", "lines": [{ "price": 255 }] });
/// let current = json!({ "firstName": "Ann", "lastName": "Lee", "country": "GB", "lines": [{ "unitPriceMinor": 255 }] });
/// assert_eq!(steps.apply(stored).unwrap(), current);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Steps(Vec<Step>);

/// One change and where it happens.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Which objects are changed; the payload itself when empty.
    #[serde(skip_serializing_if = "is_payload")]
    each: Pattern,
    #[serde(flatten)]
    change: Change,
}

fn is_payload(each: &Pattern) -> bool {
    *each == Pattern::default()
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not by serde's `flatten`, which would let a misspelt member pass.
        let mut members = Map::deserialize(deserializer)?;
        let each = members.remove("each").unwrap_or_else(|| Value::from(""));
        let each = serde_json::from_value(each).map_err(|error| D::Error::custom(format_args!("each: {error}")))?;
        let change = serde_json::from_value(Value::Object(members)).map_err(D::Error::custom)?;
        Ok(Self { each, change })
    }
}

impl Steps {
    /// No change: the payload fits the next version as it is.
    #[must_use]
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// The steps.
    #[must_use]
    pub fn as_slice(&self) -> &[Step] {
        &self.0
    }

    /// Most steps that may be registered.
    pub const MAX_STEPS: usize = 256;

    /// Most levels by which registered steps may deepen a payload.
    pub const MAX_DEEPENING: usize = 512;

    /// Whether somebody who is not trusted may register these steps: they are few and build nothing deep.
    ///
    /// # Errors
    /// What is too much.
    pub fn check_bounded(&self) -> Result<(), String> {
        let deeper = self.0.iter().map(|step| step.change.deepens()).fold(0_usize, usize::saturating_add);
        match self.0.len() {
            count if count > Self::MAX_STEPS => {
                Err(format!("there are {count} steps; at most {} can be registered", Self::MAX_STEPS))
            }
            _ if deeper > Self::MAX_DEEPENING => Err(format!(
                "the steps may make a payload {deeper} levels deeper; at most {} can be registered",
                Self::MAX_DEEPENING
            )),
            _ => Ok(()),
        }
    }

    /// Changes a payload.
    ///
    /// # Errors
    /// When a step does not fit the payload, with the step's number and the place.
    pub fn apply(&self, mut payload: Value) -> Result<Value, UpcastFailure> {
        let mut room = Room::new();
        for (index, step) in self.0.iter().enumerate() {
            let done = step.each.each(&mut payload, &mut |object| step.change.apply(object, &mut room));
            done.map_err(|(pointer, reason)| UpcastFailure {
                reason: format!("step {}, {reason}", index + 1),
                pointer: Some(pointer),
            })?;
        }
        Ok(payload)
    }

    /// Gives a member another name or place; objects on the way are made.
    #[must_use]
    pub fn rename(self, from: impl Into<Pointer>, to: impl Into<Pointer>) -> Self {
        self.change(Change::Rename { from: from.into(), to: to.into() })
    }

    /// Puts a copy of a member in another place.
    #[must_use]
    pub fn copy(self, from: impl Into<Pointer>, to: impl Into<Pointer>) -> Self {
        self.change(Change::Copy { from: from.into(), to: to.into() })
    }

    /// Drops a member.
    #[must_use]
    pub fn remove(self, path: impl Into<Pointer>) -> Self {
        self.change(Change::Remove { path: path.into() })
    }

    /// Fills in a member that is not there.
    #[must_use]
    pub fn default(self, path: impl Into<Pointer>, value: impl Into<Value>) -> Self {
        self.change(Change::Default { path: path.into(), value: value.into() })
    }

    /// Gives a member this value, whether or not it had one.
    #[must_use]
    pub fn set(self, path: impl Into<Pointer>, value: impl Into<Value>) -> Self {
        self.change(Change::Set { path: path.into(), value: value.into() })
    }

    /// Splits a string at a separator. The last part takes what is left; parts that are not there are left out.
    #[must_use]
    pub fn split<P: Into<Pointer>>(self, from: impl Into<Pointer>, by: &str, to: impl IntoIterator<Item = P>) -> Self {
        let to = to.into_iter().map(Into::into).collect();
        self.change(Change::Split { from: from.into(), to, by: by.to_owned() })
    }

    /// Writes strings, numbers and booleans one after the other; what is not there is left out.
    #[must_use]
    pub fn join<P: Into<Pointer>>(self, from: impl IntoIterator<Item = P>, with: &str, to: impl Into<Pointer>) -> Self {
        let from = from.into_iter().map(Into::into).collect();
        self.change(Change::Join { from, to: to.into(), with: with.to_owned() })
    }

    /// Writes a member as another type, exactly or not at all.
    #[must_use]
    pub fn convert(self, path: impl Into<Pointer>, to: JsonType) -> Self {
        self.change(Change::Convert { path: path.into(), to })
    }

    /// Replaces values, from the text of the old one to the new one; one that is not listed is a failure.
    #[must_use]
    pub fn map<T: Into<Value>, const N: usize>(self, path: impl Into<Pointer>, values: [(&str, T); N]) -> Self {
        self.map_or(path, values, Others::Refuse)
    }

    /// [`map`](Self::map), with what happens to values that are not listed.
    #[must_use]
    pub fn map_or<T: Into<Value>, const N: usize>(
        self,
        path: impl Into<Pointer>,
        values: [(&str, T); N],
        others: Others,
    ) -> Self {
        let values: BTreeMap<_, _> = values.into_iter().map(|(old, new)| (old.to_owned(), new.into())).collect();
        self.change(Change::Map { path: path.into(), values, others })
    }

    /// Gathers members into an object.
    #[must_use]
    pub fn nest<P: Into<Pointer>>(self, members: impl IntoIterator<Item = P>, under: impl Into<Pointer>) -> Self {
        let members = members.into_iter().map(Into::into).collect();
        self.change(Change::Nest { members, under: under.into() })
    }

    /// Puts the members of an object beside it; the object goes away.
    #[must_use]
    pub fn unnest(self, path: impl Into<Pointer>) -> Self {
        self.change(Change::Unnest { path: path.into() })
    }

    /// Does steps to every object a pattern names: `/lines/*` are the elements of `lines`.
    #[must_use]
    pub fn each(mut self, pattern: impl Into<Pattern>, steps: impl FnOnce(Self) -> Self) -> Self {
        let pattern = pattern.into();
        let within = steps(Self::new()).0.into_iter();
        self.0.extend(within.map(|step| Step { each: pattern.followed_by(&step.each), change: step.change }));
        self
    }

    fn change(mut self, change: Change) -> Self {
        self.0.push(Step { each: Pattern::default(), change });
        self
    }
}
