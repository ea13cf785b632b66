use std::{collections::HashMap, sync::Arc};

use nexus_core::{
    Admission, AggregateType, DecisionId, EventType, ExpectedVersion, Metadata, NewEvent, Position, Proposal,
    StreamAppend, StreamId, Timestamp, Version,
    ports::{
        AppendError, Direction, EventStore, IdSource, PolicyInput, PolicyKind, PolicyResource, RegisterError,
        RegisteredSchema, Registration, RegistrationPlan, RegistryChange, SchemaKind, StreamRead, Subject,
        SubjectRegistry, SubjectRules,
    },
    upcast::Upcasters,
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{
    SCHEMAS, SchemaFailure, change_of, event_of,
    proving::{Planned, UnfinishedProofs},
    seam::Seam,
};
use crate::{RequestInfo, ways::Ways};

/// Whose schemas the node itself needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    /// The platform's own events.
    Platform,
    /// The running application's, in the version of this id.
    Application(u32),
}

/// What the service is made of.
pub(crate) struct SchemaParts {
    pub(crate) registry: Arc<dyn SubjectRegistry>,
    pub(crate) admission: Admission,
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) declared: HashMap<Subject, Declared>,
    /// How far `$schemas` was replayed.
    pub(crate) version: Version,
    /// By which ways stored events reach their readers.
    pub(crate) ways: Ways,
    /// What the readers ask.
    pub(crate) upcasters: Arc<Upcasters>,
    /// Cancelled when the node stops.
    pub(crate) stop: CancellationToken,
}

/// Changes the schema registry: decided by policy, judged, recorded in `$schemas`, and only then in force.
#[derive(Clone)]
pub struct SchemaService {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) registry: Arc<dyn SubjectRegistry>,
    pub(super) store: Arc<dyn EventStore>,
    admission: Admission,
    ids: Arc<dyn IdSource>,
    declared: HashMap<Subject, Declared>,
    pub(super) seam: Seam,
    pub(super) unfinished: UnfinishedProofs,
    pub(super) stop: CancellationToken,
    /// The version of `$schemas` that the registry is at. Whoever holds it may change the registry.
    pub(super) at: Mutex<Version>,
}

/// What a registration came to.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredNow {
    /// The schema.
    pub schema: Arc<RegisteredSchema>,
    /// Whether it was new.
    pub created: bool,
}

/// A change that is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The change.
    pub change: RegistryChange,
    /// Where it is recorded.
    pub position: Position,
}

impl SchemaService {
    pub(crate) fn new(parts: SchemaParts) -> Self {
        let SchemaParts { registry, admission, store, ids, declared, version, ways, upcasters, stop } = parts;
        let (at, unfinished) = (Mutex::new(version), UnfinishedProofs::default());
        let seam = Seam::new(ways, upcasters);
        Self { inner: Arc::new(Inner { registry, store, admission, ids, declared, seam, unfinished, stop, at }) }
    }

    /// The registry as it is now.
    #[must_use]
    pub fn registry(&self) -> &Arc<dyn SubjectRegistry> {
        &self.inner.registry
    }

    /// Whether the platform or the running application declares schemas of this subject.
    #[must_use]
    pub fn is_declared(&self, subject: &Subject) -> bool {
        self.inner.declared.contains_key(subject)
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The registry as it was when the log ended at `position`.
    ///
    /// # Errors
    /// When `$schemas` cannot be read.
    pub async fn at(&self, position: Position) -> Result<Arc<dyn SubjectRegistry>, SchemaFailure> {
        let past = self.inner.registry.empty();
        self.inner.replay(&past, None, Version::NONE, position).await?;
        Ok(past)
    }

    /// Registers a schema; the same registration again changes nothing. An upcaster that comes with it is tried on
    /// samples and on everything stored before. That ends when the caller goes away; what was decided by then is done.
    ///
    /// # Errors
    /// [`SchemaFailure`]; nothing was changed.
    pub async fn register(&self, wanted: Registration, info: RequestInfo) -> Result<RegisteredNow, SchemaFailure> {
        let waits = self.inner.stop.child_token();
        let _until_dropped = waits.clone().drop_guard();
        self.carried_out(move |inner| {
            let (wanted, info, waits) = (wanted.clone(), info.clone(), waits.clone());
            async move { inner.register(wanted, &info, &waits).await }
        })
        .await
    }

    /// Replaces the rules of a subject, or those for all.
    ///
    /// # Errors
    /// [`SchemaFailure`]; nothing was changed.
    pub async fn configure(
        &self,
        subject: Option<Subject>,
        rules: SubjectRules,
        info: RequestInfo,
    ) -> Result<Changed, SchemaFailure> {
        self.carried_out(move |inner| {
            let (subject, rules, info) = (subject.clone(), rules.clone(), info.clone());
            async move { inner.configure(subject, rules, &info).await }
        })
        .await
    }

    /// Deletes a version or all versions: nothing is written under them any more. For good, they are not found
    /// either; that is refused while stored events carry them.
    ///
    /// # Errors
    /// [`SchemaFailure`]; nothing was changed.
    pub async fn delete(
        &self,
        subject: Subject,
        version: Option<u32>,
        for_good: bool,
        info: RequestInfo,
    ) -> Result<Changed, SchemaFailure> {
        self.carried_out(move |inner| {
            let (subject, info) = (subject.clone(), info.clone());
            async move { inner.delete(subject, version, for_good, &info).await }
        })
        .await
    }

    /// Does the work in a task of its own, so that it is whole even when the caller goes away; once more when the
    /// registry turned out to be behind the log.
    async fn carried_out<T, F, Fut>(&self, work: F) -> Result<T, SchemaFailure>
    where
        T: Send + 'static,
        F: Fn(Arc<Inner>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, SchemaFailure>> + Send,
    {
        let inner = Arc::clone(&self.inner);
        let task = tokio::spawn(async move {
            match work(Arc::clone(&inner)).await {
                Err(SchemaFailure::Append(AppendError::Conflict { .. })) => work(inner).await,
                answer => answer,
            }
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change of the schema registry ended early");
            Err(AppendError::Unavailable { reason: "the change ended early".to_owned() }.into())
        })
    }
}

impl Inner {
    async fn register(
        &self,
        mut wanted: Registration,
        info: &RequestInfo,
        waits: &CancellationToken,
    ) -> Result<RegisteredNow, SchemaFailure> {
        let decision_id = self.decide("schemas.register", &wanted.subject.name, info).await?;
        if self.declared.get(&wanted.subject) == Some(&Declared::Platform) {
            return Err(protected(wanted.subject, "belongs to the platform; choose another name"));
        }
        let (subject, now) = (wanted.subject.clone(), info.context.time);
        wanted.rules = wanted.rules.map(|rules| bounded(rules, subject.kind, now));
        let wanted = Arc::new(wanted);
        let Planned { mut at, plan } = self.planned(&wanted, now, waits).await?;
        let changed = |rules: &SubjectRules| self.registry.subject(&subject).is_none_or(|known| known.rules != *rules);
        let mut changes = Vec::new();
        if let Some(rules) = wanted.rules.clone().filter(changed) {
            changes.push(RegistryChange::Configured { subject: Some(subject), rules });
        }
        let (schema, created) = match plan {
            RegistrationPlan::Known(known) => (known, false),
            RegistrationPlan::New(new) => {
                changes.push(RegistryChange::Registered(new.clone()));
                (Arc::from(new), true)
            }
        };
        if !changes.is_empty() {
            self.record(&mut at, changes, decision_id, info).await?;
        }
        Ok(RegisteredNow { schema, created })
    }

    async fn configure(
        &self,
        subject: Option<Subject>,
        rules: SubjectRules,
        info: &RequestInfo,
    ) -> Result<Changed, SchemaFailure> {
        let name = subject.as_ref().map_or("", |subject| subject.name.as_str());
        let decision_id = self.decide("schemas.configure", name, info).await?;
        if let Some(subject) = subject.as_ref().filter(|one| self.declared.get(one) == Some(&Declared::Platform)) {
            return Err(protected(subject.clone(), "belongs to the platform; its rules are fixed"));
        }
        let kind = subject.as_ref().map_or(SchemaKind::Event, |subject| subject.kind);
        let rules = bounded(rules, kind, info.context.time);
        let mut at = self.at.lock().await;
        let change = RegistryChange::Configured { subject, rules };
        let position = self.record(&mut at, vec![change.clone()], decision_id, info).await?;
        Ok(Changed { change, position })
    }

    async fn delete(
        &self,
        subject: Subject,
        version: Option<u32>,
        for_good: bool,
        info: &RequestInfo,
    ) -> Result<Changed, SchemaFailure> {
        let decision_id = self.decide("schemas.delete", &subject.name, info).await?;
        let mut at = self.at.lock().await;
        let mut change = self.registry.plan_deletion(&subject, version, for_good)?;
        if let RegistryChange::Deleted { versions, in_use, .. } = &mut change {
            let concerned: Vec<Arc<RegisteredSchema>> = {
                let info = self.registry.subject(&subject);
                let all = info.map(|info| info.versions).unwrap_or_default();
                all.into_iter().filter(|known| versions.contains(&known.reference.version)).collect()
            };
            self.check_not_declared(&subject, &concerned)?;
            if for_good {
                self.check_unused(&subject, &concerned).await?;
            } else {
                *in_use = self.in_use(&subject, &concerned).await?;
            }
        }
        let position = self.record(&mut at, vec![change.clone()], decision_id, info).await?;
        Ok(Changed { change, position })
    }

    fn check_not_declared(&self, subject: &Subject, concerned: &[Arc<RegisteredSchema>]) -> Result<(), SchemaFailure> {
        match self.declared.get(subject) {
            Some(Declared::Platform) => Err(protected(subject.clone(), "belongs to the platform; it stays")),
            Some(Declared::Application(id)) if concerned.iter().any(|known| known.reference.id == *id) => {
                Err(protected(subject.clone(), "is declared by the running application; take it out there first"))
            }
            _ => Ok(()),
        }
    }

    /// Asks the policy whether the caller may operate the registry.
    async fn decide(&self, action: &'static str, name: &str, info: &RequestInfo) -> Result<DecisionId, SchemaFailure> {
        let decision_id = self.ids.decision_id();
        let input = PolicyInput {
            kind: PolicyKind::Admin,
            action,
            resource: PolicyResource { resource_type: "schema", id: name },
            actor: &info.actor,
            payload: None,
            event: None,
            schema: None,
            request: &info.context,
        };
        let verdict = self.admission.judge().decide(&input).await;
        if verdict.allows() {
            return Ok(decision_id);
        }
        Err(SchemaFailure::Denied { action, decision_id, verdict: Box::new(verdict) })
    }

    /// Stores changes and makes them. When the store is ahead of the registry, what is missing is replayed first and
    /// the caller is told to try again.
    async fn record(
        &self,
        at: &mut Version,
        changes: Vec<RegistryChange>,
        decision_id: DecisionId,
        info: &RequestInfo,
    ) -> Result<Position, SchemaFailure> {
        let events = changes.iter().map(|change| self.event(change, info)).collect::<Result<Vec<_>, _>>()?;
        let chains = self.seam.chains(&changes).await?;
        let part = StreamAppend {
            stream: StreamId::new(SCHEMAS).map_err(|error| damaged(&error))?,
            aggregate_type: AggregateType::new("SchemaRegistry").map_err(|error| damaged(&error))?,
            condition: ExpectedVersion::Exact(*at).into(),
            events,
        };
        let admitted = self.admission.admit_own(Proposal::single(part), decision_id, &info.context)?;
        let appended = match self.store.append(admitted).await {
            Err(error @ AppendError::Conflict { .. }) => {
                // An append whose answer was lost may have been stored after all.
                *at = self.replay(&self.registry, Some(&self.seam), *at, Position::new(u64::MAX)).await?;
                return Err(error.into());
            }
            answer => answer?,
        };
        // Readers first: nobody writes under a version that they could not tell from another.
        self.seam.put(chains);
        for change in changes {
            self.registry.apply(change)?;
        }
        *at = appended.streams.last().map_or(*at, |part| part.version);
        Ok(appended.position)
    }

    fn event(&self, change: &RegistryChange, info: &RequestInfo) -> Result<NewEvent, SchemaFailure> {
        let (event_type, payload) = event_of(change).map_err(|error| damaged(&error))?;
        Ok(NewEvent {
            event_id: self.ids.event_id(),
            event_type: EventType::new(event_type).map_err(|error| damaged(&error))?,
            payload,
            metadata: Metadata { schema_version: 0, ..info.metadata() },
        })
    }

    /// Makes the changes that `$schemas` records after a version and up to a position; answers the version reached.
    async fn replay(
        &self,
        registry: &Arc<dyn SubjectRegistry>,
        seam: Option<&Seam>,
        after: Version,
        until: Position,
    ) -> Result<Version, SchemaFailure> {
        let stream = StreamId::new(SCHEMAS).map_err(|error| damaged(&error))?;
        let (mut from, mut reached) = (Version::new(after.get().saturating_add(1)), after);
        loop {
            let read = StreamRead { from, direction: Direction::Forward, ..StreamRead::all(stream.clone(), 1000) };
            let page = self.store.read_stream(read).await?;
            for event in page.events.iter().take_while(|event| event.position <= until) {
                let change = change_of(event).map_err(SchemaFailure::Damaged)?;
                if let Some(seam) = seam {
                    seam.put(seam.chains(std::slice::from_ref(&change)).await?);
                }
                registry.apply(change)?;
                reached = event.version;
            }
            match page.next.filter(|_| page.events.last().is_some_and(|last| last.position <= until)) {
                Some(next) => from = next,
                None => return Ok(reached),
            }
        }
    }
}

/// Runs what may take a while where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RegisterError> + Send + 'static,
) -> Result<T, SchemaFailure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => Ok(answer?),
        Err(error) => Err(SchemaFailure::Damaged(format!("judging a schema ended early: {error}"))),
    }
}

pub(super) fn damaged(error: &dyn std::fmt::Display) -> SchemaFailure {
    SchemaFailure::Damaged(error.to_string())
}

fn bounded(rules: SubjectRules, kind: SchemaKind, now: Timestamp) -> SubjectRules {
    SubjectRules { compatibility: rules.compatibility.map(|chosen| chosen.bounded(kind, now)), ..rules }
}

fn protected(subject: Subject, reason: &'static str) -> SchemaFailure {
    SchemaFailure::Protected { subject, reason }
}

/// Whether events are stored under schemas of this kind. What commands say is not kept.
pub(super) fn is_stored(subject: &Subject) -> bool {
    subject.kind == SchemaKind::Event
}
