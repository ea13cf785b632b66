//! What can be chosen about a log.

/// Sizes of a log. The defaults suit a server; [`LogOptions::small`] suits tests and development.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// Bytes after which a segment file is full. A segment may be larger when one commit is larger.
    /// Between 64 KiB and 4 GiB; default 128 MiB.
    pub segment_bytes: u64,
    /// Largest append, in bytes as stored. At most 256 MiB; default 16 MiB.
    pub max_batch_bytes: usize,
    /// Bytes of waiting appends above which further ones wait before they are queued; default 64 MiB.
    pub queue_bytes: usize,
    /// Bytes the first segment is prepared with; it doubles as it fills. Default 1 MiB.
    pub initial_bytes: u64,
}

impl LogOptions {
    /// Bounds of [`segment_bytes`](Self::segment_bytes).
    pub const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 65_536..=4 << 30;
    /// Upper bound of [`max_batch_bytes`](Self::max_batch_bytes).
    pub const MAX_BATCH_BYTES: usize = 256 << 20;

    /// Segments of 16 MiB and a first file of 256 KiB.
    #[must_use]
    pub fn small() -> Self {
        Self { segment_bytes: 16 << 20, initial_bytes: 256 << 10, ..Self::default() }
    }

    /// Says which option is out of bounds, if one is.
    pub(crate) fn problem(&self) -> Option<String> {
        if !Self::SEGMENT_BYTES.contains(&self.segment_bytes) {
            return Some(format!(
                "segment_bytes is {}, it must lie between {} and {}",
                self.segment_bytes,
                Self::SEGMENT_BYTES.start(),
                Self::SEGMENT_BYTES.end()
            ));
        }
        if self.max_batch_bytes == 0 || self.max_batch_bytes > Self::MAX_BATCH_BYTES {
            return Some(format!(
                "max_batch_bytes is {}, it must lie between 1 and {}",
                self.max_batch_bytes,
                Self::MAX_BATCH_BYTES
            ));
        }
        None
    }
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { segment_bytes: 128 << 20, max_batch_bytes: 16 << 20, queue_bytes: 64 << 20, initial_bytes: 1 << 20 }
    }
}
