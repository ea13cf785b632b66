//! From raw HTTP to checked values: who asks, parameters, preconditions and bodies.

mod authorization;
mod body;
mod caller;
mod credentials;
mod object;
mod params;
mod path;
mod refusals;
mod write;

pub(crate) use body::{check_media_type, read_body, read_bytes};
pub(crate) use caller::{Caller, Conversation, member_text};
pub(crate) use credentials::Lifeline;
pub(crate) use object::{Object, document, typed};
pub(crate) use params::{Params, digits, unknown};
pub(crate) use path::PathArgs;
pub(crate) use refusals::RefusalLog;
pub(crate) use write::{WriteRequest, agreed, expected_version};
