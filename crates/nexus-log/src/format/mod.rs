//! The bytes on disk: segment header, frame, record. `docs/formats/log.md` is their reference.
//!
//! Everything here is pure, reads hostile bytes without panicking and borrows instead of copying.

mod frame;
mod header;
mod reader;
mod record;

pub(crate) use frame::{ALIGN, FRAME_HEADER, FrameHeader, LAST, padded};
pub(crate) use header::{FORMAT_VERSION, HeaderError, SEGMENT_HEADER, SegmentHeader};
pub(crate) use reader::Reader;
pub(crate) use record::{Placement, RecordView, SMALLEST_RECORD, content_size, encode_content, record_size};
