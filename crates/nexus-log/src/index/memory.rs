//! The index of a segment that is still written to, in memory. Its size is bounded by the segment's.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Mutex, PoisonError},
};

use nexus_core::{AggregateType, EventId, StreamId, Timestamp};

use super::{ListedStream, Region, StreamSpan};
use crate::format::ALIGN;

/// What the index needs to know of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexedEvent<'a> {
    pub(crate) id: EventId,
    pub(crate) stream: &'a StreamId,
    pub(crate) aggregate_type: &'a AggregateType,
    pub(crate) version: u64,
    pub(crate) time: Timestamp,
    /// Offset of its frame in the file.
    pub(crate) offset: u64,
    /// Offset after its frame.
    pub(crate) end: u64,
}

/// Everything about one segment, in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryIndex {
    /// Offset of every event, in units of [`ALIGN`].
    offsets: Vec<u32>,
    /// Offset after the last event.
    end: u64,
    ids: HashMap<EventId, u32>,
    by_name: HashMap<StreamId, u32>,
    streams: Vec<Entry>,
    /// Names in order, made as far as somebody listed them.
    listing: Mutex<Listing>,
}

#[derive(Debug)]
struct Entry {
    name: StreamId,
    aggregate_type: AggregateType,
    first_version: u64,
    last_time: Timestamp,
    ordinals: Vec<u32>,
}

#[derive(Debug, Default)]
struct Listing {
    sorted: BTreeMap<StreamId, u32>,
    seen: usize,
}

impl Entry {
    fn span(&self) -> StreamSpan {
        StreamSpan {
            aggregate_type: self.aggregate_type.clone(),
            last_version: self.first_version + (self.ordinals.len() as u64).saturating_sub(1),
            last_time: self.last_time,
        }
    }
}

impl MemoryIndex {
    /// Adds the next event. `owned` gives a copy of a name that does not share a larger buffer.
    pub(crate) fn add(&mut self, event: &IndexedEvent<'_>) {
        let ordinal = narrow(self.offsets.len() as u64);
        self.offsets.push(narrow(event.offset / ALIGN as u64));
        self.end = event.end;
        self.ids.insert(event.id, ordinal);
        let slot = self.by_name.get(event.stream).copied();
        let entry = slot.and_then(|slot| self.streams.get_mut(slot as usize));
        if let Some(entry) = entry {
            entry.ordinals.push(ordinal);
            entry.last_time = event.time;
            return;
        }
        let name = own_stream(event.stream);
        self.by_name.insert(name.clone(), narrow(self.streams.len() as u64));
        self.streams.push(Entry {
            name,
            aggregate_type: own_type(event.aggregate_type),
            first_version: event.version,
            last_time: event.time,
            ordinals: vec![ordinal],
        });
    }

    /// The ordinal of an event.
    pub(crate) fn event(&self, id: EventId) -> Option<u32> {
        self.ids.get(&id).copied()
    }

    /// What is known of a stream.
    pub(crate) fn stream(&self, stream: &StreamId) -> Option<StreamSpan> {
        self.entry(stream).map(Entry::span)
    }

    /// Ordinals of the versions `from..=to` of a stream, as far as they lie here, at most `limit`,
    /// from the front or from the back.
    pub(crate) fn ordinals(&self, stream: &StreamId, from: u64, to: u64) -> &[u32] {
        let Some(entry) = self.entry(stream) else {
            return &[];
        };
        let place = |version: u64| usize::try_from(version.saturating_sub(entry.first_version)).unwrap_or(usize::MAX);
        if to < entry.first_version {
            return &[];
        }
        let end = place(to).saturating_add(1).min(entry.ordinals.len());
        entry.ordinals.get(place(from)..end).unwrap_or_default()
    }

    /// The bytes of one event.
    pub(crate) fn region(&self, ordinal: u32) -> Option<Region> {
        let start = self.offset(ordinal as usize)?;
        Some(Region { first: ordinal, count: 1, start, end: self.offset(ordinal as usize + 1).unwrap_or(self.end) })
    }

    /// Events from `first` on: at most `count`, and at most `bytes` of them unless the first alone is larger.
    pub(crate) fn forward(&self, first: u32, count: usize, bytes: u64) -> Option<Region> {
        let start = self.offset(first as usize)?;
        let limit = (first as usize).saturating_add(count.max(1)).min(self.offsets.len());
        // An event ends where the next one begins; the last one of the segment ends at `end`.
        let ends = self.offsets.get(first as usize + 1..limit)?;
        let mut fitting = ends.partition_point(|end| widen(*end) - start <= bytes);
        if fitting == ends.len() && self.offset(limit).unwrap_or(self.end) - start <= bytes {
            fitting += 1;
        }
        let after = first as usize + fitting.max(1);
        Some(Region {
            first,
            count: narrow((after - first as usize) as u64),
            start,
            end: self.offset(after).unwrap_or(self.end),
        })
    }

    /// Events up to and including `last`: at most `count`, and at most `bytes` unless the last alone is larger.
    pub(crate) fn backward(&self, last: u32, count: usize, bytes: u64) -> Option<Region> {
        let after = last as usize + 1;
        let end = self.offset(after).unwrap_or(self.end);
        let lowest = after.saturating_sub(count.max(1));
        let window = self.offsets.get(lowest..last as usize)?;
        let first = lowest + window.partition_point(|offset| end - widen(*offset) > bytes);
        Some(Region {
            first: narrow(first as u64),
            count: narrow((after - first) as u64),
            start: self.offset(first)?,
            end,
        })
    }

    /// At most `limit` streams in order of their names, those that start with `prefix` and are greater than `after`.
    pub(crate) fn list(&self, prefix: &str, after: Option<&StreamId>, limit: usize) -> Vec<ListedStream> {
        let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = listing.seen;
        for (slot, entry) in self.streams.iter().enumerate().skip(seen) {
            listing.sorted.insert(entry.name.clone(), narrow(slot as u64));
        }
        listing.seen = self.streams.len();
        let from = match (after, StreamId::new(prefix.to_owned())) {
            (Some(after), _) if after.as_str() >= prefix => Bound::Excluded(after.clone()),
            (_, Ok(prefix)) => Bound::Included(prefix),
            _ => Bound::Unbounded,
        };
        listing
            .sorted
            .range((from, Bound::Unbounded))
            .skip_while(|(name, _)| name.as_str() < prefix)
            .take_while(|(name, _)| name.as_str().starts_with(prefix))
            .filter_map(|(name, slot)| {
                let span = self.streams.get(*slot as usize)?.span();
                let stream = name.clone();
                Some(ListedStream { stream, span })
            })
            .take(limit)
            .collect()
    }

    fn entry(&self, stream: &StreamId) -> Option<&Entry> {
        let slot = *self.by_name.get(stream)?;
        self.streams.get(slot as usize)
    }

    fn offset(&self, ordinal: usize) -> Option<u64> {
        self.offsets.get(ordinal).copied().map(widen)
    }
}

fn widen(offset: u32) -> u64 {
    u64::from(offset) * ALIGN as u64
}

/// A segment has at most 2³⁵ bytes, hence fewer than 2³² units and events.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A copy that does not keep alive the buffer the name was read into.
fn own_stream(name: &StreamId) -> StreamId {
    StreamId::new(name.as_str().to_owned()).unwrap_or_else(|_| name.clone())
}

fn own_type(name: &AggregateType) -> AggregateType {
    AggregateType::new(name.as_str().to_owned()).unwrap_or_else(|_| name.clone())
}
