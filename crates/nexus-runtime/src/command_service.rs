use std::{sync::Arc, time::Instant};

use nexus_core::{
    Admission, AggregateType, DecisionId, EventId, EventType, ExpectedVersion, Json, NewEvent, Position, Proposal,
    Refusal, StreamAppend, StreamId, Timestamp, Version,
    admission::AdmissionContext,
    framework::{AggregateDefinition, AggregateState, CodecError, Ctx, DecidedEvent, HandleError, Rejection, When},
    ports::{
        AppendError, Clock, EventStore, IdSource, IdempotencyRecord, PolicyResource, PolicySchema, ReadError,
        SchemaKind, SchemaRefusal, StreamRead, Verdict,
    },
    upcast::{UpcastError, Upcasters},
};

use crate::{
    Catalogue, CommandEntry, Decision, IdempotencyClash, Idempotent, PolicyService, RequestInfo,
    evolution::OwnVersions,
    idempotency::{Begun, KeyRing},
};

/// How often a command is decided again when another writer was faster and the client pinned no version.
const MAX_TRIES: u32 = 16;

/// Carries out commands: schema, policy, idempotency, rehydrate, decide, admit, append.
#[derive(Clone)]
pub struct CommandService {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) upcasters: Arc<Upcasters>,
    pub(crate) versions: OwnVersions,
    pub(crate) admission: Admission,
    pub(crate) policy: PolicyService,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
}

/// A command as it came in.
#[derive(Debug, Clone)]
pub struct CommandRequest {
    /// The command type.
    pub command_type: String,
    /// The aggregate; a new id is made for a creating command that names none.
    pub aggregate_id: Option<StreamId>,
    /// The command's payload.
    pub payload: Json,
    /// The version the client decided on, if it pinned one.
    pub expected: Option<ExpectedVersion>,
    /// The idempotency key, if the client sent one.
    pub idempotent: Option<Idempotent>,
    /// Who asks.
    pub info: RequestInfo,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandAnswer {
    /// The aggregate.
    pub aggregate_id: StreamId,
    /// Its version now.
    pub version: Version,
    /// The events stored, in order; empty when nothing needed to happen.
    pub event_ids: Vec<EventId>,
    /// Position of the last of them; the log's head when there are none.
    pub position: Position,
    /// The decision that allowed it.
    pub decision_id: DecisionId,
    /// True when an earlier request with the same idempotency key did it.
    pub replayed: bool,
}

/// What a command would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRun {
    /// The aggregate.
    pub aggregate_id: StreamId,
    /// Its version now, which would not be changed.
    pub version: Version,
    /// The events that would be stored.
    pub events: Vec<DecidedEvent>,
    /// The verdict on the command.
    pub verdict: Verdict,
    /// The id of the decision.
    pub decision_id: DecisionId,
}

/// Why a command was not carried out. Nothing was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandFailure {
    /// There is no such command.
    #[error("there is no command `{command_type}`")]
    UnknownCommand {
        /// What was asked for.
        command_type: String,
        /// Known commands that look like it.
        nearest: Vec<String>,
    },
    /// The payload breaks the command's schema.
    #[error(transparent)]
    Schema(#[from] SchemaRefusal),
    /// Policy does not allow the command.
    #[error("policy does not allow `{command_type}`")]
    Denied {
        /// The command type.
        command_type: String,
        /// The decision.
        decision_id: DecisionId,
        /// The verdict.
        verdict: Box<Verdict>,
    },
    /// The command works on an existing aggregate and names none.
    #[error("`{command_type}` works on an existing {aggregate}: `aggregateId` is missing")]
    MissingAggregateId {
        /// The command type.
        command_type: String,
        /// The aggregate type.
        aggregate: &'static str,
    },
    /// The command creates an aggregate that exists.
    #[error("the {aggregate} `{aggregate_id}` already exists, at version {version}")]
    AlreadyExists {
        /// The aggregate type.
        aggregate: &'static str,
        /// Which one.
        aggregate_id: StreamId,
        /// Its version.
        version: Version,
    },
    /// The aggregate does not exist.
    #[error("there is no {aggregate} `{aggregate_id}`")]
    DoesNotExist {
        /// The aggregate type.
        aggregate: &'static str,
        /// Which one.
        aggregate_id: StreamId,
    },
    /// A business rule said no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The idempotency key is taken.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyClash),
    /// The decided events were not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] Refusal),
    /// The events could not be stored; version conflicts of pinned commands are found here.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The aggregate's history could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored event of an earlier schema could not be brought to the one the aggregate knows.
    #[error(transparent)]
    Upcast(#[from] Box<UpcastError>),
    /// A stored event or the command does not fit its Rust type.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The handler panicked.
    #[error("the handler of `{command_type}` failed")]
    Panicked {
        /// The command type.
        command_type: String,
    },
}

impl CommandService {
    /// Which commands there are.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    /// Carries out a command and answers once its events are durable.
    ///
    /// The work goes on when the caller goes away, so that an idempotency key is never given free while its append may
    /// still happen.
    ///
    /// # Errors
    /// [`CommandFailure`].
    pub async fn execute(&self, request: CommandRequest) -> Result<CommandAnswer, CommandFailure> {
        let inner = Arc::clone(&self.inner);
        let command_type = request.command_type.clone();
        let known = inner.catalogue.command(&command_type).map(|entry| entry.spec.command_type);
        let started = Instant::now();
        let outcome = tokio::spawn(async move { inner.execute(request).await }).await;
        let outcome = outcome.unwrap_or_else(|error| {
            tracing::error!(%command_type, %error, "a command handler failed");
            Err(CommandFailure::Panicked { command_type })
        });
        let (label, result) = (known.unwrap_or("unknown"), result_label(&outcome));
        metrics::counter!("nexus_commands_total", "type" => label, "result" => result).increment(1);
        metrics::histogram!("nexus_command_duration_seconds", "type" => label).record(started.elapsed());
        outcome
    }

    /// Does everything but storing.
    ///
    /// # Errors
    /// [`CommandFailure`], exactly as [`execute`](Self::execute) would.
    pub async fn dry_run(&self, request: CommandRequest) -> Result<DryRun, CommandFailure> {
        let inner = Arc::clone(&self.inner);
        let command_type = request.command_type.clone();
        let outcome = tokio::spawn(async move { inner.dry_run(request).await }).await;
        outcome.unwrap_or(Err(CommandFailure::Panicked { command_type }))
    }
}

fn result_label(outcome: &Result<CommandAnswer, CommandFailure>) -> &'static str {
    match outcome {
        Ok(answer) if answer.replayed => "replayed",
        Ok(_) => "ok",
        Err(CommandFailure::Rejected(_)) => "rejected",
        Err(CommandFailure::Denied { .. } | CommandFailure::NotAdmitted(_)) => "denied",
        Err(CommandFailure::Schema(_) | CommandFailure::UnknownCommand { .. }) => "invalid",
        Err(CommandFailure::Append(AppendError::Conflict { .. })) => "conflict",
        Err(_) => "failed",
    }
}

/// A command that passed its schema and the policy.
struct Authorised<'a> {
    entry: &'a CommandEntry,
    request: &'a CommandRequest,
    aggregate_id: StreamId,
    decision_id: DecisionId,
    verdict: Verdict,
    now: Timestamp,
}

/// An aggregate as its events left it.
struct Rehydrated {
    state: Box<dyn AggregateState>,
    version: Version,
}

impl Inner {
    async fn execute(&self, request: CommandRequest) -> Result<CommandAnswer, CommandFailure> {
        let command = self.authorise(&request).await?;
        let Some(idempotent) = &request.idempotent else {
            return self.carry_out(&command).await;
        };
        match self.keys.begin(idempotent).await? {
            Begun::Before(record) => Ok(replay_of(record)),
            Begun::First(claim) => {
                let answer = self.carry_out(&command).await?;
                if !answer.event_ids.is_empty() {
                    claim.done(record_of(&answer, idempotent, command.now));
                }
                Ok(answer)
            }
        }
    }

    async fn dry_run(&self, request: CommandRequest) -> Result<DryRun, CommandFailure> {
        let command = self.authorise(&request).await?;
        let before = self.rehydrate(&command.entry.aggregate, &command.aggregate_id).await?;
        let events = decide(&command, &before)?;
        if !events.is_empty() {
            self.admit(&command, before.version, &events).await?;
        }
        Ok(DryRun {
            aggregate_id: command.aggregate_id,
            version: before.version,
            events,
            verdict: command.verdict,
            decision_id: command.decision_id,
        })
    }

    /// Schema first, then policy.
    async fn authorise<'a>(&'a self, request: &'a CommandRequest) -> Result<Authorised<'a>, CommandFailure> {
        let command_type = request.command_type.as_str();
        let entry = self.catalogue.command(command_type).ok_or_else(|| CommandFailure::UnknownCommand {
            command_type: command_type.to_owned(),
            nearest: self.catalogue.nearest_commands(command_type),
        })?;
        let (registry, version) = (self.admission.registry(), self.versions.of_command(command_type));
        let schema = registry.check(SchemaKind::Command, command_type, version, &request.payload)?;
        let aggregate_id = self.aggregate_id(entry, request)?;
        let resource = PolicyResource { resource_type: entry.aggregate.name(), id: aggregate_id.as_str() };
        let schema = PolicySchema::registered(&schema);
        let input = request.info.command_input(command_type, resource, &request.payload, schema);
        let Decision { id: decision_id, verdict } =
            self.policy.decide_traced(&input, request.info.traceparent.as_deref()).await;
        if !verdict.allows() {
            let (command_type, verdict) = (command_type.to_owned(), Box::new(verdict));
            return Err(CommandFailure::Denied { command_type, decision_id, verdict });
        }
        Ok(Authorised { entry, request, aggregate_id, decision_id, verdict, now: self.clock.now() })
    }

    fn aggregate_id(&self, entry: &CommandEntry, request: &CommandRequest) -> Result<StreamId, CommandFailure> {
        let missing = || CommandFailure::MissingAggregateId {
            command_type: request.command_type.clone(),
            aggregate: entry.aggregate.name(),
        };
        match &request.aggregate_id {
            Some(id) => Ok(id.clone()),
            None if entry.spec.when == When::Exists => Err(missing()),
            None => StreamId::new(self.ids.event_id().to_string()).map_err(|_| missing()),
        }
    }

    /// Decides and appends; again on a conflict, unless the client pinned a version.
    async fn carry_out(&self, command: &Authorised<'_>) -> Result<CommandAnswer, CommandFailure> {
        let mut tries = 1;
        loop {
            match self.attempt(command).await {
                Err(CommandFailure::Append(AppendError::Conflict { .. }))
                    if command.request.expected.is_none() && tries < MAX_TRIES =>
                {
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, command: &Authorised<'_>) -> Result<CommandAnswer, CommandFailure> {
        let before = self.rehydrate(&command.entry.aggregate, &command.aggregate_id).await?;
        let events = decide(command, &before)?;
        let mut answer = CommandAnswer {
            aggregate_id: command.aggregate_id.clone(),
            version: before.version,
            event_ids: Vec::new(),
            position: self.store.head(),
            decision_id: command.decision_id,
            replayed: false,
        };
        if events.is_empty() {
            return Ok(answer);
        }
        let admitted = self.admit(command, before.version, &events).await?;
        let appended = self.store_admitted(admitted).await?;
        answer.position = appended.position;
        if let Some(part) = appended.streams.into_iter().next() {
            (answer.version, answer.event_ids) = (part.version, part.event_ids);
        }
        Ok(answer)
    }

    async fn rehydrate(
        &self,
        aggregate: &AggregateDefinition,
        aggregate_id: &StreamId,
    ) -> Result<Rehydrated, CommandFailure> {
        let mut rehydrated = Rehydrated { state: aggregate.fresh(), version: Version::NONE };
        let mut from = Version::new(1);
        loop {
            let page =
                self.store.read_stream(StreamRead { from, ..StreamRead::all(aggregate_id.clone(), 500) }).await?;
            self.check_type(aggregate, aggregate_id, page.aggregate_type)?;
            for event in &page.events {
                rehydrated.state.apply(&self.upcasters.current(event)?)?;
                rehydrated.version = event.version;
            }
            match page.next {
                Some(next) => from = next,
                None => return Ok(rehydrated),
            }
        }
    }

    /// A stream holds one type of aggregate; a command of another type is told so before anything is folded.
    fn check_type(
        &self,
        aggregate: &AggregateDefinition,
        stream: &StreamId,
        actual: Option<AggregateType>,
    ) -> Result<(), CommandFailure> {
        match actual {
            Some(actual) if actual.as_str() != aggregate.name() => {
                let given = type_of(aggregate)?;
                Err(AppendError::WrongAggregateType { stream: stream.clone(), actual, given }.into())
            }
            _ => Ok(()),
        }
    }

    async fn admit(
        &self,
        command: &Authorised<'_>,
        version: Version,
        events: &[DecidedEvent],
    ) -> Result<nexus_core::Admitted, CommandFailure> {
        let info = &command.request.info;
        let mut proposed = Vec::with_capacity(events.len());
        for event in events {
            let mut metadata = info.metadata();
            metadata.correlation_id.get_or_insert_with(|| command.decision_id.to_string().into());
            if proposed.is_empty() {
                metadata.idempotency = command.request.idempotent.as_ref().map(Idempotent::mark);
            }
            metadata.schema_version = self.versions.of_event(event.event_type).unwrap_or_default();
            proposed.push(NewEvent {
                event_id: self.ids.event_id(),
                event_type: EventType::new(event.event_type).map_err(|error| codec(event.event_type, &error))?,
                payload: event.payload.clone(),
                metadata,
            });
        }
        let part = StreamAppend {
            stream: command.aggregate_id.clone(),
            aggregate_type: type_of(&command.entry.aggregate)?,
            condition: ExpectedVersion::Exact(version).into(),
            events: proposed,
        };
        let (decision_id, request) = (command.decision_id, &info.context);
        let context = AdmissionContext { actor: &info.actor, decision_id, request };
        let admitted = self.admission.admit(Proposal::single(part), context).await;
        Ok(admitted.inspect_err(|refusal| self.policy.refused(refusal, decision_id, info))?)
    }
}

/// Checks a pinned version, then asks the aggregate.
fn decide(command: &Authorised<'_>, before: &Rehydrated) -> Result<Vec<DecidedEvent>, CommandFailure> {
    let version = before.version;
    let aggregate_id = command.aggregate_id.clone();
    if let Some(expected) = command.request.expected.filter(|expected| !expected.accepts(version)) {
        return Err(AppendError::Conflict { stream: aggregate_id, expected, actual: version }.into());
    }
    let info = &command.request.info;
    let ctx = Ctx { now: command.now, aggregate_id: &aggregate_id, version, actor: &info.actor };
    let outcome = before.state.handle(&command.request.command_type, &command.request.payload, &ctx);
    outcome.map_err(|error| match error {
        HandleError::Rejected(rejection) => rejection.into(),
        HandleError::AlreadyExists { aggregate } => {
            CommandFailure::AlreadyExists { aggregate, aggregate_id: aggregate_id.clone(), version }
        }
        HandleError::DoesNotExist { aggregate } => {
            CommandFailure::DoesNotExist { aggregate, aggregate_id: aggregate_id.clone() }
        }
        HandleError::Codec(error) => error.into(),
        other => codec(&command.request.command_type, &other).into(),
    })
}

fn type_of(aggregate: &AggregateDefinition) -> Result<AggregateType, CodecError> {
    AggregateType::new(aggregate.name()).map_err(|error| codec(aggregate.name(), &error))
}

fn codec(type_name: &str, reason: &impl ToString) -> CodecError {
    CodecError { type_name: type_name.to_owned(), reason: reason.to_string() }
}

fn record_of(answer: &CommandAnswer, idempotent: &Idempotent, now: Timestamp) -> IdempotencyRecord {
    let mark = idempotent.mark();
    IdempotencyRecord {
        key: mark.key,
        request: mark.request,
        stream: answer.aggregate_id.clone(),
        version: answer.version,
        event_ids: answer.event_ids.clone(),
        position: answer.position,
        decision_id: answer.decision_id,
        recorded_at: now,
    }
}

fn replay_of(record: IdempotencyRecord) -> CommandAnswer {
    CommandAnswer {
        aggregate_id: record.stream,
        version: record.version,
        event_ids: record.event_ids,
        position: record.position,
        decision_id: record.decision_id,
        replayed: true,
    }
}
