//! Writes the index of a sealed segment.

use std::collections::HashMap;

use nexus_core::EventId;

use super::{
    MemoryIndex,
    filter::{Filter, Key},
    layout::{HEADER, Header, ID_ENTRY, IDS, PLACE, STREAMS, Seal, StreamEntry},
    memory::Entry,
    region::narrow,
};

/// The index file of a segment. The same segment always gives the same bytes.
pub(crate) fn image(index: &MemoryIndex, seal: Seal) -> Vec<u8> {
    let mut ids = index.ids();
    ids.sort_unstable();
    let mut streams: Vec<&Entry> = index.streams().iter().collect();
    streams.sort_unstable_by(|a, b| a.name.cmp(&b.name));

    let mut out = vec![0; HEADER];
    let offsets_at = out.len() as u64;
    for offset in index.offsets() {
        out.extend_from_slice(&offset.to_le_bytes());
    }
    let ids_at = out.len() as u64;
    let mut memory = Memory::new(&ids, &streams);
    put_ids(&ids, &mut out, &mut memory);
    let places_at = out.len() as u64;
    put_places(&streams, index, &mut out);
    let streams_at = out.len() as u64;
    put_streams(&streams, &mut out, &mut memory);
    let memory_at = out.len() as u64;
    let memory = memory.encode();
    out.extend_from_slice(&memory);
    let header = Header {
        seal,
        count: narrow(ids.len() as u64),
        min_id: ids.first().map_or([0; 16], |(id, _)| *id.as_uuid().as_bytes()),
        max_id: ids.last().map_or([0; 16], |(id, _)| *id.as_uuid().as_bytes()),
        offsets_at,
        ids_at,
        places_at,
        streams_at,
        memory_at,
        len: out.len() as u64,
        memory_crc: crc32c::crc32c(&memory),
    };
    if let Some(space) = out.get_mut(..HEADER) {
        space.copy_from_slice(&header.encode());
    }
    out
}

/// The part that is kept in memory.
struct Memory {
    ids: Filter,
    streams: Filter,
    kinds: Vec<u8>,
    id_fences: Vec<u8>,
    stream_fences: Vec<u8>,
}

impl Memory {
    fn new(ids: &[(EventId, u32)], streams: &[&Entry]) -> Self {
        let mut memory = Self {
            ids: Filter::with_capacity(ids.len()),
            streams: Filter::with_capacity(streams.len()),
            kinds: Vec::new(),
            id_fences: Vec::new(),
            stream_fences: Vec::new(),
        };
        for (id, _) in ids {
            memory.ids.insert(&Key::event(*id));
        }
        for stream in streams {
            memory.streams.insert(&Key::stream(&stream.name));
        }
        memory
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for section in [self.ids.as_bytes(), self.streams.as_bytes(), &self.kinds, &self.id_fences, &self.stream_fences]
        {
            out.extend_from_slice(&narrow(section.len() as u64).to_le_bytes());
            out.extend_from_slice(section);
        }
        out
    }
}

fn put_ids(ids: &[(EventId, u32)], out: &mut Vec<u8>, memory: &mut Memory) {
    for block in ids.chunks(IDS) {
        let start = out.len();
        if let Some((id, _)) = block.first() {
            memory.id_fences.extend_from_slice(id.as_uuid().as_bytes());
        }
        for (id, ordinal) in block {
            out.extend_from_slice(id.as_uuid().as_bytes());
            out.extend_from_slice(&ordinal.to_le_bytes());
        }
        put_crc(start, out);
    }
    debug_assert_eq!(ID_ENTRY, 20, "an id entry is an id and an ordinal");
}

fn put_places(streams: &[&Entry], index: &MemoryIndex, out: &mut Vec<u8>) {
    out.reserve(index.offsets().len() * PLACE);
    for ordinal in streams.iter().flat_map(|stream| &stream.ordinals) {
        let at = *ordinal as usize;
        let bounds = index.offsets().get(at..at + 2).unwrap_or_default();
        out.extend_from_slice(&ordinal.to_le_bytes());
        for bound in bounds {
            out.extend_from_slice(&bound.to_le_bytes());
        }
    }
}

fn put_streams(streams: &[&Entry], out: &mut Vec<u8>, memory: &mut Memory) {
    let mut kinds = HashMap::new();
    let mut place = 0;
    for block in streams.chunks(STREAMS) {
        let start = out.len();
        for stream in block {
            let next = narrow(kinds.len() as u64);
            let kind = *kinds.entry(stream.aggregate_type.as_str()).or_insert_with(|| {
                put_name(stream.aggregate_type.as_str(), &mut memory.kinds);
                next
            });
            let count = narrow(stream.ordinals.len() as u64);
            let entry = StreamEntry {
                name: stream.name.as_str().as_bytes(),
                kind: u16::try_from(kind).unwrap_or(u16::MAX),
                first_version: stream.first_version,
                count,
                place,
                last_time: stream.last_time.as_micros(),
            };
            entry.encode(out);
            place += count;
        }
        put_crc(start, out);
        if let Some(stream) = block.first() {
            let len = narrow((out.len() - start) as u64);
            memory.stream_fences.extend_from_slice(&len.to_le_bytes());
            put_name(stream.name.as_str(), &mut memory.stream_fences);
        }
    }
}

fn put_name(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(name.as_bytes());
}

fn put_crc(start: usize, out: &mut Vec<u8>) {
    let crc = crc32c::crc32c(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}
