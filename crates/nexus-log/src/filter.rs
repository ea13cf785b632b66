//! The filter of a log read, on records where they lie: what is not wanted is never decoded.

use nexus_core::{StreamId, ports::EventFilter};

use crate::format::RecordView;

/// Whether the record is wanted; the same answer as [`EventFilter::matches`] gives for the decoded event.
pub(crate) fn matches(filter: &EventFilter, record: &RecordView<'_>) -> bool {
    (filter.event_types.is_empty()
        || filter.event_types.iter().any(|wanted| wanted.as_str().as_bytes() == record.event_type))
        && filter.aggregate_type.as_ref().is_none_or(|wanted| wanted.as_str().as_bytes() == record.aggregate_type)
        && filter.correlation_id.as_ref().is_none_or(|wanted| record.correlation_id == Some(wanted.as_bytes()))
        && filter.since.is_none_or(|since| record.timestamp >= since.as_micros())
        && filter.until.is_none_or(|until| record.timestamp <= until.as_micros())
        && !(filter.without_system_streams && record.stream.starts_with(StreamId::SYSTEM.as_bytes()))
}
