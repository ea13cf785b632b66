//! Commands: what can be asked, and asking it.

mod catalogue;
mod envelope;
mod send;

pub(crate) use catalogue::{__path_describe_command, __path_list_commands, describe_command, list_commands};
pub(crate) use envelope::writable;
pub(crate) use send::{__path_send_command, send_command};
