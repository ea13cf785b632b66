//! What a domain implements: deciders ([`Aggregate`], [`Handle`]), projections ([`Project`]) and the types they
//! speak in ([`Events`], [`Command`]). The attribute macros of `nexus-macros` write these impls; every one of them
//! can be written by hand.
//!
//! The erased forms at the end ([`AggregateDefinition`], [`Projection`]) are what the runtime works with.

mod aggregate;
mod codec;
mod command;
mod decision;
mod definition;
mod events;
mod projection;
mod scenario;
mod schema;

pub use aggregate::{Aggregate, CommandHandler, Ctx, Handle, HandleError, When};
pub use codec::CodecError;
pub use command::Command;
pub use decision::{Decision, FromRejection, Rejection};
pub use definition::{AggregateDefinition, AggregateState, CommandSpec, DecidedEvent, EventSpec};
pub use events::Events;
pub use projection::{Change, Project, Projection, ReadModel, Recorded, Row, Source};
pub use scenario::{Given, Outcome};
pub use schema::{example_of, schema_of};

#[doc(no_inline)]
pub use crate::upcast::DeclaredUpcaster;
