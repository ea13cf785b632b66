use std::fmt;

use crate::{
    event::Actor,
    framework::{Aggregate, Command, Ctx, Handle, HandleError, aggregate},
    name::{StreamId, Version},
    time::Timestamp,
};

/// A scenario in which some events have happened: `Order::given([…]).when(command).then([…])`.
///
/// Events pass through their stored form on the way in and out, so a scenario also proves that they survive storage.
#[derive(Debug)]
pub struct Given<A: Aggregate> {
    events: Vec<A::Event>,
    now: Timestamp,
}

impl<A: Aggregate> Given<A> {
    pub(crate) fn new(events: impl IntoIterator<Item = A::Event>) -> Self {
        Self { events: events.into_iter().collect(), now: Timestamp::UNIX_EPOCH }
    }

    /// Sets the moment of the decision; otherwise it is the Unix epoch.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Sends a command to the aggregate `"example"`.
    pub fn when<C: Command>(self, command: C) -> Outcome<A>
    where
        A: Handle<C>,
    {
        Outcome { result: self.decide(command).map_err(|error| error.to_string()) }
    }

    fn decide<C: Command>(self, command: C) -> Result<Decided<A>, Box<dyn std::error::Error>>
    where
        A: Handle<C>,
    {
        let mut state = A::default();
        for event in &self.events {
            state.apply(&stored_form(event)?);
        }
        let version = Version::new(self.events.len().try_into()?);
        let (aggregate_id, actor) = (StreamId::new("example")?, Actor::system());
        let ctx = Ctx { now: self.now, aggregate_id: &aggregate_id, version, actor: &actor };
        let command: C = serde_json::from_value(serde_json::to_value(command)?)?;
        match aggregate::decide(&state, command, &ctx) {
            Ok(events) => Ok(Ok(events.iter().map(stored_form).collect::<Result<_, _>>()?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

type Decided<A> = Result<Vec<<A as Aggregate>::Event>, HandleError>;

fn stored_form<E: crate::framework::Events>(event: &E) -> Result<E, crate::framework::CodecError> {
    E::from_stored(event.event_type(), &event.payload()?)
}

/// What a scenario's command led to.
#[derive(Debug)]
#[must_use = "end the scenario with `then`, `then_rejected`, …"]
pub struct Outcome<A: Aggregate> {
    result: Result<Decided<A>, String>,
}

impl<A: Aggregate> Outcome<A> {
    /// The command led to exactly these events.
    ///
    /// # Panics
    /// When it did not; the message shows both.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        let expected: Vec<_> = expected.into_iter().collect();
        match self.result {
            Ok(Ok(events)) if events == expected => {}
            other => fail(&format_args!("{expected:#?}"), &other),
        }
    }

    /// A business rule rejected the command with this code.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn then_rejected(self, code: &str) {
        match self.result {
            Ok(Err(HandleError::Rejected(rejection))) if rejection.code == code => {}
            other => fail(&format_args!("a rejection with code `{code}`"), &other),
        }
    }

    /// The command needs an aggregate that does not exist.
    ///
    /// # Panics
    /// When that was not the answer.
    #[track_caller]
    pub fn then_does_not_exist(self) {
        match self.result {
            Ok(Err(HandleError::DoesNotExist { .. })) => {}
            other => fail(&"does not exist", &other),
        }
    }

    /// The command creates an aggregate that exists.
    ///
    /// # Panics
    /// When that was not the answer.
    #[track_caller]
    pub fn then_already_exists(self) {
        match self.result {
            Ok(Err(HandleError::AlreadyExists { .. })) => {}
            other => fail(&"already exists", &other),
        }
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a failing scenario is a failing test")]
fn fail(expected: &dyn fmt::Display, actual: &dyn fmt::Debug) -> ! {
    panic!("the scenario ended otherwise\nexpected: {expected}\n  actual: {actual:#?}")
}
