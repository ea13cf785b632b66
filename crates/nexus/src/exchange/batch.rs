use std::collections::HashSet;

use nexus_core::{EventId, StreamId};
use serde_json::Value;

use super::line::Line;

/// Most events in one append.
const MAX_EVENTS: usize = 500;
/// Bytes of payload and metadata after which an append takes no further event.
const MAX_BYTES: usize = 2 << 20;

/// Consecutive events that can be appended at once without changing their order.
///
/// An append stores its streams one after the other, so the events of a stream must stand together here: one that
/// comes back to an earlier stream begins the next batch.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    lines: Vec<Line>,
    streams: HashSet<StreamId>,
    ids: HashSet<EventId>,
    bytes: usize,
}

impl Batch {
    /// Whether this event can be the next one of the batch. An empty batch takes any.
    pub(crate) fn fits(&self, line: &Line) -> bool {
        let same = self.lines.last().is_some_and(|last| {
            let follows = last.version.zip(line.version).is_none_or(|(last, next)| last.checked_add(1) == Some(next));
            last.stream == line.stream && last.aggregate_type == line.aggregate_type && follows
        });
        let full = self.lines.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES;
        !full && (same || !self.streams.contains(&line.stream)) && !self.ids.contains(&line.event_id)
    }

    /// Adds an event that [fits](Self::fits).
    pub(crate) fn push(&mut self, line: Line) {
        self.streams.insert(line.stream.clone());
        self.ids.insert(line.event_id);
        self.bytes += line.payload.len() + line.metadata.len();
        self.lines.push(line);
    }

    /// The events, in order.
    pub(crate) fn into_lines(self) -> Vec<Line> {
        self.lines
    }
}

/// The body of the append of these events, which came out of one batch.
pub(crate) fn body(lines: &[Line]) -> String {
    let mut body = String::from("{\"streams\":[");
    for (number, part) in lines.chunk_by(|left, right| left.stream == right.stream).enumerate() {
        let Some(first) = part.first() else { continue };
        // The first version in the file says where the stream must stand, so that none of it is missing.
        let expected = first.version.map_or(Value::from("any"), |version| Value::from(version - 1));
        let separator = if number > 0 { "," } else { "" };
        let (stream, kind) = (Value::from(first.stream.as_str()), first.aggregate_type.as_str());
        body.push_str(&format!(
            "{separator}{{\"aggregateId\":{stream},\"aggregateType\":\"{kind}\",\"expectedVersion\":{expected},\"events\":["
        ));
        for (number, line) in part.iter().enumerate() {
            let separator = if number > 0 { "," } else { "" };
            let version =
                line.schema_version.map(|version| format!("\"schemaVersion\":{version},")).unwrap_or_default();
            body.push_str(&format!(
                "{separator}{{\"eventId\":\"{}\",\"eventType\":\"{}\",{version}\"payload\":{},\"metadata\":{}}}",
                line.event_id, line.event_type, line.payload, line.metadata
            ));
        }
        body.push_str("]}");
    }
    body.push_str("]}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64, stream: &str, version: u64) -> Line {
        let id = format!("018f8a2e-0000-7000-8000-{number:012}");
        let text = format!(
            r#"{{"specversion":"1.0","id":"{id}","type":"Happened","subject":"{stream}","aggregatetype":"Thing",
                "aggregateversion":"{version}","data":{{}}}}"#
        );
        Line::parse(number, text.as_bytes()).unwrap()
    }

    #[test]
    fn a_batch_ends_where_an_append_would_change_the_order() {
        let mut batch = Batch::default();
        for (number, stream, version) in [(1, "a", 1), (2, "a", 2), (3, "b", 1)] {
            assert!(batch.fits(&line(number, stream, version)));
            batch.push(line(number, stream, version));
        }
        assert!(!batch.fits(&line(4, "a", 3)), "it would be stored before 3");
        assert!(!batch.fits(&line(1, "c", 1)), "the same event again");
        assert!(!batch.fits(&line(5, "b", 3)), "version 2 is missing");
        assert!(batch.fits(&line(6, "b", 2)));
        batch.push(line(6, "b", 2));
        let body: Value = serde_json::from_str(&body(&batch.into_lines())).unwrap();
        let expected: Vec<&Value> =
            body["streams"].as_array().unwrap().iter().map(|it| &it["expectedVersion"]).collect();
        assert_eq!(expected, [0, 0]);
        assert_eq!(body["streams"][1]["events"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_batch_is_bounded() {
        let mut batch = Batch::default();
        for number in 1..2000 {
            if batch.fits(&line(number, "a", number)) {
                batch.push(line(number, "a", number));
            }
        }
        assert_eq!(batch.into_lines().len(), MAX_EVENTS);
    }
}
