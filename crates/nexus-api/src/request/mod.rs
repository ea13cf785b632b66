//! From raw HTTP to checked values: who asks, parameters, preconditions and bodies.

mod body;
mod caller;
mod object;
mod params;
mod path;
mod write;

pub(crate) use body::read_body;
pub(crate) use caller::{Caller, Conversation, member_text};
pub(crate) use object::{Object, document, typed};
pub(crate) use params::{Params, digits, unknown};
pub(crate) use path::PathArgs;
pub(crate) use write::{Condition, WriteRequest, expected_version};
