//! The bundles in force: brought there by events of `$policies`, replayed at start.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use nexus_core::{
    Actor, DecisionId, ExpectedVersion, Metadata, NewEvent, PolicyJudge, StreamId, Timestamp, Version,
    ports::{
        AppendError, CompiledPolicy, Direction, EventStore, PolicyCompiler, PolicyInput, PolicyKind, PolicyModule,
        PolicyResource, PolicyTestReport, RequestContext, StreamRead,
    },
};
use tokio::sync::Mutex;

use super::{
    PolicyActivated, PolicyFailure, PolicySwitch, guard_rails,
    records::{Place, RecordError, Records},
    stored::{POLICIES, POLICY_ACTIVATED},
};
use crate::RequestInfo;

/// Longest time a bundle may take to load and be tested.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the record of a declared bundle says.
const DECLARED: &str = "declared";

/// What brings a bundle into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The application or its command line.
    Declared,
    /// Somebody, over the API.
    Pushed,
    /// Somebody who wants an earlier revision back.
    Rollback,
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Self::Declared => DECLARED,
            Self::Pushed => "pushed",
            Self::Rollback => "rollback",
        }
    }
}

/// Modules under one name, which come into force and go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyBundle {
    /// Its name: 1 to 64 of the characters a-z, 0-9 and -.
    pub name: String,
    /// Its modules, tests among them.
    pub modules: Vec<PolicyModule>,
}

/// A bundle in force, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivePolicy {
    /// Its name.
    pub name: String,
    /// Its modules.
    pub modules: Vec<PolicyModule>,
    /// The version of `$policies` that brought it into force.
    pub revision: Version,
    /// `declared`, `pushed` or `rollback`.
    pub origin: String,
    /// Who brought it.
    pub author: String,
    /// When.
    pub activated_at: Timestamp,
    /// What the tests of this activation said; `None` for one of an earlier run.
    pub tests: Option<PolicyTestReport>,
}

/// What changes the bundles in force.
#[derive(Clone)]
pub(crate) struct Bundles {
    inner: Arc<Inner>,
}

struct Inner {
    compiler: Arc<dyn PolicyCompiler>,
    switch: Arc<PolicySwitch>,
    records: Records,
    /// Who says whether somebody may push.
    judge: PolicyJudge,
    /// Whoever holds it may change what is in force.
    state: Mutex<State>,
}

struct State {
    /// The version of `$policies`.
    version: Version,
    active: BTreeMap<String, ActivePolicy>,
    /// All of it compiled, for looking into.
    compiled: Arc<dyn CompiledPolicy>,
}

/// What the bundles are brought into force with when a node starts.
pub(crate) struct BundlesAtStart {
    pub(crate) compiler: Arc<dyn PolicyCompiler>,
    pub(crate) switch: Arc<PolicySwitch>,
    pub(crate) records: Records,
    pub(crate) judge: PolicyJudge,
    pub(crate) request: RequestContext,
}

/// What `$policies` says.
#[derive(Default)]
struct Replayed {
    version: Version,
    active: BTreeMap<String, ActivePolicy>,
    /// The modules that each bundle was declared with last.
    declared: BTreeMap<String, Vec<PolicyModule>>,
}

impl BundlesAtStart {
    /// Brings into force what the log says. A declared bundle that is not what was declared last comes into force in
    /// the place of whatever has its name; one that is leaves it.
    pub(crate) async fn start(self, declared: Vec<PolicyBundle>) -> Result<Bundles, PolicyFailure> {
        let mut replayed = replay(&*self.records.store).await?;
        let gone: Vec<String> = replayed.declared.keys().filter(|name| !names(&declared, name)).cloned().collect();
        let gone = gone.into_iter().map(|name| PolicyBundle { name, modules: Vec::new() });
        let mut news = Vec::new();
        for bundle in declared.into_iter().chain(gone) {
            let bundle = named(bundle)?;
            let before = replayed.declared.get(&bundle.name).map(Vec::as_slice).unwrap_or_default();
            if before != bundle.modules {
                news.push(bundle);
            }
        }
        let mut active = replayed.active.clone();
        for bundle in &news {
            // The revision is known once it is stored.
            put(&mut active, self.activated(bundle, Version::NONE));
        }
        let compiled = compile(&self.compiler, &active).await?;
        self.switch.replace(Arc::clone(&compiled) as _);
        for bundle in news {
            let record = PolicyActivated {
                digest: compiled.digest().to_string(),
                modules: bundle.modules.clone(),
                bundle: Some(bundle.name.clone()),
                origin: Some(DECLARED.to_owned()),
                author: Some(Actor::system().id.to_string()),
                rolled_back_to: None,
            };
            let metadata = Metadata { user_id: Some(Actor::system().id), ..Metadata::default() };
            let revision = store(&self.records, replayed.version, &record, metadata, &self.request).await?;
            replayed.version = revision;
            put(&mut active, self.activated(&bundle, revision));
        }
        let state = Mutex::new(State { version: replayed.version, active, compiled });
        let Self { compiler, switch, records, judge, .. } = self;
        Ok(Bundles { inner: Arc::new(Inner { compiler, switch, records, judge, state }) })
    }

    fn activated(&self, bundle: &PolicyBundle, revision: Version) -> ActivePolicy {
        ActivePolicy {
            name: bundle.name.clone(),
            modules: bundle.modules.clone(),
            revision,
            origin: DECLARED.to_owned(),
            author: Actor::system().id.to_string(),
            activated_at: self.request.time,
            tests: None,
        }
    }
}

/// A bundle that is to come into force.
struct Candidate {
    bundle: PolicyBundle,
    origin: Origin,
    rolled_back_to: Option<Version>,
}

impl Bundles {
    pub(crate) async fn active(&self) -> Vec<ActivePolicy> {
        self.inner.state.lock().await.active.values().cloned().collect()
    }

    /// Everything in force, for looking into.
    pub(crate) async fn in_force(&self) -> Arc<dyn CompiledPolicy> {
        Arc::clone(&self.inner.state.lock().await.compiled)
    }

    pub(crate) async fn activate(
        &self,
        bundle: PolicyBundle,
        origin: Origin,
        info: RequestInfo,
    ) -> Result<ActivePolicy, PolicyFailure> {
        let bundle = named(bundle)?;
        self.carried_out(Candidate { bundle, origin, rolled_back_to: None }, info).await
    }

    /// Without a revision: the one before the one in force.
    pub(crate) async fn roll_back(
        &self,
        name: String,
        revision: Option<u64>,
        info: RequestInfo,
    ) -> Result<ActivePolicy, PolicyFailure> {
        let history = revisions(&*self.inner.records.store, &name).await?;
        if history.is_empty() {
            let known: Vec<String> = self.inner.state.lock().await.active.keys().cloned().collect();
            let known = known.join(", ");
            return Err(PolicyFailure::UnknownBundle { name, known });
        }
        let wanted = match revision {
            Some(revision) => history.iter().find(|(version, _)| version.get() == revision),
            None => history.len().checked_sub(2).and_then(|index| history.get(index)),
        };
        let Some((version, modules)) = wanted.cloned() else {
            let revision = Version::new(revision.unwrap_or_default());
            return Err(PolicyFailure::UnknownRevision { bundle: name, revision });
        };
        let bundle = PolicyBundle { name, modules };
        self.carried_out(Candidate { bundle, origin: Origin::Rollback, rolled_back_to: Some(version) }, info).await
    }

    /// In a task of its own, so that it is whole even when the caller goes away.
    async fn carried_out(&self, candidate: Candidate, info: RequestInfo) -> Result<ActivePolicy, PolicyFailure> {
        let inner = Arc::clone(&self.inner);
        let task = tokio::spawn(async move { inner.bring_in(candidate, &info).await });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change of the policy ended early");
            Err(AppendError::Unavailable { reason: "the change ended early".to_owned() }.into())
        })
    }
}

impl Inner {
    async fn bring_in(&self, candidate: Candidate, info: &RequestInfo) -> Result<ActivePolicy, PolicyFailure> {
        let decision_id = self.may_push(&candidate, info).await?;
        let Candidate { bundle, origin, rolled_back_to } = candidate;
        let mut state = self.state.lock().await;
        let mut active = ActivePolicy {
            name: bundle.name.clone(),
            modules: bundle.modules.clone(),
            revision: Version::NONE,
            origin: origin.as_str().to_owned(),
            author: info.actor.id.to_string(),
            activated_at: info.context.time,
            tests: None,
        };
        let mut next = state.active.clone();
        put(&mut next, active.clone());
        let compiled = compile(&self.compiler, &next).await?;
        let report = self.tested(&next, &bundle).await?;
        let (judged, author, context) = (Arc::clone(&compiled), info.actor.clone(), info.context.clone());
        let name = bundle.name.clone();
        in_time(move || guard_rails::check(&*judged, &author, &name, &context)).await??;
        let record = PolicyActivated {
            digest: compiled.digest().to_string(),
            modules: bundle.modules,
            bundle: Some(bundle.name),
            origin: Some(origin.as_str().to_owned()),
            author: Some(active.author.clone()),
            rolled_back_to: rolled_back_to.map(Version::get),
        };
        let event = self.records.event(POLICY_ACTIVATED, &record, info.metadata())?;
        active.revision = self.put_on_record(&mut state.version, event, (decision_id, &info.context)).await?;
        active.tests = Some(report);
        state.version = active.revision;
        put(&mut state.active, active.clone());
        state.compiled = Arc::clone(&compiled);
        self.switch.replace(compiled);
        tracing::info!(bundle = %active.name, revision = %active.revision, author = %active.author, "a policy bundle came into force");
        Ok(active)
    }

    /// Stores a change after those that `version` knows of; answers the version of the stream.
    async fn put_on_record(
        &self,
        version: &mut Version,
        event: NewEvent,
        (decision_id, request): (DecisionId, &RequestContext),
    ) -> Result<Version, PolicyFailure> {
        loop {
            let place = Place {
                stream: POLICIES,
                aggregate_type: "PolicySet",
                expected: ExpectedVersion::Exact(*version),
                decision_id,
                request,
            };
            match self.records.store(place, vec![event.clone()]).await {
                Err(RecordError::Append(AppendError::Conflict { actual, .. })) if actual > *version => {
                    *version = past_other_records(&*self.records.store, *version, actual).await?;
                }
                stored => return Ok(stored?),
            }
        }
    }

    async fn may_push(&self, candidate: &Candidate, info: &RequestInfo) -> Result<DecisionId, PolicyFailure> {
        let decision_id = self.records.ids.decision_id();
        let input = PolicyInput {
            kind: PolicyKind::Admin,
            action: guard_rails::PUSH,
            resource: PolicyResource { resource_type: guard_rails::POLICY, id: &candidate.bundle.name },
            actor: &info.actor,
            payload: None,
            event: None,
            schema: None,
            request: &info.context,
        };
        // What the application and its command line declare is the platform's own doing.
        let verdict = match candidate.origin {
            Origin::Declared => self.judge.embedded().decide(&input),
            Origin::Pushed | Origin::Rollback => self.judge.decide(&input).await,
        };
        if verdict.allows() {
            return Ok(decision_id);
        }
        Err(PolicyFailure::Denied { action: guard_rails::PUSH, decision_id, verdict: Box::new(verdict) })
    }

    /// Runs the tests of one bundle among all the modules that would be in force.
    async fn tested(
        &self,
        next: &BTreeMap<String, ActivePolicy>,
        bundle: &PolicyBundle,
    ) -> Result<PolicyTestReport, PolicyFailure> {
        let own: Vec<String> = bundle.modules.iter().map(|module| module.name.clone()).collect();
        let (compiler, modules) = (Arc::clone(&self.compiler), modules(next));
        let mut report = in_time(move || compiler.test(&modules)).await??;
        report.results.retain(|result| own.contains(&result.module));
        report.coverage.retain(|coverage| own.contains(&coverage.module));
        let failures: Vec<_> = report.failures().cloned().collect();
        if failures.is_empty() { Ok(report) } else { Err(PolicyFailure::Tests(failures)) }
    }
}

/// Records the policy of a node that cannot replace it, when it is not the one recorded last.
pub(crate) async fn record_fixed(
    records: &Records,
    digest: nexus_core::Digest,
    request: &RequestContext,
) -> Result<(), PolicyFailure> {
    let (version, last) = last_activated(&*records.store).await?;
    let digest = digest.to_string();
    if last.is_some_and(|last| last.digest == digest) {
        return Ok(());
    }
    let record =
        PolicyActivated { digest, modules: Vec::new(), bundle: None, origin: None, author: None, rolled_back_to: None };
    let metadata = Metadata { user_id: Some(Actor::system().id), ..Metadata::default() };
    store(records, version, &record, metadata, request).await.map(|_| ())
}

/// The version of `$policies`, and the last record in it that tells a digest in force.
async fn last_activated(events: &dyn EventStore) -> Result<(Version, Option<PolicyActivated>), PolicyFailure> {
    let damaged = |reason: &dyn std::fmt::Display| PolicyFailure::Damaged(reason.to_string());
    let stream = StreamId::new(POLICIES).map_err(|error| damaged(&error))?;
    let mut read = StreamRead { direction: Direction::Backward, ..StreamRead::all(stream, 100) };
    let mut version = None;
    loop {
        let page = events.read_stream(read.clone()).await?;
        let version = *version.get_or_insert(page.version);
        if let Some(last) = page.events.iter().find(|event| event.event_type.as_str() == POLICY_ACTIVATED) {
            return Ok((version, Some(last.payload.to().map_err(|error| damaged(&error))?)));
        }
        match page.next {
            Some(next) => read.from = next,
            None => return Ok((version, None)),
        }
    }
}

/// Checks the name of a bundle, and puts it before the names of its modules.
fn named(mut bundle: PolicyBundle) -> Result<PolicyBundle, PolicyFailure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if bundle.name.is_empty() || bundle.name.len() > 64 || !bundle.name.chars().all(plain) {
        return Err(PolicyFailure::InvalidName { name: bundle.name });
    }
    let prefix = format!("{}/", bundle.name);
    for module in bundle.modules.iter_mut().filter(|module| !module.name.starts_with(&prefix)) {
        module.name.insert_str(0, &prefix);
    }
    Ok(bundle)
}

fn names(bundles: &[PolicyBundle], name: &str) -> bool {
    bundles.iter().any(|bundle| bundle.name == name)
}

/// A bundle without modules is in force no more.
fn put(active: &mut BTreeMap<String, ActivePolicy>, policy: ActivePolicy) {
    if policy.modules.is_empty() {
        active.remove(&policy.name);
    } else {
        active.insert(policy.name.clone(), policy);
    }
}

fn modules(active: &BTreeMap<String, ActivePolicy>) -> Vec<PolicyModule> {
    active.values().flat_map(|policy| policy.modules.iter().cloned()).collect()
}

async fn compile(
    compiler: &Arc<dyn PolicyCompiler>,
    active: &BTreeMap<String, ActivePolicy>,
) -> Result<Arc<dyn CompiledPolicy>, PolicyFailure> {
    let (compiler, modules) = (Arc::clone(compiler), modules(active));
    Ok(in_time(move || compiler.compile(&modules)).await??)
}

/// Runs what may take a while where blocking is allowed, and gives it up when it takes too long.
async fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, PolicyFailure> {
    match tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(PolicyFailure::Damaged(format!("judging a bundle ended early: {error}"))),
        Err(_) => Err(PolicyFailure::TooLong { seconds: PATIENCE.as_secs() }),
    }
}

async fn store(
    records: &Records,
    version: Version,
    record: &PolicyActivated,
    metadata: Metadata,
    request: &RequestContext,
) -> Result<Version, PolicyFailure> {
    let event = records.event(POLICY_ACTIVATED, record, metadata)?;
    let place = Place {
        stream: POLICIES,
        aggregate_type: "PolicySet",
        expected: ExpectedVersion::Exact(version),
        decision_id: records.ids.decision_id(),
        request,
    };
    Ok(records.store(place, vec![event]).await?)
}

/// The version of `$policies` after the records that change no bundle; those of the [`Ledger`](super::Ledger) come in
/// between at any time.
///
/// # Errors
/// The conflict, when a bundle was changed.
async fn past_other_records(
    events: &dyn EventStore,
    known: Version,
    actual: Version,
) -> Result<Version, PolicyFailure> {
    let stream = StreamId::new(POLICIES).map_err(|error| PolicyFailure::Damaged(error.to_string()))?;
    let mut reached = known;
    while reached < actual {
        let from = Version::new(reached.get().saturating_add(1));
        let page = events.read_stream(StreamRead { from, ..StreamRead::all(stream.clone(), 100) }).await?;
        let Some(last) = page.events.last() else { break };
        if page.events.iter().any(|event| event.event_type.as_str() == POLICY_ACTIVATED) {
            let expected = ExpectedVersion::Exact(known);
            return Err(AppendError::Conflict { stream, expected, actual }.into());
        }
        reached = last.version;
    }
    Ok(reached)
}

/// What `$policies` says from its beginning.
async fn replay(events: &dyn EventStore) -> Result<Replayed, PolicyFailure> {
    let mut replayed = Replayed::default();
    let stream = StreamId::new(POLICIES).map_err(|error| PolicyFailure::Damaged(error.to_string()))?;
    let mut from = Version::new(1);
    loop {
        let read = StreamRead { from, direction: Direction::Forward, ..StreamRead::all(stream.clone(), 100) };
        let page = events.read_stream(read).await?;
        for event in page.events.iter().filter(|event| event.event_type.as_str() == POLICY_ACTIVATED) {
            let told: PolicyActivated =
                event.payload.to().map_err(|error| PolicyFailure::Damaged(format!("{}: {error}", event.version)))?;
            // A record of the first release tells what the application was; the application says it anew.
            let Some(name) = told.bundle else { continue };
            let origin = told.origin.unwrap_or_default();
            if origin == DECLARED {
                replayed.declared.insert(name.clone(), told.modules.clone());
            }
            let policy = ActivePolicy {
                name,
                modules: told.modules,
                revision: event.version,
                origin,
                author: told.author.unwrap_or_default(),
                activated_at: event.timestamp,
                tests: None,
            };
            put(&mut replayed.active, policy);
        }
        replayed.version = page.version;
        match page.next {
            Some(next) => from = next,
            None => return Ok(replayed),
        }
    }
}

/// The revisions of a bundle with their modules, in order.
async fn revisions(events: &dyn EventStore, bundle: &str) -> Result<Vec<(Version, Vec<PolicyModule>)>, PolicyFailure> {
    let stream = StreamId::new(POLICIES).map_err(|error| PolicyFailure::Damaged(error.to_string()))?;
    let (mut found, mut from) = (Vec::new(), Version::new(1));
    loop {
        let read = StreamRead { from, direction: Direction::Forward, ..StreamRead::all(stream.clone(), 100) };
        let page = events.read_stream(read).await?;
        for event in page.events.iter().filter(|event| event.event_type.as_str() == POLICY_ACTIVATED) {
            let told: PolicyActivated =
                event.payload.to().map_err(|error| PolicyFailure::Damaged(format!("{}: {error}", event.version)))?;
            if told.bundle.as_deref() == Some(bundle) {
                found.push((event.version, told.modules));
            }
        }
        match page.next {
            Some(next) => from = next,
            None => return Ok(found),
        }
    }
}

impl From<RecordError> for PolicyFailure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::NotAdmitted(refusal) => refusal.into(),
            RecordError::Append(error) => error.into(),
            RecordError::Malformed(reason) => Self::Damaged(reason),
        }
    }
}
