use crate::{
    event::Actor,
    framework::{CodecError, Command, Decision, Events, Given, Rejection},
    json::Json,
    name::{StreamId, Version},
    time::Timestamp,
};

/// A consistency boundary: state folded from its own events, and the rules that decide new ones.
///
/// `#[nexus::aggregate(events = …)]` on an `impl` block writes this impl and one [`Handle`] per `#[handle]` method.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "this type is used as an aggregate",
    note = "put `#[nexus::aggregate(events = YourEvents)]` on its `impl` block, or implement `nexus::Aggregate` for it"
)]
pub trait Aggregate: Default + Send + Sync + Sized + 'static {
    /// Its events.
    type Event: Events;

    /// The type name, stored with every event: `Order`.
    const NAME: &'static str;

    /// Folds one event into the state. Total: it never refuses what has happened.
    fn apply(&mut self, event: &Self::Event);

    /// The commands it handles, one [`CommandHandler::of`] for each [`Handle`] impl.
    fn handlers() -> Vec<CommandHandler<Self>>;

    /// Starts a given/when/then scenario with what has happened before.
    fn given(events: impl IntoIterator<Item = Self::Event>) -> Given<Self> {
        Given::new(events)
    }
}

/// Decides one command. Pure: no I/O, no clock, no randomness but what [`Ctx`] hands in.
#[diagnostic::on_unimplemented(
    message = "the aggregate `{Self}` does not handle the command `{C}`",
    label = "no handler for `{C}`",
    note = "add a method `#[handle] fn …(&self, command: {C}) -> Decision<…>` to its `#[nexus::aggregate]` block"
)]
pub trait Handle<C: Command>: Aggregate {
    /// Whether the aggregate must exist, must not, or may.
    const WHEN: When;

    /// Decides.
    fn handle(&self, command: C, ctx: &Ctx<'_>) -> Decision<Self::Event>;
}

/// Whether an aggregate must exist for a command. Checked before the handler is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It must not exist: `#[handle(create)]`.
    Create,
    /// It must exist: `#[handle]`.
    Exists,
    /// Either: `#[handle(upsert)]`.
    Upsert,
}

/// The circumstances of a decision, handed in so that deciding stays pure.
#[derive(Debug, Clone, Copy)]
pub struct Ctx<'a> {
    /// The current moment; the same for every try of one command.
    pub now: Timestamp,
    /// The aggregate that decides.
    pub aggregate_id: &'a StreamId,
    /// Its version before the decision.
    pub version: Version,
    /// Who asks.
    pub actor: &'a Actor,
}

/// Why a command produced no events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// A business rule said no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The aggregate exists, and the command creates it.
    #[error("the {aggregate} already exists")]
    AlreadyExists {
        /// Its type.
        aggregate: &'static str,
    },
    /// The aggregate does not exist, and the command needs it.
    #[error("there is no such {aggregate}")]
    DoesNotExist {
        /// Its type.
        aggregate: &'static str,
    },
    /// The aggregate has no handler for this command.
    #[error("no handler for the command `{0}`")]
    UnknownCommand(String),
    /// The payload does not fit the command's type although it fits its schema.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// One command an aggregate handles, with its type erased.
pub struct CommandHandler<A: Aggregate> {
    command_type: &'static str,
    when: When,
    schema: fn() -> serde_json::Value,
    run: RunHandler<A>,
}

type RunHandler<A> = fn(&A, &Json, &Ctx<'_>) -> Result<Vec<<A as Aggregate>::Event>, HandleError>;

impl<A: Aggregate> CommandHandler<A> {
    /// The handler of command `C`.
    #[must_use]
    pub fn of<C: Command>() -> Self
    where
        A: Handle<C>,
    {
        Self {
            command_type: C::TYPE,
            when: <A as Handle<C>>::WHEN,
            schema: crate::framework::schema_of::<C>,
            run: |state, payload, ctx| {
                let command: C = payload.to().map_err(|error| CodecError::new(C::TYPE, &error))?;
                decide(state, command, ctx)
            },
        }
    }

    /// The command type.
    #[must_use]
    pub fn command_type(&self) -> &'static str {
        self.command_type
    }

    /// Whether the aggregate must exist.
    #[must_use]
    pub fn when(&self) -> When {
        self.when
    }

    /// The JSON Schema of the command's payload.
    #[must_use]
    pub fn schema(&self) -> serde_json::Value {
        (self.schema)()
    }

    /// Parses the payload and decides.
    ///
    /// # Errors
    /// [`HandleError`].
    pub fn run(&self, state: &A, payload: &Json, ctx: &Ctx<'_>) -> Result<Vec<A::Event>, HandleError> {
        (self.run)(state, payload, ctx)
    }
}

/// Checks existence and calls the handler: the one way a command is decided, live and in scenarios.
pub(crate) fn decide<A, C>(state: &A, command: C, ctx: &Ctx<'_>) -> Result<Vec<A::Event>, HandleError>
where
    A: Handle<C>,
    C: Command,
{
    let exists = ctx.version != Version::NONE;
    match <A as Handle<C>>::WHEN {
        When::Create if exists => Err(HandleError::AlreadyExists { aggregate: A::NAME }),
        When::Exists if !exists => Err(HandleError::DoesNotExist { aggregate: A::NAME }),
        _ => Ok(state.handle(command, ctx).into_result()?),
    }
}
