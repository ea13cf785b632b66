//! Governed appends for writers that decide themselves: one request at a time, or a stream of them.

mod batch;
mod line;
mod once;
mod stream;

pub(crate) use once::{__path_append_events, __path_append_streams, append_events, append_streams};
pub(crate) use stream::{__path_append_stream, append_stream};
