use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// A request to an aggregate that it may reject; its JSON is the payload of `POST /api/commands/{type}`.
///
/// `#[nexus::command]` on a struct writes this impl. By hand: derive `Serialize`, `Deserialize` and `JsonSchema`, and
/// name the type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "this type is handled as a command",
    note = "put `#[nexus::command]` on the struct, or implement `nexus::Command` for it"
)]
pub trait Command: Serialize + DeserializeOwned + JsonSchema + fmt::Debug + Send + 'static {
    /// The command type, imperative: `PlaceOrder`.
    const TYPE: &'static str;
}
