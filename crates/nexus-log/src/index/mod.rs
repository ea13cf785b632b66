//! Where things are in one segment: stream → events, event id → event, event → bytes.
//!
//! An index only follows the log and can always be rebuilt from it. The segment that is written to has its index in
//! memory; a sealed one has a file, of which only filters and every so-manieth key are kept in memory. The rest of the
//! crate names an event of a segment by its *ordinal*: 0 for the segment's first position.

mod build;
mod file;
mod filter;
mod layout;
mod memory;
mod region;
mod segment_index;

pub(crate) use build::image;
pub(crate) use file::FileIndex;
pub(crate) use filter::Key;
pub(crate) use layout::Seal;
pub(crate) use memory::{IndexedEvent, MemoryIndex};
pub(crate) use region::Region;
pub(crate) use segment_index::{IndexError, ListedStream, SegmentIndex, StreamSpan, VersionRange};
