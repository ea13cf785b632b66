//! Whether upcasters lead every payload that can be met to the version that readers want: samples, and the whole log.

use std::{
    collections::BTreeSet,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use nexus_core::{
    EventType, Json, Position, RecordedEvent,
    framework::example_of,
    ports::{EventFilter, EventStore, LogRead, ReadError, RegisteredSchema, SubjectRegistry},
    upcast::{UpcastError, UpcastFault, Upcasters},
};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

/// Events tried in one go, on a thread where that may take a while.
const PAGE: usize = 1000;
/// How often a proof says how far it is.
const SAYS: Duration = Duration::from_secs(5);

/// What a dry run of upcasters found.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// The event type.
    pub event_type: String,
    /// How many samples were brought to the version wanted.
    pub samples: u64,
    /// The first sample that could not be.
    pub failed_sample: Option<FailedSample>,
    /// How many stored events of the type there are.
    pub events: u64,
    /// How many of them could not be brought to the version wanted.
    pub failed: u64,
    /// The first of them, with its place.
    pub first_failure: Option<UpcastError>,
}

/// A payload that an event of an earlier version may have.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The schema version it is of.
    pub version: u32,
    /// The payload.
    pub payload: Value,
}

/// A sample that upcasters could not bring to the version wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedSample {
    /// The sample.
    pub sample: Sample,
    /// Why.
    pub fault: UpcastFault,
}

impl Proof {
    /// Whether nothing failed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failed == 0 && self.failed_sample.is_none()
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} stored events fail", self.failed, self.events)?;
        if let Some(first) = &self.first_failure {
            let pointer = first.pointer().filter(|pointer| !pointer.is_empty());
            write!(f, "; the first: {first}{}", pointer.map(|place| format!(", at {place}")).unwrap_or_default())?;
        }
        if let Some(FailedSample { sample, fault }) = &self.failed_sample {
            write!(f, "; an event of schema version {} may be {}, and {fault}", sample.version, sample.payload)?;
        }
        Ok(())
    }
}

/// Runs samples and every stored event of a type through upcasters. Writes nothing.
///
/// # Errors
/// When the log cannot be read.
pub async fn prove(
    store: &dyn EventStore,
    upcasters: &Arc<Upcasters>,
    event_type: &EventType,
    samples: Vec<Sample>,
) -> Result<Proof, ReadError> {
    let mut run = ProofRun::new(Arc::clone(upcasters), event_type.clone(), samples);
    run.go_on(store, None, &CancellationToken::new()).await?;
    Ok(run.proof)
}

/// A proof that goes through the log page by page, and can be taken up again where it stopped.
pub(crate) struct ProofRun {
    upcasters: Arc<Upcasters>,
    event_type: EventType,
    pub(crate) proof: Proof,
    /// Everything up to here was tried.
    pub(crate) reached: Position,
}

/// How a proof stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The whole log was tried.
    Done,
    /// The time is over.
    Paused,
    /// Nobody waits for it any more.
    Cancelled,
}

impl ProofRun {
    /// Tries the samples; the log is still to come.
    pub(crate) fn new(upcasters: Arc<Upcasters>, event_type: EventType, samples: Vec<Sample>) -> Self {
        let proof = prove_samples(&upcasters, &event_type, samples);
        Self { upcasters, event_type, proof, reached: Position::START }
    }

    /// Tries what is stored, from where it stopped to the head of the log.
    ///
    /// # Errors
    /// When the log cannot be read; what was tried stays so.
    pub(crate) async fn go_on(
        &mut self,
        store: &dyn EventStore,
        until: Option<Instant>,
        stop: &CancellationToken,
    ) -> Result<Progress, ReadError> {
        let filter = EventFilter { event_types: BTreeSet::from([self.event_type.clone()]), ..EventFilter::default() };
        let mut said = Instant::now();
        while self.reached < store.head() {
            if stop.is_cancelled() {
                return Ok(Progress::Cancelled);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Progress::Paused);
            }
            let read = LogRead { from: self.reached, limit: PAGE, filter: filter.clone(), ..LogRead::default() };
            let page = store.read_log(read).await?;
            self.try_page(page.events).await?;
            if page.next <= self.reached {
                break;
            }
            self.reached = page.next;
            if said.elapsed() >= SAYS {
                said = Instant::now();
                let (event_type, events, failed) = (&self.proof.event_type, self.proof.events, self.proof.failed);
                let (reached, head) = (self.reached.get(), store.head().get());
                tracing::info!(event_type, events, failed, reached, head, "trying upcasters on what is stored");
            }
        }
        Ok(Progress::Done)
    }

    async fn try_page(&mut self, events: Vec<RecordedEvent>) -> Result<(), ReadError> {
        let (upcasters, count) = (Arc::clone(&self.upcasters), events.len() as u64);
        let tried = tokio::task::spawn_blocking(move || {
            let mut errors = events.iter().filter_map(|event| upcasters.proven(event).err());
            let first = errors.next();
            let failed = u64::from(first.is_some()) + errors.count() as u64;
            (first, failed)
        });
        let (first, failed) = tried.await.map_err(|error| ReadError::Unavailable { reason: error.to_string() })?;
        metrics::counter!("nexus_upcaster_proof_events_total").increment(count);
        self.proof.events += count;
        self.proof.failed += failed;
        if self.proof.first_failure.is_none() {
            self.proof.first_failure = first.map(|error| *error);
        }
        Ok(())
    }
}

/// Samples of a registered version, as far as they are really valid under it.
pub(crate) fn samples_under(registry: &dyn SubjectRegistry, known: &RegisteredSchema) -> Vec<Sample> {
    let (subject, version) = (known.subject(), known.reference.version);
    let mut samples = samples_of(version, &known.schema);
    samples.retain(|sample| registry.check_stored(&subject, version, &Json::from_value(&sample.payload)).is_ok());
    samples
}

/// [`prove`] without the log.
pub fn prove_samples(upcasters: &Upcasters, event_type: &EventType, samples: Vec<Sample>) -> Proof {
    let mut proof = Proof {
        event_type: event_type.to_string(),
        samples: 0,
        failed_sample: None,
        events: 0,
        failed: 0,
        first_failure: None,
    };
    for sample in samples {
        proof.samples += 1;
        let payload = Json::from_value(&sample.payload);
        if let Err(fault) = upcasters.proven_payload(event_type.as_str(), sample.version, &payload) {
            proof.failed_sample.get_or_insert(FailedSample { sample, fault });
        }
    }
    proof
}

/// Payloads that a schema version suggests: one with every member it declares, one with only those it requires. Whether
/// they really fit is for the caller to check.
#[must_use]
pub fn samples_of(version: u32, schema: &Value) -> Vec<Sample> {
    let full = example_of(schema);
    let least = least_of(schema, &full);
    let mut samples = vec![Sample { version, payload: full }];
    samples.extend(least.map(|payload| Sample { version, payload }));
    samples
}

/// The example without the members at the top that are not required; `None` when that is the same.
fn least_of(schema: &Value, full: &Value) -> Option<Value> {
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let members = full.as_object()?;
    let kept: Map<String, Value> = members
        .iter()
        .filter(|(name, _)| required.iter().any(|wanted| wanted.as_str() == Some(name)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (kept.len() < members.len()).then_some(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use nexus_core::{
        ExpectedVersion, Proposal,
        upcast::{Chain, DeclaredUpcaster},
    };
    use nexus_testkit::{
        fakes::{ManualClock, MemoryEventStore},
        fixture,
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn samples_are_the_fullest_and_the_barest_payload_of_a_schema() {
        let schema = json!({
            "type": "object",
            "properties": { "id": { "type": "string" }, "note": { "type": "string" } },
            "required": ["id"]
        });
        let payloads: Vec<_> =
            samples_of(3, &schema).into_iter().map(|sample| (sample.version, sample.payload)).collect();
        assert_eq!(payloads, [(3, json!({ "id": "text", "note": "text" })), (3, json!({ "id": "text" }))]);
    }
    /// Upcasters to a second version whose schema takes everything, by way of this function.
    fn through(function: impl Fn(Value) -> Value + Send + Sync + 'static) -> Arc<Upcasters> {
        let chain = Chain::to("Counted", 2).upcaster(DeclaredUpcaster::new("Counted", 1, function)).unwrap();
        Arc::new(Upcasters::new([chain], Arc::new(|_: &str, _: u32, _: &Json| Ok(()))))
    }

    #[tokio::test]
    async fn a_proof_that_was_stopped_goes_on_where_it_was_and_tries_every_event_once() {
        let store = MemoryEventStore::new(Arc::new(ManualClock::default()));
        for stream in 0..25 {
            let event = || {
                let mut event = fixture::new_event("Counted", &json!({}));
                event.metadata.schema_version = 1;
                event
            };
            let events = (0..100).map(|_| event());
            let part = fixture::part_of(&format!("s-{stream}"), ExpectedVersion::NoStream, events);
            store.append(fixture::admitted(Proposal::single(part))).await.unwrap();
        }
        let (tried, stop) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
        let upcasters = {
            let (tried, stop) = (Arc::clone(&tried), stop.clone());
            through(move |payload| {
                tried.fetch_add(1, Ordering::Relaxed);
                stop.cancel();
                payload
            })
        };
        let name = EventType::new("Counted").unwrap();
        let mut run = ProofRun::new(upcasters, name, Vec::new());
        let over = Some(Instant::now());
        assert_eq!(run.go_on(&store, over, &CancellationToken::new()).await.unwrap(), Progress::Paused);
        assert_eq!(run.reached, Position::START);
        assert_eq!(run.go_on(&store, None, &stop).await.unwrap(), Progress::Cancelled);
        let first = tried.load(Ordering::Relaxed);
        assert!(first > 0 && first < 2500, "{first} were tried before it stopped");
        assert_eq!(run.go_on(&store, None, &CancellationToken::new()).await.unwrap(), Progress::Done);
        assert_eq!((tried.load(Ordering::Relaxed), run.proof.events, run.reached), (2500, 2500, store.head()));
    }
}
