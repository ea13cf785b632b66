//! Builders: the one place where tests get valid names, events, proposals and admitted batches.
//!
//! They panic on invalid arguments, because a test that builds nonsense is a broken test.

use std::{
    fmt,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use nexus_core::{
    Actor, Admission, Admitted, AggregateType, DecisionId, Digest, EventId, EventType, ExpectedVersion, Json, Metadata,
    NewEvent, Proposal, StreamAppend, StreamId, Text, Timestamp, Version, admission::AdmissionContext,
    ports::RequestContext,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fakes::{FixedPolicy, PermissiveSchemas};

/// Every event type the contract suites append. A fixture whose server checks schemas registers each of them, open to
/// any object, before a case runs.
pub const EVENT_TYPES: [&str; 3] = ["OrderPlaced", "OrderShipped", "OrderCancelled"];

/// Every aggregate type the contract suites use.
pub const AGGREGATE_TYPES: [&str; 2] = ["Order", "Invoice"];

/// The id of the actor on whose behalf [`admitted`] admits.
pub const ACTOR: &str = "tester";

/// An admission that accepts every event type and whose policy always allows.
#[must_use]
pub fn permissive_admission() -> Admission {
    Admission::new(Arc::new(PermissiveSchemas::default()), Arc::new(FixedPolicy::allow()))
}

/// Admits a proposal through [`permissive_admission`], under one new decision by [`ACTOR`].
///
/// # Panics
/// When the proposal is malformed: without events, or with a stream or an event id twice.
#[must_use]
pub fn admitted(proposal: Proposal) -> Admitted {
    admitted_by(&permissive_admission(), proposal)
}

/// Admits a proposal through the given admission, under one new decision by [`ACTOR`].
///
/// # Panics
/// When the admission refuses it, or has to wait for a policy server.
#[must_use]
pub fn admitted_by(admission: &Admission, proposal: Proposal) -> Admitted {
    let context = AdmissionContext {
        actor: &actor(),
        decision_id: DecisionId::from_uuid(Uuid::now_v7()),
        request: &request_context(),
    };
    let admitted = must(at_once(admission.admit(proposal, context)), "the admission waits for a policy server");
    must(admitted, "the proposal is not admitted")
}

/// A proposal of `count` events of type `OrderPlaced` for one stream of aggregate type `Order`.
///
/// # Panics
/// When `stream` is not a valid stream id.
#[must_use]
pub fn proposal(stream: &str, expected: ExpectedVersion, count: usize) -> Proposal {
    Proposal::single(part(stream, expected, count))
}

/// A proposal of several parts, all or nothing.
#[must_use]
pub fn proposal_of(parts: impl IntoIterator<Item = StreamAppend>) -> Proposal {
    Proposal { streams: parts.into_iter().collect() }
}

/// `count` new events of type `OrderPlaced` for one stream of aggregate type `Order`.
///
/// # Panics
/// When `stream` is not a valid stream id.
#[must_use]
pub fn part(stream: &str, expected: ExpectedVersion, count: usize) -> StreamAppend {
    part_of(stream, expected, (0..count).map(|number| order_placed(number, stream)))
}

/// The given events for one stream of aggregate type `Order`.
///
/// # Panics
/// When `stream` is not a valid stream id.
#[must_use]
pub fn part_of(stream: &str, expected: ExpectedVersion, events: impl IntoIterator<Item = NewEvent>) -> StreamAppend {
    StreamAppend {
        stream: stream_id(stream),
        aggregate_type: aggregate_type("Order"),
        condition: expected.into(),
        events: events.into_iter().collect(),
    }
}

/// A new event with a fresh id and no metadata.
///
/// # Panics
/// When `event_type` is not a valid event type.
#[must_use]
pub fn new_event(event_type: &str, payload: &Value) -> NewEvent {
    NewEvent {
        event_id: event_id(),
        event_type: self::event_type(event_type),
        payload: Json::from_value(payload),
        metadata: Metadata::default(),
    }
}

fn order_placed(number: usize, stream: &str) -> NewEvent {
    new_event("OrderPlaced", &json!({ "orderId": stream, "number": number }))
}

/// Metadata with every member set.
///
/// # Panics
/// Never; its members are valid.
#[must_use]
pub fn full_metadata() -> Metadata {
    Metadata {
        correlation_id: Some("conversation-1 ☎".into()),
        causation_id: Some("command-1 → «причина»".into()),
        user_id: Some("ann@example.com".into()),
        schema_version: 1,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        idempotency: Some(nexus_core::IdempotencyMark {
            key: "ann@example.com/key-1".into(),
            request: Digest::from_bytes([7; 32]),
        }),
        extra: Some(json_text("{ \"b\": 1.50, \"a\": [\"\\u00e9\", \"é\"] }")),
    }
}

/// The document that `text` is, byte for byte.
///
/// # Panics
/// When it is not JSON.
#[must_use]
pub fn json_text(text: &str) -> Json {
    must(Json::parse(text.to_owned()), "not a JSON document")
}

/// A fresh event id (UUIDv7).
#[must_use]
pub fn event_id() -> EventId {
    EventId::from_uuid(Uuid::now_v7())
}

/// A stream id.
///
/// # Panics
/// When it is not valid.
#[must_use]
pub fn stream_id(text: &str) -> StreamId {
    must(text.parse(), "a test names a stream")
}

/// An event type.
///
/// # Panics
/// When it is not valid.
#[must_use]
pub fn event_type(text: &str) -> EventType {
    must(text.parse(), "a test names an event type")
}

/// An aggregate type.
///
/// # Panics
/// When it is not valid.
#[must_use]
pub fn aggregate_type(text: &str) -> AggregateType {
    must(text.parse(), "a test names an aggregate type")
}

/// A moment, from RFC 3339.
///
/// # Panics
/// When it is not RFC 3339.
#[must_use]
pub fn timestamp(text: &str) -> Timestamp {
    must(text.parse(), "a test names a moment")
}

/// `ExpectedVersion::Exact(version)`.
#[must_use]
pub fn exactly(version: u64) -> ExpectedVersion {
    ExpectedVersion::Exact(Version::new(version))
}

/// The actor [`ACTOR`] with the role `writer`.
#[must_use]
pub fn actor() -> Actor {
    actor_with(&["writer"])
}

/// The actor [`ACTOR`] with these roles.
#[must_use]
pub fn actor_with(roles: &[&str]) -> Actor {
    Actor::new(Text::from_static(ACTOR), roles.iter().map(|role| Text::from(*role)).collect())
}

/// The circumstances of a request in the environment `test`, at a fixed time.
#[must_use]
pub fn request_context() -> RequestContext {
    RequestContext {
        service: Text::from_static("nexus"),
        client_id: Some(Text::from_static("testkit")),
        environment: Text::from_static("test"),
        time: Timestamp::UNIX_EPOCH,
    }
}

/// What a future answers without waiting for anything, as an admission without a policy server does.
///
/// # Errors
/// When it does wait.
pub fn at_once<T>(future: impl Future<Output = T>) -> Result<T, &'static str> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(answer),
        Poll::Pending => Err("it waits for something"),
    }
}

#[expect(clippy::panic, reason = "a test that builds an invalid fixture must stop with the reason")]
#[track_caller]
fn must<T, E: fmt::Debug>(result: Result<T, E>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error:?}"),
    }
}
