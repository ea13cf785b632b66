use std::{fmt, sync::Arc, time::Duration};

use nexus_core::{
    Admission, PolicyJudge, Position, Refusal, Text, Timestamp,
    framework::Projection,
    ports::{
        AppendError, Clock, EventStore, HistoryTree, IdSource, IdempotencyIndex, PolicyCompiler, PolicyEngine,
        PolicyServer, ReadError, ReadStore, ReadStoreError, RegisterError, RequestContext, Subject, SubjectRegistry,
    },
    upcast::{ChainError, DeclaredUpcaster},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    AppendService, Catalogue, CommandService, PolicyBundle, PolicyFailure, PolicyService, Proof, QueryService,
    SchemaService,
    command_service::Inner,
    evolution::Evolution,
    governance::Governance,
    idempotency::{FollowError, KeyRing},
    policies::{BundlesAtStart, DecisionLog, Ledger, PolicySwitch, Records, record_fixed},
    projector::{self, Followed, RunningProjection},
    schemas::SchemaParts,
    tokens::{TokenFailure, TokenService},
};

/// Idempotency keys are forgotten after this long.
const KEY_LIFETIME: Duration = Duration::from_hours(24);

/// The adapters and definitions a node is made of.
pub struct NodeParts {
    /// Name of the application: `input.context.service` in policies.
    pub service: Text,
    /// `dev`, `production`, …: `input.context.environment` in policies.
    pub environment: Text,
    /// The aggregates.
    pub catalogue: Catalogue,
    /// The projections.
    pub projections: Vec<Projection>,
    /// Where events are stored.
    pub store: Arc<dyn EventStore>,
    /// What proves what the store holds, if it can.
    pub history: Option<Arc<dyn HistoryTree>>,
    /// What knows the schemas.
    pub registry: Arc<dyn SubjectRegistry>,
    /// How payloads of earlier schema versions are brought to the aggregates' events, beside what those say themselves.
    pub upcasters: Vec<DeclaredUpcaster>,
    /// What decides until the bundles are in force, and for good without a compiler.
    pub policy: Arc<dyn PolicyEngine>,
    /// What makes policies of bundles; without it the policy cannot be replaced, and no decisions are recorded.
    pub policy_compiler: Option<Arc<dyn PolicyCompiler>>,
    /// The bundles that the application and its command line declare.
    pub policy_bundles: Vec<PolicyBundle>,
    /// What is asked beside the policy, if anything is: both must allow.
    pub policy_server: Option<Arc<dyn PolicyServer>>,
    /// Where read models are kept.
    pub read_store: Arc<dyn ReadStore>,
    /// What finds idempotency keys.
    pub idempotency: Arc<dyn IdempotencyIndex>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn IdSource>,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The log could not be read.
    #[error("reading the log failed: {0}")]
    Read(#[from] ReadError),
    /// The platform's own events could not be stored.
    #[error("writing the log failed: {0}")]
    Append(#[from] AppendError),
    /// A read model or the idempotency index could not be opened.
    #[error("{0}")]
    ReadStore(#[from] ReadStoreError),
    /// A declared schema cannot be used.
    #[error("a schema cannot be registered: {0}")]
    Schema(#[from] RegisterError),
    /// Upcasters do not make a chain.
    #[error("{0}")]
    Upcasters(#[from] ChainError),
    /// An upcaster names an event type that the application does not have.
    #[error("there is an upcaster of `{event_type}`, which is no event of this application; it has: {known}")]
    UnknownUpcaster {
        /// What it names.
        event_type: String,
        /// What there is.
        known: String,
    },
    /// The application and the log number a schema differently.
    #[error(
        "the application declares the schema of `{event_type}` as version {declared}; this log knows the very same \
         schema as version {registered}. Declare version {registered}"
    )]
    Numbering {
        /// The event type.
        event_type: String,
        /// What the application says.
        declared: u32,
        /// What the log says.
        registered: u32,
    },
    /// A schema changed so that stored payloads may not fit it, and nothing brings them there.
    #[error(
        "the schema of `{event_type}` changed from version {from} to {to} so that stored events do not fit it any \
         more: {reason}\n  fix: add an upcaster from version {from}, or undo the change"
    )]
    Breaking {
        /// The event type.
        event_type: String,
        /// The version before.
        from: u32,
        /// The version after.
        to: u32,
        /// What does not fit.
        reason: String,
    },
    /// Events of a registered version have no way to the one declared.
    #[error("events of `{event_type}` with schema version {version} cannot be brought to {wanted}: {reason}")]
    NoWay {
        /// The event type.
        event_type: String,
        /// The registered version.
        version: u32,
        /// The version declared.
        wanted: u32,
        /// Where the way ends.
        reason: String,
    },
    /// Upcasters fail on samples or on what is stored. Nothing was recorded.
    #[error("the upcasters of `{}` do not hold: {_0}", _0.event_type)]
    Unproven(Box<Proof>),
    /// The application declares a schema that does not follow the stored ones.
    #[error(
        "the application declares a schema of the {subject} that cannot be registered, so it does not start.\n{error}"
    )]
    Declared {
        /// Whose schema.
        subject: Subject,
        /// Why not.
        error: RegisterError,
    },
    /// The tokens that were issued cannot be told.
    #[error("the tokens that were issued cannot be restored: {0}")]
    Tokens(#[from] TokenFailure),
    /// The bundles that should be in force cannot be.
    #[error("the policy cannot be brought into force: {0}")]
    Policy(PolicyFailure),
    /// The policy refuses the platform's own events.
    #[error("the policy refuses the platform's own record of schemas and policies: {0}")]
    Refused(#[from] Refusal),
    /// The platform's own streams cannot be understood.
    #[error("`{stream}`: {reason}")]
    Governance {
        /// Which.
        stream: String,
        /// What is wrong.
        reason: String,
    },
}

impl StartError {
    /// Whether what is stored does not fit the schemas of the application.
    #[must_use]
    pub fn does_not_fit(&self) -> bool {
        let of_versions = matches!(self, Self::Numbering { .. } | Self::Breaking { .. } | Self::Declared { .. });
        of_versions || matches!(self, Self::NoWay { .. } | Self::Unproven(_) | Self::Upcasters(_))
    }

    pub(crate) fn governance(stream: &str, reason: impl fmt::Display) -> Self {
        Self::Governance { stream: stream.to_owned(), reason: reason.to_string() }
    }
}

impl From<PolicyFailure> for StartError {
    fn from(failure: PolicyFailure) -> Self {
        match failure {
            PolicyFailure::NotAdmitted(refusal) => refusal.into(),
            PolicyFailure::Append(error) => error.into(),
            PolicyFailure::Read(error) => error.into(),
            other => Self::Policy(other),
        }
    }
}

impl From<FollowError> for StartError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Log(error) => error.into(),
            FollowError::Index(error) => error.into(),
        }
    }
}

/// A running platform: everything the doors need.
pub struct Node {
    service: Text,
    environment: Text,
    commands: CommandService,
    queries: QueryService,
    schemas: SchemaService,
    tokens: TokenService,
    store: Arc<dyn EventStore>,
    history: Option<Arc<dyn HistoryTree>>,
    policy: PolicyService,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Node {
    /// Brings schemas and policies into force, catches up on idempotency keys and starts the projections. Projections
    /// that are behind catch up while the node serves.
    ///
    /// # Errors
    /// [`StartError`]; nothing keeps running.
    pub async fn start(parts: NodeParts) -> Result<Self, StartError> {
        let (registry, service, environment) = (parts.registry, parts.service, parts.environment);
        let switch = Arc::new(PolicySwitch::new(parts.policy));
        let own = Admission::new(Arc::<dyn SubjectRegistry>::clone(&registry), Arc::clone(&switch) as _);
        let governance = Governance {
            store: &*parts.store,
            admission: &own,
            registry: &*registry,
            ids: &*parts.ids,
            request: request_at_start(&service, &environment, &*parts.clock),
        };
        let declared = (&parts.catalogue, parts.projections.as_slice());
        let evolution = Evolution::new(&*parts.store, &registry, declared, parts.upcasters)?;
        let at_start = governance.schemas(&parts.catalogue, evolution).await?;
        let records = Records { store: Arc::clone(&parts.store), admission: own.clone(), ids: Arc::clone(&parts.ids) };
        let request = governance.request.clone();
        let judge = judge(&switch, (parts.policy_server, &parts.clock), (&records, &request)).await?;
        let admission = Admission::judged_by(Arc::<dyn SubjectRegistry>::clone(&registry), judge.clone());
        let stop = CancellationToken::new();
        let compiled = parts.policy_compiler.map(|compiler| (compiler, parts.policy_bundles));
        let (policy, recording) =
            policy_in_force((switch, judge), records.clone(), (request, stop.clone()), compiled).await?;

        let keys = keys_in_force(parts.idempotency, &*parts.store, parts.clock.now()).await?;
        let mut tasks = vec![tokio::spawn(Arc::clone(&keys).follow(Arc::clone(&parts.store), stop.clone()))];
        let followed = Followed {
            events: Arc::clone(&parts.store),
            upcasters: Arc::clone(&at_start.upcasters),
            clock: Arc::clone(&parts.clock),
        };
        let (running, projectors) = follow_all(parts.projections, &*parts.read_store, &followed, &stop)?;
        tasks.extend(projectors.into_iter().chain(recording));
        let schemas = SchemaService::new(SchemaParts {
            registry,
            admission: admission.clone(),
            store: Arc::clone(&parts.store),
            ids: Arc::clone(&parts.ids),
            declared: at_start.declared,
            version: at_start.version,
            ways: at_start.ways,
            upcasters: Arc::clone(&at_start.upcasters),
            stop: stop.clone(),
        });
        let tokens = TokenService::restore(records).await?;
        let inner = Inner {
            catalogue: Arc::new(parts.catalogue),
            store: Arc::clone(&parts.store),
            upcasters: at_start.upcasters,
            versions: at_start.versions,
            admission,
            policy: policy.clone(),
            keys,
            clock: Arc::clone(&parts.clock),
            ids: Arc::clone(&parts.ids),
        };
        Ok(Self {
            service,
            environment,
            commands: CommandService { inner: Arc::new(inner) },
            queries: QueryService::new(running),
            schemas,
            tokens,
            store: parts.store,
            history: parts.history,
            policy,
            clock: parts.clock,
            ids: parts.ids,
            stop,
            tasks,
        })
    }

    /// The name of the application.
    #[must_use]
    pub fn service(&self) -> &Text {
        &self.service
    }

    /// `dev`, `production`, ….
    #[must_use]
    pub fn environment(&self) -> &Text {
        &self.environment
    }

    /// The door for commands.
    #[must_use]
    pub fn commands(&self) -> &CommandService {
        &self.commands
    }

    /// The door for events that clients decided themselves.
    #[must_use]
    pub fn appends(&self) -> AppendService {
        AppendService { inner: Arc::clone(&self.commands.inner) }
    }

    /// The door to the read models.
    #[must_use]
    pub fn queries(&self) -> &QueryService {
        &self.queries
    }

    /// The log, for reading.
    #[must_use]
    pub fn events(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// What proves what the log holds, if the store can.
    #[must_use]
    pub fn history(&self) -> Option<&Arc<dyn HistoryTree>> {
        self.history.as_ref()
    }

    /// The schema registry, for asking.
    #[must_use]
    pub fn schemas(&self) -> &Arc<dyn SubjectRegistry> {
        self.schemas.registry()
    }

    /// The tokens that the platform issues itself.
    #[must_use]
    pub fn tokens(&self) -> &TokenService {
        &self.tokens
    }

    /// The door to the schema registry, for changing it.
    #[must_use]
    pub fn schema_service(&self) -> &SchemaService {
        &self.schemas
    }

    /// Who may do what.
    #[must_use]
    pub fn policy(&self) -> &PolicyService {
        &self.policy
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The source of ids.
    #[must_use]
    pub fn ids(&self) -> &Arc<dyn IdSource> {
        &self.ids
    }

    /// Cancelled when the node stops; live feeds end with it.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// The newest durable position.
    #[must_use]
    pub fn head(&self) -> Position {
        self.store.head()
    }

    /// Stops following the log and waits for what is under way.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background task ended badly");
            }
        }
    }
}

/// Who asks the policy, and the policy server beside it if there is one.
async fn judge(
    switch: &Arc<PolicySwitch>,
    (server, clock): (Option<Arc<dyn PolicyServer>>, &Arc<dyn Clock>),
    (records, request): (&Records, &RequestContext),
) -> Result<PolicyJudge, StartError> {
    let judge = PolicyJudge::new(Arc::clone(switch) as _);
    let Some(server) = server else { return Ok(judge) };
    let ledger = Ledger::restore(records.clone(), Arc::clone(clock), request.clone()).await?;
    Ok(judge.beside(server, Arc::new(ledger)))
}

/// Brings the bundles into force and starts to record decisions; without a compiler it leaves the policy as it is.
async fn policy_in_force(
    (switch, judge): (Arc<PolicySwitch>, PolicyJudge),
    records: Records,
    (request, stop): (RequestContext, CancellationToken),
    compiled: Option<(Arc<dyn PolicyCompiler>, Vec<PolicyBundle>)>,
) -> Result<(PolicyService, Option<JoinHandle<()>>), StartError> {
    let ids = Arc::clone(&records.ids);
    let Some((compiler, declared)) = compiled else {
        record_fixed(&records, switch.digest(), &request).await?;
        return Ok((PolicyService::new(judge, ids, None, None), None));
    };
    let (judging, request_at_start) = (judge.clone(), request.clone());
    let at_start =
        BundlesAtStart { compiler, switch, records: records.clone(), judge: judging, request: request_at_start };
    let bundles = at_start.start(declared).await?;
    let (log, task) = DecisionLog::start(records, request, stop);
    Ok((PolicyService::new(judge, ids, Some(bundles), Some(log)), Some(task)))
}

/// Starts the projections.
fn follow_all(
    projections: Vec<Projection>,
    read_store: &dyn ReadStore,
    followed: &Followed,
    stop: &CancellationToken,
) -> Result<(Vec<RunningProjection>, Vec<JoinHandle<()>>), StartError> {
    let mut started = (Vec::new(), Vec::new());
    for projection in projections {
        let rows = read_store.open(projection.spec().clone())?;
        let (running, task) = projector::start(projection, rows, followed.clone(), stop.clone())?;
        started.0.push(running);
        started.1.push(task);
    }
    Ok(started)
}

/// The circumstances of what a node writes while it starts.
fn request_at_start(service: &Text, environment: &Text, clock: &dyn Clock) -> RequestContext {
    let (service, environment) = (service.clone(), environment.clone());
    RequestContext { service, client_id: None, environment, time: clock.now() }
}

/// The idempotency keys of the log, without those that are too old to matter.
async fn keys_in_force(
    index: Arc<dyn IdempotencyIndex>,
    store: &dyn EventStore,
    now: Timestamp,
) -> Result<Arc<KeyRing>, StartError> {
    let keys = KeyRing::new(index);
    keys.catch_up(store).await?;
    let lifetime = i64::try_from(KEY_LIFETIME.as_micros()).unwrap_or(i64::MAX);
    keys.forget_before(now.saturating_add_micros(-lifetime)).await?;
    Ok(keys)
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
