//! The attribute macros of the framework: [`macro@event`], [`macro@command`], [`macro@value`], [`macro@state`],
//! [`macro@aggregate`] and [`macro@projection`]. Use them through the `nexus` crate.
//!
//! **What belongs here:** reading the person's code, writing derives and trait impls that a person could write, and
//! compile errors that say how to fix what is wrong. **What does not:** behaviour. Whatever runs is in `nexus-core`;
//! a macro that would need more than an impl is a missing trait there.
//!
//! What a person wrote stays as it is and keeps its place in the source, so that errors and editors point at it.

mod aggregate;
mod args;
mod data;
mod event;
mod names;
mod projection;
mod span;
mod upcast;

use proc_macro::TokenStream;

/// On an enum: the events of one aggregate, one variant per event type.
///
/// Derives `Debug`, `Clone`, `PartialEq`, `Serialize`, `Deserialize` and `JsonSchema`, with field names in camelCase,
/// and implements `nexus::Events`. The event type is the name of the variant, or its `#[serde(rename = "…")]`.
/// A variant has named fields, nothing, or one value that has fields itself.
///
/// A variant whose fields changed says how stored events of its earlier schema versions become what it is now, and
/// which version that is where the last upcaster does not lead to it:
///
/// ```
/// use nexus::upcast::Steps;
///
/// #[nexus_macros::event]
/// enum OrderEvent {
///     #[upcast(from = 1, with = Steps::new().rename("customer", "customerId"))]
///     #[upcast(from = 2, with = Steps::new().default("country", "GB"))]
///     #[schema_version(4)]
///     OrderPlaced { customer_id: String, country: String, note: Option<String> },
/// }
///
/// use nexus::framework::Events;
/// assert_eq!(OrderEvent::schema_version("OrderPlaced"), Some(4));
/// assert_eq!(OrderEvent::upcasters().len(), 2);
/// ```
///
/// ```
/// #[nexus_macros::event]
/// enum OrderEvent {
///     OrderPlaced { customer_id: String },
///     OrderCancelled,
/// }
///
/// use nexus::framework::Events;
/// assert_eq!(OrderEvent::TYPES, ["OrderPlaced", "OrderCancelled"]);
/// ```
#[proc_macro_attribute]
pub fn event(args: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(args.into(), item.into()).into()
}

/// On a struct with named fields: a command. Its type is the name of the struct.
///
/// Derives what [`macro@event`] derives, with field names in camelCase, and implements `nexus::Command`. Limits of a
/// field are schema attributes, checked before any handler runs:
///
/// ```
/// #[nexus_macros::command]
/// struct PlaceOrder {
///     #[schemars(length(min = 1))]
///     customer_id: String,
/// }
///
/// use nexus::framework::{Command, schema_of};
/// assert_eq!(PlaceOrder::TYPE, "PlaceOrder");
/// assert_eq!(schema_of::<PlaceOrder>()["properties"]["customerId"]["minLength"], 1);
/// ```
#[proc_macro_attribute]
pub fn command(args: TokenStream, item: TokenStream) -> TokenStream {
    data::command(args.into(), item.into()).into()
}

/// On a struct or an enum: a value inside events, commands and rows.
///
/// Derives what [`macro@event`] derives; fields and variants are in camelCase unless the item has its own
/// `#[serde(rename_all = "…")]`.
#[proc_macro_attribute]
pub fn value(args: TokenStream, item: TokenStream) -> TokenStream {
    data::value(args.into(), item.into()).into()
}

/// On a struct: the state of an aggregate.
///
/// Derives `Debug`, `Clone`, `PartialEq`, `Default`, `Serialize` and `Deserialize`, with field names in camelCase.
/// The default is the state before the first event; the JSON is what temporal queries show.
#[proc_macro_attribute]
pub fn state(args: TokenStream, item: TokenStream) -> TokenStream {
    data::state(args.into(), item.into()).into()
}

/// On the `impl` block of a state: how it follows its events and decides commands.
///
/// `#[nexus::aggregate(events = OrderEvent)]` implements `nexus::Aggregate`, with the name of the type as the name of
/// the aggregate, from the function `apply`, and `nexus::Handle` from each function marked
///
/// - `#[handle]`: the aggregate must exist,
/// - `#[handle(create)]`: it must not exist,
/// - `#[handle(upsert)]`: either.
///
/// A handler takes `&self`, its command by value and, when it needs the circumstances, `&Ctx<'_>`. It answers whatever
/// converts into a `Decision`: a `Decision<OrderEvent>`, or a `Result` of events and `Rejection`.
///
/// ```
/// use nexus::framework::{Aggregate, Decision};
///
/// #[nexus_macros::event]
/// enum DoorEvent {
///     DoorOpened { by: String },
/// }
/// #[nexus_macros::command]
/// struct OpenDoor {
///     by: String,
/// }
/// #[nexus_macros::state]
/// struct Door {
///     open: bool,
/// }
///
/// #[nexus_macros::aggregate(events = DoorEvent)]
/// impl Door {
///     fn apply(&mut self, _: &DoorEvent) {
///         self.open = true;
///     }
///
///     #[handle(upsert)]
///     fn open(&self, command: OpenDoor) -> Decision<DoorEvent> {
///         nexus::require!(!self.open, "door-is-open", "the door is open already");
///         DoorEvent::DoorOpened { by: command.by }.into()
///     }
/// }
///
/// let opened = || DoorEvent::DoorOpened { by: "Ann".into() };
/// Door::given([]).when(OpenDoor { by: "Ann".into() }).then([opened()]);
/// Door::given([opened()]).when(OpenDoor { by: "Bo".into() }).then_rejected("door-is-open");
/// ```
#[proc_macro_attribute]
pub fn aggregate(args: TokenStream, item: TokenStream) -> TokenStream {
    aggregate::expand(args.into(), item.into()).into()
}

/// On a struct with named fields: a row of a read model.
///
/// `#[nexus::projection(resource = "orders", key = "id", events = OrderEvent)]` derives what [`macro@event`] derives,
/// with field names in camelCase, and implements `nexus::ReadModel`. `key` is the field that identifies a row, as it
/// is called in JSON; `events` may be a list: `events = [OrderEvent, PaymentEvent]`. The person writes one
/// `impl Project<…>` for each of them.
#[proc_macro_attribute]
pub fn projection(args: TokenStream, item: TokenStream) -> TokenStream {
    projection::expand(args.into(), item.into()).into()
}
