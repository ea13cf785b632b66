use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    framework::{CodecError, codec, schema},
    json::Json,
    upcast::DeclaredUpcaster,
};

/// All events of one aggregate: an enum with one variant per event type.
///
/// `#[nexus::event]` on the enum writes this impl. By hand: derive `Serialize`, `Deserialize` (externally tagged,
/// serde's default, without renaming variants) and `JsonSchema`, and list the variants.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event enum",
    label = "this type is used as the events of an aggregate",
    note = "put `#[nexus::event]` on the enum, or implement `nexus::Events` for it"
)]
pub trait Events:
    Serialize + DeserializeOwned + JsonSchema + Clone + fmt::Debug + PartialEq + Send + Sync + 'static
{
    /// The event types, which are the names of the variants.
    const TYPES: &'static [&'static str];

    /// The event type of this value.
    fn event_type(&self) -> &'static str;

    /// The payload to store.
    ///
    /// # Errors
    /// When the value refuses to be serialised.
    fn payload(&self) -> Result<Json, CodecError> {
        codec::variant_payload(self, self.event_type())
    }

    /// The value of a stored event.
    ///
    /// # Errors
    /// When the type is not one of [`TYPES`](Self::TYPES) or the payload does not fit it.
    fn from_stored(event_type: &str, payload: &Json) -> Result<Self, CodecError> {
        codec::variant_value(event_type, payload)
    }

    /// The JSON Schema of one event type's payload, derived from the enum.
    ///
    /// # Errors
    /// When the type is not one of [`TYPES`](Self::TYPES).
    fn schema(event_type: &str) -> Result<Value, CodecError> {
        schema::variant_schema::<Self>(event_type)
    }

    /// The version of one event type's schema that this enum describes; `None` when the log is to count by itself.
    ///
    /// A type with upcasters has a version: this one, or the one its last upcaster leads to.
    #[must_use]
    fn schema_version(event_type: &str) -> Option<u32> {
        _ = event_type;
        None
    }

    /// How payloads of earlier schema versions are brought to this enum.
    #[must_use]
    fn upcasters() -> Vec<DeclaredUpcaster> {
        Vec::new()
    }

    /// An event of this type with the smallest values that its schema allows, for scenarios and documentation.
    ///
    /// # Panics
    /// When the type is not one of [`TYPES`](Self::TYPES), or its fields demand what their schema does not tell.
    #[track_caller]
    #[must_use]
    #[expect(clippy::panic, reason = "a scenario without its events is a failing test")]
    fn example(event_type: &str) -> Self {
        let schema = Self::schema(event_type);
        let event =
            schema.and_then(|schema| Self::from_stored(event_type, &Json::from_value(&schema::example_of(&schema))));
        event.unwrap_or_else(|error| panic!("there is no example of `{event_type}`: {error}"))
    }
}
