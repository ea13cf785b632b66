//! The platform's own events about policy, on their way into the log.

use std::sync::Arc;

use nexus_core::{
    Admission, AggregateType, DecisionId, EventType, ExpectedVersion, Json, Metadata, NewEvent, Proposal, Refusal,
    StreamAppend, StreamId, Version,
    ports::{AppendError, EventStore, IdSource, RequestContext},
};

/// Has the platform's own events admitted and stores them.
#[derive(Clone)]
pub(crate) struct Records {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) admission: Admission,
    pub(crate) ids: Arc<dyn IdSource>,
}

/// Why events were not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error(transparent)]
    NotAdmitted(#[from] Refusal),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("{0}")]
    Malformed(String),
}

/// Where events go, and on whose behalf.
pub(crate) struct Place<'a> {
    pub(crate) stream: &'static str,
    pub(crate) aggregate_type: &'static str,
    pub(crate) expected: ExpectedVersion,
    pub(crate) decision_id: DecisionId,
    pub(crate) request: &'a RequestContext,
}

impl Records {
    /// An event of the platform.
    pub(crate) fn event(
        &self,
        event_type: &str,
        payload: &impl serde::Serialize,
        metadata: Metadata,
    ) -> Result<NewEvent, RecordError> {
        Ok(NewEvent {
            event_id: self.ids.event_id(),
            event_type: EventType::new(event_type).map_err(|error| malformed(&error))?,
            payload: Json::from_serialize(payload).map_err(|error| malformed(&error))?,
            metadata,
        })
    }

    /// Stores events; answers the version of the stream.
    pub(crate) async fn store(&self, place: Place<'_>, events: Vec<NewEvent>) -> Result<Version, RecordError> {
        let part = StreamAppend {
            stream: StreamId::new(place.stream).map_err(|error| malformed(&error))?,
            aggregate_type: AggregateType::new(place.aggregate_type).map_err(|error| malformed(&error))?,
            condition: place.expected.into(),
            events,
        };
        let admitted = self.admission.admit_own(Proposal::single(part), place.decision_id, place.request)?;
        let appended = self.store.append(admitted).await?;
        Ok(appended.streams.last().map_or(Version::NONE, |part| part.version))
    }
}

fn malformed(error: &dyn std::fmt::Display) -> RecordError {
    RecordError::Malformed(error.to_string())
}
