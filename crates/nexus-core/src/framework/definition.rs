use std::fmt;

use serde_json::Value;

use crate::{
    framework::{Aggregate, CodecError, Ctx, Events, HandleError, When},
    json::Json,
    upcast::{CurrentEvent, DeclaredUpcaster},
};

/// An aggregate with its type erased: what the runtime sends commands to.
pub struct AggregateDefinition {
    name: &'static str,
    events: Vec<EventSpec>,
    commands: Vec<CommandSpec>,
    upcasters: Vec<DeclaredUpcaster>,
    fresh: fn() -> Box<dyn AggregateState>,
}

/// One event type of an aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSpec {
    /// The event type.
    pub event_type: &'static str,
    /// The JSON Schema of its payload.
    pub schema: Value,
    /// The version of that schema, where the aggregate says so.
    pub version: Option<u32>,
}

/// One command an aggregate handles.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandSpec {
    /// The command type.
    pub command_type: &'static str,
    /// Whether the aggregate must exist.
    pub when: When,
    /// The JSON Schema of its payload.
    pub schema: Value,
}

/// An event that was decided, as it is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedEvent {
    /// Its type.
    pub event_type: &'static str,
    /// Its payload.
    pub payload: Json,
}

impl AggregateDefinition {
    /// The definition of an aggregate.
    ///
    /// # Errors
    /// When an event type listed by its enum is missing from the enum's schema.
    pub fn of<A: Aggregate>() -> Result<Self, CodecError> {
        let event = |event_type: &&'static str| {
            let version = A::Event::schema_version(event_type);
            A::Event::schema(event_type).map(|schema| EventSpec { event_type, schema, version })
        };
        let handlers = A::handlers();
        let commands = handlers.iter().map(|handler| CommandSpec {
            command_type: handler.command_type(),
            when: handler.when(),
            schema: handler.schema(),
        });
        Ok(Self {
            name: A::NAME,
            events: A::Event::TYPES.iter().map(event).collect::<Result<_, _>>()?,
            commands: commands.collect(),
            upcasters: A::Event::upcasters(),
            fresh: || Box::new(Instance::<A>::default()),
        })
    }

    /// The type name: `Order`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its event types.
    #[must_use]
    pub fn events(&self) -> &[EventSpec] {
        &self.events
    }

    /// The commands it handles.
    #[must_use]
    pub fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    /// How payloads of earlier schema versions are brought to its events.
    #[must_use]
    pub fn upcasters(&self) -> &[DeclaredUpcaster] {
        &self.upcasters
    }

    /// The state before any event.
    #[must_use]
    pub fn fresh(&self) -> Box<dyn AggregateState> {
        (self.fresh)()
    }
}

impl fmt::Debug for AggregateDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateDefinition").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The state of one aggregate with its type erased.
pub trait AggregateState: Send {
    /// Folds an event.
    ///
    /// # Errors
    /// When the payload does not fit the event's type.
    fn apply(&mut self, event: &CurrentEvent<'_>) -> Result<(), CodecError>;

    /// Decides a command.
    ///
    /// # Errors
    /// [`HandleError`].
    fn handle(&self, command_type: &str, payload: &Json, ctx: &Ctx<'_>) -> Result<Vec<DecidedEvent>, HandleError>;
}

#[derive(Default)]
struct Instance<A> {
    state: A,
}

impl<A: Aggregate> AggregateState for Instance<A> {
    fn apply(&mut self, event: &CurrentEvent<'_>) -> Result<(), CodecError> {
        self.state.apply(&A::Event::from_stored(event.event_type.as_str(), &event.payload)?);
        Ok(())
    }

    fn handle(&self, command_type: &str, payload: &Json, ctx: &Ctx<'_>) -> Result<Vec<DecidedEvent>, HandleError> {
        let handler = A::handlers()
            .into_iter()
            .find(|handler| handler.command_type() == command_type)
            .ok_or_else(|| HandleError::UnknownCommand(command_type.to_owned()))?;
        let events = handler.run(&self.state, payload, ctx)?;
        let decided = |event: &A::Event| Ok(DecidedEvent { event_type: event.event_type(), payload: event.payload()? });
        events.iter().map(decided).collect()
    }
}
