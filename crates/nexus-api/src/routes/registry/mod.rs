//! `/registry`: the schema registry as clients of the Confluent Schema Registry know it, so that they work unmodified.
//!
//! The rules, in `docs/confluent-registry.md` for users: a subject of theirs is the event type of that very name,
//! whatever it is; commands are in the context `.commands`. Only JSON Schema is kept. Refusals have Confluent's shape
//! and error codes. What happens behind is the same as behind `/api/schemas`.
//!
//! Reading order: `routes`, `subject` (whose schema a name means), `refused` (every "no"), `message` (reading and
//! writing bodies), then one module per resource.

mod compatibility;
mod config;
mod context;
mod message;
mod mode;
mod refused;
mod register;
mod routes;
mod schemas;
mod subject;
mod subjects;

pub(crate) use refused::{Refused, is_within};
pub(crate) use routes::add;
pub(crate) use subject::COMMANDS;
