//! What the log says about a schema: how many events carry it, and whether those that are stored would still be valid.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use nexus_core::{
    EventType, Position, RecordedEvent, StreamId, Version,
    ports::{EventFilter, LogRead, ReadError, RegisteredSchema, SchemaLink, Subject, Violation},
};
use serde_json::Value;

use super::{
    SchemaFailure, SchemaService,
    service::{Inner, blocking, is_stored},
};

/// Events read at a time.
const PAGE: usize = 500;

/// Longest search for events under a schema that is being deleted.
const DELETION_SEARCH: Duration = Duration::from_secs(5);

/// Which part of the log to look at, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct ScanRange {
    /// Events after this position.
    pub after: Position,
    /// Longest time to look.
    pub time: Duration,
}

/// How many stored events carry the schemas of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaUsage {
    /// By version, ascending; versions that nothing carries are left out.
    pub versions: Vec<VersionUsage>,
    /// Everything up to here was looked at.
    pub reached: Position,
    /// Whether that is the whole log.
    pub complete: bool,
}

/// How many stored events carry one schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionUsage {
    /// Id of the schema.
    pub schema_id: u32,
    /// Its version; `None` when it was deleted for good.
    pub version: Option<u32>,
    /// How many.
    pub events: u64,
    /// The first of them.
    pub first: Position,
    /// The last of them.
    pub last: Position,
}

/// What a schema would say to the events that are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDryRun {
    /// How many events were checked.
    pub checked: u64,
    /// How many of them it refuses.
    pub failed: u64,
    /// The first of those.
    pub first: Option<DryRunFailure>,
    /// Everything up to here was looked at.
    pub reached: Position,
    /// Whether that is the whole log.
    pub complete: bool,
}

/// A stored event that a schema refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRunFailure {
    /// Its position.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its version there.
    pub version: Version,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
}

impl SchemaService {
    /// Counts the stored events that carry the schemas of a subject.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn usage(&self, subject: &Subject, range: ScanRange) -> Result<SchemaUsage, SchemaFailure> {
        let mut counts: BTreeMap<u32, VersionUsage> = BTreeMap::new();
        let known = self.registry().subject(subject).map(|info| info.versions).unwrap_or_default();
        let version =
            |id: u32| known.iter().find(|known| known.reference.id == id).map(|known| known.reference.version);
        let scanned = self.inner().scan(subject, range, |event| {
            let id = event.receipt.schema_id;
            let count = counts.entry(id).or_insert_with(|| VersionUsage {
                schema_id: id,
                version: version(id),
                events: 0,
                first: event.position,
                last: event.position,
            });
            count.events += 1;
            count.last = event.position;
            true
        });
        let Reached { position: reached, complete } = scanned.await?;
        let mut versions: Vec<VersionUsage> = counts.into_values().collect();
        versions.sort_by_key(|count| (count.version, count.schema_id));
        Ok(SchemaUsage { versions, reached, complete })
    }

    /// Checks the stored events of a subject against a schema that is not registered. Nothing is changed.
    ///
    /// # Errors
    /// When the schema is not usable or the log cannot be read.
    pub async fn dry_run(
        &self,
        subject: &Subject,
        schema: Value,
        links: Vec<SchemaLink>,
        range: ScanRange,
    ) -> Result<LogDryRun, SchemaFailure> {
        let registry = Arc::clone(self.registry());
        let check = blocking(move || registry.compile(&schema, &links)).await?;
        let (mut checked, mut failed, mut first) = (0, 0, None);
        let scanned = self.inner().scan(subject, range, |event| {
            checked += 1;
            let violations = check.violations(&event.payload);
            if !violations.is_empty() {
                failed += 1;
                first.get_or_insert_with(|| DryRunFailure {
                    position: event.position,
                    stream: event.aggregate_id.clone(),
                    version: event.version,
                    violations,
                });
            }
            true
        });
        let Reached { position: reached, complete } = scanned.await?;
        Ok(LogDryRun { checked, failed, first, reached, complete })
    }
}

/// How far a search got.
struct Reached {
    position: Position,
    complete: bool,
}

impl Inner {
    /// The versions under which events are stored, or may be: what could not be searched in time counts as stored.
    pub(super) async fn in_use(
        &self,
        subject: &Subject,
        versions: &[Arc<RegisteredSchema>],
    ) -> Result<Vec<u32>, SchemaFailure> {
        let mut wanted: BTreeMap<u32, u32> =
            versions.iter().map(|known| (known.reference.id, known.reference.version)).collect();
        let mut found = BTreeSet::new();
        let range = ScanRange { after: Position::START, time: DELETION_SEARCH };
        let reached = self.scan(subject, range, |event| {
            found.extend(wanted.remove(&event.receipt.schema_id));
            !wanted.is_empty()
        });
        let complete = reached.await?.complete;
        if !complete {
            found.extend(wanted.values());
        }
        Ok(found.into_iter().collect())
    }

    /// Refuses when a stored event carries one of these schemas.
    pub(super) async fn check_unused(
        &self,
        subject: &Subject,
        versions: &[Arc<RegisteredSchema>],
    ) -> Result<(), SchemaFailure> {
        let mut carrier = None;
        let range = ScanRange { after: Position::START, time: DELETION_SEARCH };
        let reached = self.scan(subject, range, |event| {
            let carried = versions.iter().find(|known| known.reference.id == event.receipt.schema_id);
            carrier = carried.map(|known| (known.reference.version, event.position, event.aggregate_id.clone()));
            carrier.is_none()
        });
        let reached = reached.await?;
        match carrier {
            Some((version, position, stream)) => {
                Err(SchemaFailure::InUse { subject: subject.clone(), version, position, stream })
            }
            None if !reached.complete => Err(SchemaFailure::TooLong { reached: reached.position }),
            None => Ok(()),
        }
    }

    /// Shows every stored event of a subject until `each` has seen enough, the time is over or the log ends.
    async fn scan(
        &self,
        subject: &Subject,
        range: ScanRange,
        mut each: impl FnMut(&RecordedEvent) -> bool,
    ) -> Result<Reached, ReadError> {
        let head = self.store.head();
        let event_type = EventType::new(subject.name.clone()).ok().filter(|_| is_stored(subject));
        // Nothing is stored under a name that no event type can have.
        let Some(event_type) = event_type else { return Ok(Reached { position: head, complete: true }) };
        let filter = EventFilter { event_types: BTreeSet::from([event_type]), ..EventFilter::default() };
        let (started, mut position) = (Instant::now(), range.after);
        while position < head {
            if started.elapsed() > range.time {
                return Ok(Reached { position, complete: false });
            }
            let read = LogRead { from: position, limit: PAGE, filter: filter.clone(), ..LogRead::default() };
            let page = self.store.read_log(read).await?;
            for event in &page.events {
                if !each(event) {
                    return Ok(Reached { position: event.position, complete: true });
                }
            }
            if page.next <= position {
                break;
            }
            position = page.next;
            tokio::task::yield_now().await;
        }
        Ok(Reached { position: position.max(head), complete: true })
    }
}
