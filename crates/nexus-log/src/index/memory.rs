//! The index of a segment that is still written to, in memory. Its size is bounded by the segment's.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Mutex, PoisonError},
};

use nexus_core::{AggregateType, EventId, StreamId, Timestamp, ports::Direction};

use super::{
    ListedStream, StreamSpan, VersionRange,
    region::{Region, fit_back, fit_front, narrow},
};
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
    /// Offset of every event, and last the offset after them, in units of [`ALIGN`].
    offsets: Vec<u32>,
    ids: HashMap<EventId, u32>,
    by_name: HashMap<StreamId, u32>,
    streams: Vec<Entry>,
    /// Names in order, made as far as somebody listed them.
    listing: Mutex<Listing>,
}

/// A stream.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: StreamId,
    pub(crate) aggregate_type: AggregateType,
    pub(crate) first_version: u64,
    pub(crate) last_time: Timestamp,
    pub(crate) ordinals: Vec<u32>,
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
            first_version: self.first_version,
            last_version: self.first_version + (self.ordinals.len() as u64).saturating_sub(1),
            last_time: self.last_time,
        }
    }
}

impl MemoryIndex {
    /// Adds the next event.
    pub(crate) fn add(&mut self, event: &IndexedEvent<'_>) {
        let start = narrow(event.offset / ALIGN as u64);
        // The offset after the events so far gives way to where this one really begins, behind a mark maybe.
        self.offsets.pop();
        let ordinal = narrow(self.offsets.len() as u64);
        self.offsets.push(start);
        self.offsets.push(narrow(event.end / ALIGN as u64));
        self.ids.insert(event.id, ordinal);
        let slot = self.by_name.get(event.stream).copied();
        if let Some(entry) = slot.and_then(|slot| self.streams.get_mut(slot as usize)) {
            entry.ordinals.push(ordinal);
            entry.last_time = event.time;
            return;
        }
        let name = own_stream(event.stream);
        self.by_name.insert(name.clone(), narrow(self.streams.len() as u64));
        self.streams.push(Entry {
            name,
            aggregate_type: self.own_type(event.aggregate_type),
            first_version: event.version,
            last_time: event.time,
            ordinals: vec![ordinal],
        });
    }

    /// Every event id with its ordinal, in any order.
    pub(crate) fn ids(&self) -> Vec<(EventId, u32)> {
        self.ids.iter().map(|(id, ordinal)| (*id, *ordinal)).collect()
    }

    /// The streams, by their first event.
    pub(crate) fn streams(&self) -> &[Entry] {
        &self.streams
    }

    /// Offset of every event, and last the offset after them.
    pub(crate) fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    pub(crate) fn event(&self, id: EventId) -> Option<u32> {
        self.ids.get(&id).copied()
    }

    pub(crate) fn stream(&self, stream: &StreamId) -> Option<StreamSpan> {
        self.entry(stream).map(Entry::span)
    }

    pub(crate) fn places(&self, stream: &StreamId, range: VersionRange) -> Vec<Region> {
        let Some(entry) = self.entry(stream).filter(|entry| range.high >= entry.first_version) else {
            return Vec::new();
        };
        let place = |version: u64| {
            let place = version.saturating_sub(entry.first_version);
            usize::try_from(place).unwrap_or(usize::MAX)
        };
        let end = place(range.high).saturating_add(1).min(entry.ordinals.len());
        let ordinals = entry.ordinals.get(place(range.low)..end).unwrap_or_default().iter();
        let region = |ordinal: &u32| self.forward(*ordinal, 1, 0);
        match range.direction {
            Direction::Forward => ordinals.take(range.limit).filter_map(region).collect(),
            Direction::Backward => ordinals.rev().take(range.limit).filter_map(region).collect(),
        }
    }

    pub(crate) fn forward(&self, first: u32, count: usize, bytes: u64) -> Option<Region> {
        let from = first as usize;
        let to = from.saturating_add(count.max(1)).min(self.offsets.len().checked_sub(1)?);
        fit_front(first, self.offsets.get(from..=to)?, bytes)
    }

    pub(crate) fn backward(&self, last: u32, count: usize, bytes: u64) -> Option<Region> {
        let after = last as usize + 1;
        let from = after.saturating_sub(count.max(1));
        fit_back(narrow(from as u64), self.offsets.get(from..=after)?, bytes)
    }

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

    /// A copy that does not keep alive the buffer the name was read into, shared with the stream before where possible.
    fn own_type(&self, name: &AggregateType) -> AggregateType {
        let before = self.streams.last().map(|entry| &entry.aggregate_type);
        before
            .filter(|before| *before == name)
            .cloned()
            .unwrap_or_else(|| AggregateType::new(name.as_str().to_owned()).unwrap_or_else(|_| name.clone()))
    }
}

/// A copy that does not keep alive the buffer the name was read into.
fn own_stream(name: &StreamId) -> StreamId {
    StreamId::new(name.as_str().to_owned()).unwrap_or_else(|_| name.clone())
}
