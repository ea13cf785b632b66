//! Where things are in one segment: stream → events, event id → event, event → bytes.
//!
//! An index only follows the log and can always be rebuilt from it. The rest of the crate names an event of a
//! segment by its *ordinal*: 0 for the segment's first position.

mod memory;
mod spans;

pub(crate) use memory::{IndexedEvent, MemoryIndex};
pub(crate) use spans::{ListedStream, Region, StreamSpan};
