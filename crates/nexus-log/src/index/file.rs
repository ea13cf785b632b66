//! The index of a sealed segment, read from its file where it is needed.

use std::sync::Arc;

use nexus_core::{AggregateType, EventId, StreamId, Timestamp, ports::Direction};

use super::{
    IndexError, ListedStream, StreamSpan, VersionRange,
    filter::{Filter, Key},
    layout::{HEADER, Header, ID_ENTRY, IDS, PLACE, Seal, StreamEntry, checked},
    region::{Region, fit_back, fit_front, widen},
};
use crate::{
    format::{Reader, SMALLEST_RECORD},
    storage::StorageFile,
};

/// An index file, with the part of it that is kept in memory: about 1.5 bytes per event.
pub(crate) struct FileIndex {
    file: Arc<dyn StorageFile>,
    header: Header,
    ids: Filter,
    streams: Filter,
    kinds: Vec<AggregateType>,
    /// First id of every block.
    id_fences: Vec<[u8; 16]>,
    stream_fences: Vec<Fence>,
}

/// Where a block of streams lies.
struct Fence {
    first: Box<[u8]>,
    at: u64,
    len: u32,
}

impl std::fmt::Debug for FileIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileIndex").field("header", &self.header).finish_non_exhaustive()
    }
}

impl FileIndex {
    /// Opens an index file; `None` when it is not a whole index of the segment with this salt, and has to be built anew.
    pub(crate) fn open(file: Arc<dyn StorageFile>, first: u64, salt: u32) -> std::io::Result<Option<Self>> {
        let len = file.len()?;
        if len < HEADER as u64 {
            return Ok(None);
        }
        let mut block = vec![0; HEADER];
        file.read_exact_at(&mut block, 0)?;
        let Some(header) = Header::decode(&block) else {
            return Ok(None);
        };
        let sections = [
            HEADER as u64,
            header.offsets_at,
            header.ids_at,
            header.places_at,
            header.streams_at,
            header.memory_at,
            header.len,
        ];
        if header.seal.first != first || header.seal.salt != salt || header.len != len || !sections.is_sorted() {
            return Ok(None);
        }
        let mut memory = vec![0; usize::try_from(len - header.memory_at).unwrap_or(0)];
        file.read_exact_at(&mut memory, header.memory_at)?;
        if crc32c::crc32c(&memory) != header.memory_crc {
            return Ok(None);
        }
        Ok(Self::parse(file, header, &memory))
    }

    fn parse(file: Arc<dyn StorageFile>, header: Header, memory: &[u8]) -> Option<Self> {
        let mut reader = Reader(memory);
        let ids = Filter::from_bytes(reader.sized()?);
        let streams = Filter::from_bytes(reader.sized()?);
        let mut names = Reader(reader.sized()?);
        let mut kinds = Vec::new();
        while let Some(name) = text(&mut names) {
            kinds.push(AggregateType::new(std::str::from_utf8(name).ok()?.to_owned()).ok()?);
        }
        let (id_fences, _) = reader.sized()?.as_chunks::<16>();
        let mut fences = Reader(reader.sized()?);
        let mut stream_fences = Vec::new();
        let mut at = header.streams_at;
        while let Some(len) = fences.u32() {
            let first = text(&mut fences)?.into();
            stream_fences.push(Fence { first, at, len });
            at += u64::from(len);
        }
        Some(Self { file, header, ids, streams, kinds, id_fences: id_fences.to_vec(), stream_fences })
    }

    /// What the segment came to.
    pub(crate) fn seal(&self) -> Seal {
        self.header.seal
    }

    /// Number of events.
    pub(crate) fn count(&self) -> u32 {
        self.header.count
    }

    /// Offset after the last event in the segment.
    pub(crate) fn end(&self) -> Result<u64, IndexError> {
        let table = self.offsets(self.header.count, 1)?;
        table.first().copied().map(widen).ok_or_else(|| self.damaged())
    }

    pub(crate) fn event(&self, id: &Key<EventId>) -> Result<Option<u32>, IndexError> {
        let wanted = *id.key.as_uuid().as_bytes();
        if wanted < self.header.min_id || wanted > self.header.max_id || !self.ids.may_contain(id) {
            return Ok(None);
        }
        let Some(block) = self.id_fences.partition_point(|first| *first <= wanted).checked_sub(1) else {
            return Ok(None);
        };
        let full = IDS * ID_ENTRY + 4;
        let at = self.header.ids_at + (block * full) as u64;
        let left = usize::try_from(self.header.places_at.saturating_sub(at)).unwrap_or(0);
        let bytes = self.read(at, left.min(full))?;
        let entries = checked(&bytes).ok_or_else(|| self.damaged())?;
        let (entries, _) = entries.as_chunks::<ID_ENTRY>();
        let found = entries.binary_search_by(|entry| entry.first_chunk::<16>().cmp(&Some(&wanted)));
        let entry = found.ok().and_then(|place| entries.get(place));
        Ok(entry.and_then(|entry| entry.last_chunk::<4>()).map(|ordinal| u32::from_le_bytes(*ordinal)))
    }

    pub(crate) fn stream(&self, stream: &Key<&StreamId>) -> Result<Option<StreamSpan>, IndexError> {
        Ok(self.find(stream)?.map(|(span, _)| span))
    }

    pub(crate) fn places(&self, stream: &Key<&StreamId>, range: VersionRange) -> Result<Vec<Region>, IndexError> {
        let Some((span, place)) = self.find(stream)? else {
            return Ok(Vec::new());
        };
        let low = range.low.max(span.first_version);
        let high = range.high.min(span.last_version);
        if low > high {
            return Ok(Vec::new());
        }
        let count = (high - low).saturating_add(1).min(range.limit as u64);
        let from = match range.direction {
            Direction::Forward => low,
            Direction::Backward => high + 1 - count,
        };
        let at = self.header.places_at + (u64::from(place) + from - span.first_version) * PLACE as u64;
        let bytes = self.read(at, usize::try_from(count).unwrap_or(0) * PLACE)?;
        let mut reader = Reader(&bytes);
        let mut places = Vec::with_capacity(bytes.len() / PLACE);
        while let (Some(first), Some(start), Some(end)) = (reader.u32(), reader.u32(), reader.u32()) {
            places.push(Region { first, count: 1, start: widen(start), end: widen(end) });
        }
        if range.direction == Direction::Backward {
            places.reverse();
        }
        Ok(places)
    }

    pub(crate) fn forward(&self, first: u32, count: usize, bytes: u64) -> Result<Option<Region>, IndexError> {
        let window = self.offsets(first, within(count, bytes) + 1)?;
        Ok(fit_front(first, &window, bytes))
    }

    pub(crate) fn backward(&self, last: u32, count: usize, bytes: u64) -> Result<Option<Region>, IndexError> {
        let count = u32::try_from(within(count, bytes)).unwrap_or(u32::MAX);
        let first = last.saturating_add(1).saturating_sub(count);
        let window = self.offsets(first, (last - first) as usize + 2)?;
        Ok(fit_back(first, &window, bytes))
    }

    pub(crate) fn list(
        &self,
        prefix: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<ListedStream>, IndexError> {
        let after = after.map(|after| after.as_str().as_bytes());
        let start = after.unwrap_or_default().max(prefix.as_bytes());
        let block = self.stream_fences.partition_point(|fence| &*fence.first <= start).saturating_sub(1);
        let mut found = Vec::new();
        for fence in self.stream_fences.iter().skip(block) {
            let bytes = self.read(fence.at, fence.len as usize)?;
            let mut reader = Reader(checked(&bytes).ok_or_else(|| self.damaged())?);
            while let Some(entry) = StreamEntry::decode(&mut reader) {
                if entry.name < start || Some(entry.name) == after {
                    continue;
                }
                if found.len() == limit || !entry.name.starts_with(prefix.as_bytes()) {
                    return Ok(found);
                }
                let name = std::str::from_utf8(entry.name).ok().and_then(|name| name.parse().ok());
                found.push(ListedStream {
                    stream: name.ok_or_else(|| self.damaged())?,
                    span: self.span(&entry).ok_or_else(|| self.damaged())?,
                });
            }
        }
        Ok(found)
    }

    /// A stream and the index of its first place.
    fn find(&self, stream: &Key<&StreamId>) -> Result<Option<(StreamSpan, u32)>, IndexError> {
        let name = stream.key.as_str().as_bytes();
        if !self.streams.may_contain(stream) {
            return Ok(None);
        }
        let block = self.stream_fences.partition_point(|fence| &*fence.first <= name).checked_sub(1);
        let Some(fence) = block.and_then(|block| self.stream_fences.get(block)) else {
            return Ok(None);
        };
        let bytes = self.read(fence.at, fence.len as usize)?;
        let mut reader = Reader(checked(&bytes).ok_or_else(|| self.damaged())?);
        while let Some(entry) = StreamEntry::decode(&mut reader) {
            if entry.name == name {
                let span = self.span(&entry).ok_or_else(|| self.damaged())?;
                return Ok(Some((span, entry.place)));
            }
        }
        Ok(None)
    }

    fn span(&self, entry: &StreamEntry<'_>) -> Option<StreamSpan> {
        Some(StreamSpan {
            aggregate_type: self.kinds.get(usize::from(entry.kind))?.clone(),
            first_version: entry.first_version,
            last_version: entry.first_version.checked_add(u64::from(entry.count))?.checked_sub(1)?,
            last_time: Timestamp::from_micros(entry.last_time)?,
        })
    }

    /// At most `count` entries of the offset table from `first` on; the last entry of the table is the end.
    fn offsets(&self, first: u32, count: usize) -> Result<Vec<u32>, IndexError> {
        let left = u64::from(self.header.count) + 1;
        let count = usize::try_from(left.saturating_sub(u64::from(first))).unwrap_or(0).min(count);
        let bytes = self.read(self.header.offsets_at + u64::from(first) * 4, count * 4)?;
        let (entries, _) = bytes.as_chunks::<4>();
        Ok(entries.iter().map(|entry| u32::from_le_bytes(*entry)).collect())
    }

    fn read(&self, at: u64, len: usize) -> Result<Vec<u8>, IndexError> {
        if at.saturating_add(len as u64) > self.header.len {
            return Err(self.damaged());
        }
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn damaged(&self) -> IndexError {
        IndexError::Damaged(self.header.seal.first)
    }
}

/// How many of `count` events can lie in `bytes` at most, at least one.
fn within(count: usize, bytes: u64) -> usize {
    let most = usize::try_from(bytes).unwrap_or(usize::MAX) / SMALLEST_RECORD;
    count.min(most).max(1)
}

/// A `u16` length and that many bytes.
fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let len = usize::from(reader.u16()?);
    reader.bytes(len)
}
