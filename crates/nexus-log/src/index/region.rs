//! Consecutive events and the bytes they lie in.

use crate::format::ALIGN;

/// Consecutive events of a segment and the bytes they lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    /// Ordinal of the first event.
    pub(crate) first: u32,
    /// How many events.
    pub(crate) count: u32,
    /// Offset in the file of the first byte.
    pub(crate) start: u64,
    /// Offset in the file after the last byte.
    pub(crate) end: u64,
}

/// The offset that a unit of an offset table stands for.
pub(crate) fn widen(offset: u32) -> u64 {
    u64::from(offset) * ALIGN as u64
}

/// A segment has at most 2³⁵ bytes, hence fewer than 2³² units and events.
pub(crate) fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The events from the front of `window` that fit into `bytes`, at least one. `window` has the offset of every event
/// from ordinal `first` on, and last the offset after them.
pub(crate) fn fit_front(first: u32, window: &[u32], bytes: u64) -> Option<Region> {
    let (start, ends) = window.split_first()?;
    let fitting = ends.partition_point(|end| widen(end.saturating_sub(*start)) <= bytes);
    let count = fitting.max(1);
    Some(Region { first, count: narrow(count as u64), start: widen(*start), end: widen(*ends.get(count - 1)?) })
}

/// The events from the back of `window` that fit into `bytes`, at least one; `window` as for [`fit_front`].
pub(crate) fn fit_back(first: u32, window: &[u32], bytes: u64) -> Option<Region> {
    let (end, starts) = window.split_last()?;
    let skipped =
        starts.partition_point(|start| widen(end.saturating_sub(*start)) > bytes).min(starts.len().checked_sub(1)?);
    Some(Region {
        first: first + narrow(skipped as u64),
        count: narrow((starts.len() - skipped) as u64),
        start: widen(*starts.get(skipped)?),
        end: widen(*end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three events of 8, 16 and 24 bytes from offset 80 on.
    const WINDOW: [u32; 4] = [10, 11, 13, 16];

    #[test]
    fn what_fits_is_taken_from_the_front_and_at_least_one() {
        let counts = [0, 8, 23, 24, 47, 48, 1000].map(|bytes| {
            let region = fit_front(5, &WINDOW, bytes).unwrap();
            assert_eq!((region.first, region.start), (5, 80));
            region.count
        });
        assert_eq!(counts, [1, 1, 1, 2, 2, 3, 3]);
        assert_eq!(fit_front(5, &WINDOW, 24).unwrap().end, 104);
    }

    #[test]
    fn what_fits_is_taken_from_the_back_and_at_least_one() {
        let counts = [0, 24, 39, 40, 47, 48, 1000].map(|bytes| {
            let region = fit_back(5, &WINDOW, bytes).unwrap();
            assert_eq!(region.end, 128);
            assert_eq!(region.first + region.count, 8);
            region.count
        });
        assert_eq!(counts, [1, 1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn an_empty_window_has_no_region() {
        assert_eq!(fit_front(0, &[], 9), None);
        assert_eq!(fit_front(0, &[10], 9), None);
        assert_eq!(fit_back(0, &[10], 9), None);
    }
}
