use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use nexus_core::{
    Digest, Json, Timestamp,
    ports::{
        CompatibilityReport, DocumentCheck, RegisterError, RegisteredSchema, Registration, RegistrationPlan,
        RegistryChange, SchemaChange, SchemaDocument, SchemaKind, SchemaLink, SchemaRef, SchemaRefusal, SchemaRegistry,
        Subject, SubjectInfo, SubjectRegistry, SubjectRules,
    },
};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, mpsc},
    time::Instant,
};

use crate::{
    RemoteError, RemoteOptions, fetch,
    kept::{Ask, Found, Kept},
    remote::Remote,
};

/// Most types waiting to be fetched; what comes on top is asked for when somebody wants it again.
const WAITING: usize = 256;
/// Most types fetched at the same time.
const AT_ONCE: usize = 4;

/// A registry that knows the schemas of a remote one beside its own.
///
/// What the registry it stands over knows comes first: the platform's own schemas, those the application declares, and
/// those registered here. Every other type is the remote registry's: its versions are fetched when they are asked for,
/// checked by the same engine, and never changed from here. Ids that were given there have their highest bit set here.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use nexus_core::ports::{SchemaKind, SubjectRegistry};
/// # use nexus_registry_confluent::{ConfluentSchemaRegistry, RemoteOptions};
/// # async fn example(own: Arc<dyn SubjectRegistry>) -> Result<(), Box<dyn std::error::Error>> {
/// let registry = ConfluentSchemaRegistry::over(own, RemoteOptions::new("http://registry:8081"))?;
/// registry.resolve(SchemaKind::Event, "OrderPaid", None).await?; // so that the first event need not wait
/// # Ok(()) }
/// ```
pub struct ConfluentSchemaRegistry {
    own: Arc<dyn SubjectRegistry>,
    shared: Arc<Shared>,
    asks: mpsc::Sender<Ask>,
}

/// What the port and the task that fetches have in common.
struct Shared {
    remote: Remote,
    /// Checks documents against what was fetched.
    engine: Arc<dyn SubjectRegistry>,
    kept: Mutex<Kept>,
    /// Whether the registry answered last.
    up: AtomicBool,
}

/// Why a type could not be made known.
#[derive(Debug, thiserror::Error)]
#[error("the {subject}: {error}")]
pub struct ResolveError {
    /// What was asked for.
    pub subject: Subject,
    /// Why the registry gave none.
    pub error: RemoteError,
}

impl ConfluentSchemaRegistry {
    /// The remote registry beside one of our own. Call it where a tokio runtime runs: a task of it fetches, and ends
    /// when this is dropped.
    ///
    /// # Errors
    /// [`RemoteError::Address`].
    pub fn over(own: Arc<dyn SubjectRegistry>, options: RemoteOptions) -> Result<Self, RemoteError> {
        let kept = Mutex::new(Kept::new(&options));
        let (engine, remote) = (own.empty(), Remote::new(options)?);
        let shared = Arc::new(Shared { remote, engine, kept, up: AtomicBool::new(true) });
        let (asks, waiting) = mpsc::channel(WAITING);
        tokio::spawn(Arc::clone(&shared).fetch_all(waiting));
        Ok(Self { own, shared, asks })
    }

    /// Makes a type known now, or one version of it: before its first document is checked, so that none is told to wait.
    ///
    /// # Errors
    /// [`ResolveError`]; what was known before stays so.
    pub async fn resolve(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Result<SchemaRef, ResolveError> {
        let subject = Subject::new(kind, name);
        let failed = |error| ResolveError { subject: subject.clone(), error };
        let found = self.shared.fetched(&(subject.clone(), version)).await.map_err(failed)?;
        let known = self.shared.engine.subject(&subject).and_then(|info| info.version(found).cloned());
        let gone = || failed(RemoteError::Unusable { reason: "others took its place".to_owned() });
        known.map(|known| known.reference.clone()).ok_or_else(gone)
    }

    /// Whether our own registry knows the type.
    fn is_own(&self, subject: &Subject) -> bool {
        self.own.subject(subject).is_some_and(|info| !info.versions.is_empty())
    }

    /// Checks against what the remote registry said, and sees to it that it is asked.
    fn check_remote(&self, ask: Ask, document: &Json) -> Result<SchemaRef, SchemaRefusal> {
        let (found, wanted) = self.shared.kept().find(&ask, Instant::now());
        if wanted && self.shared.kept().begin(&ask) && self.asks.try_send(ask.clone()).is_err() {
            let busy = RemoteError::Down { reason: "too much is being fetched".to_owned() };
            self.shared.kept().done(&ask, &Err(busy), Instant::now());
        }
        let (Subject { kind, name }, version) = ask;
        match found {
            Found::Version(version, stale) => {
                if stale {
                    metrics::counter!("nexus_remote_registry_stale_total").increment(1);
                }
                self.shared.engine.check(kind, &name, Some(version), document)
            }
            Found::Absent(newest) => Err(match (newest, version) {
                (Some(newest), Some(version)) => SchemaRefusal::UnknownVersion { name, version, newest },
                _ => SchemaRefusal::UnknownType { kind, name, nearest: Vec::new() },
            }),
            Found::NotYet(reason) => Err(SchemaRefusal::NotYet { kind, name, reason }),
        }
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic while the lock is held cannot leave the maps half changed in a way that matters.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches what is asked for until nobody can ask any more.
    async fn fetch_all(self: Arc<Self>, mut waiting: mpsc::Receiver<Ask>) {
        let at_once = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(ask) = waiting.recv().await {
            let Ok(turn) = Arc::clone(&at_once).acquire_owned().await else { return };
            let shared = Arc::clone(&self);
            tokio::spawn(async move {
                if let Err(error) = shared.fetched(&ask).await {
                    tracing::debug!(subject = %ask.0, %error, "a schema was not fetched");
                }
                drop(turn);
            });
        }
    }

    async fn fetched(&self, ask: &Ask) -> Result<u32, RemoteError> {
        let (subject, version) = ask;
        let outcome = fetch::fetch(&self.remote, &*self.engine, subject, *version).await;
        self.say(&outcome);
        let gone = self.kept().done(ask, &outcome, Instant::now());
        if let Some(gone) = gone {
            self.forget(gone);
        }
        outcome
    }

    /// Says once when the registry goes away and once when it is back.
    fn say(&self, outcome: &Result<u32, RemoteError>) {
        let up = !matches!(outcome, Err(RemoteError::Down { .. }));
        metrics::gauge!("nexus_remote_registry_up").set(if up { 1.0 } else { 0.0 });
        match (self.up.swap(up, Ordering::Relaxed), outcome) {
            (true, Err(RemoteError::Down { reason })) => {
                tracing::warn!(
                    reason,
                    "the remote schema registry does not answer; what is known of it stays in force"
                );
            }
            (false, _) if up => tracing::info!("the remote schema registry answers again"),
            _ => {}
        }
        if let Err(RemoteError::Unusable { reason }) = outcome {
            tracing::warn!(reason, "the remote schema registry answered what cannot be used");
        }
    }

    /// Lets a type go that was not used for long.
    fn forget(&self, subject: Subject) {
        let Some(info) = self.engine.subject(&subject) else { return };
        let versions: Vec<u32> = info.versions.iter().map(|known| known.reference.version).collect();
        for for_good in [false, true] {
            let change = RegistryChange::Deleted {
                subject: subject.clone(),
                versions: versions.clone(),
                in_use: Vec::new(),
                for_good,
            };
            if let Err(error) = self.engine.apply(change) {
                tracing::warn!(%subject, %error, "a schema could not be let go");
            }
        }
    }
}

impl SchemaRegistry for ConfluentSchemaRegistry {
    fn check(
        &self,
        kind: SchemaKind,
        name: &str,
        version: Option<u32>,
        document: &Json,
    ) -> Result<SchemaRef, SchemaRefusal> {
        match self.own.check(kind, name, version, document) {
            Err(SchemaRefusal::UnknownType { nearest, .. }) if !self.is_own(&Subject::new(kind, name)) => {
                let answer = self.check_remote((Subject::new(kind, name), version), document);
                answer.map_err(|refusal| match refusal {
                    SchemaRefusal::UnknownType { kind, name, .. } => SchemaRefusal::UnknownType { kind, name, nearest },
                    other => other,
                })
            }
            answer => answer,
        }
    }

    fn register(&self, kind: SchemaKind, name: &str, schema: &Value) -> Result<SchemaRef, RegisterError> {
        self.own.register(kind, name, schema)
    }

    fn register_at(
        &self,
        kind: SchemaKind,
        name: &str,
        version: u32,
        schema: &Value,
    ) -> Result<SchemaRef, RegisterError> {
        self.own.register_at(kind, name, version, schema)
    }

    fn find(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Option<SchemaDocument> {
        let own = self.own.find(kind, name, version);
        own.or_else(|| self.shared.engine.find(kind, name, version).filter(|_| !self.is_own(&Subject::new(kind, name))))
    }

    fn list(&self) -> Vec<SchemaDocument> {
        let mut all = self.own.list();
        let fetched = self.shared.engine.list().into_iter();
        all.extend(fetched.filter(|document| {
            let SchemaRef { kind, name, .. } = &document.reference;
            !fetch::is_referred(name) && !self.is_own(&Subject::new(*kind, name.clone()))
        }));
        all.sort_by(|a, b| (a.reference.kind, &a.reference.name).cmp(&(b.reference.kind, &b.reference.name)));
        all
    }
}

/// What changes is our own registry; the remote one is somebody else's.
impl SubjectRegistry for ConfluentSchemaRegistry {
    fn plan_registration(&self, wanted: &Registration, now: Timestamp) -> Result<RegistrationPlan, RegisterError> {
        self.own.plan_registration(wanted, now)
    }

    fn plan_deletion(
        &self,
        subject: &Subject,
        version: Option<u32>,
        for_good: bool,
    ) -> Result<RegistryChange, RegisterError> {
        self.own.plan_deletion(subject, version, for_good)
    }

    fn apply(&self, change: RegistryChange) -> Result<(), RegisterError> {
        self.own.apply(change)
    }

    fn judge(
        &self,
        wanted: &Registration,
        against: Option<u32>,
        now: Timestamp,
    ) -> Result<CompatibilityReport, RegisterError> {
        self.own.judge(wanted, against, now)
    }

    fn fits(&self, older: &RegisteredSchema, newer: &RegisteredSchema) -> Result<CompatibilityReport, RegisterError> {
        self.own.fits(older, newer)
    }

    fn check_stored(&self, subject: &Subject, version: u32, document: &Json) -> Result<(), SchemaRefusal> {
        match self.own.check_stored(subject, version, document) {
            Err(SchemaRefusal::UnknownType { .. }) => {
                self.check_remote((subject.clone(), Some(version)), document).map(drop)
            }
            answer => answer,
        }
    }

    fn compare(&self, subject: &Subject, from: u32, to: u32) -> Result<Vec<SchemaChange>, RegisterError> {
        self.own.compare(subject, from, to)
    }

    fn compile(&self, schema: &Value, links: &[SchemaLink]) -> Result<Box<dyn DocumentCheck>, RegisterError> {
        self.own.compile(schema, links)
    }

    fn by_id(&self, id: u32) -> Option<Arc<RegisteredSchema>> {
        self.own.by_id(id).or_else(|| self.shared.engine.by_id(id))
    }

    fn by_digest(&self, digest: Digest) -> Vec<Arc<RegisteredSchema>> {
        self.own.by_digest(digest)
    }

    fn same(&self, wanted: &Registration) -> Result<Option<Arc<RegisteredSchema>>, RegisterError> {
        self.own.same(wanted)
    }

    fn referrers(&self, id: u32) -> Vec<Arc<RegisteredSchema>> {
        self.own.referrers(id)
    }

    fn subject(&self, subject: &Subject) -> Option<SubjectInfo> {
        self.own.subject(subject)
    }

    fn subjects(&self, after: Option<&Subject>, limit: usize) -> Vec<SubjectInfo> {
        self.own.subjects(after, limit)
    }

    fn global_rules(&self) -> SubjectRules {
        self.own.global_rules()
    }

    fn empty(&self) -> Arc<dyn SubjectRegistry> {
        self.own.empty()
    }
}
