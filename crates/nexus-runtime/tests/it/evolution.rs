//! How a node brings what is stored to what its domain knows, refuses what cannot be, and proves it before.

use std::{sync::Arc, time::Duration};

use nexus_core::{
    EventType, ExpectedVersion, Json, Proposal, RecordedEvent, Text,
    ports::{ChosenMode, Clock, CompatibilityMode, EventStore, RegisterError, SchemaKind, Subject, SubjectRules},
    upcast::{Chain, Steps, UpcastFault, Upcasters},
};
use nexus_runtime::{
    CommandFailure, CommandRequest, ConsistentWith, Node, RequestInfo, Sample, StartError, projector::ProjectionState,
    prove,
};
use nexus_schema::JsonSchemaRegistry;
use nexus_testkit::fixture;
use serde_json::{Value, json};

use crate::domain::{Data, first, numbered, second, third, upcaster, wider};

pub(crate) fn info() -> RequestInfo {
    RequestInfo {
        actor: fixture::actor(),
        context: fixture::request_context(),
        correlation_id: None,
        causation_id: None,
        traceparent: None,
        extra: None,
    }
}

/// Stores an `OrderPlaced` under a version of its schema, as a writer in another language would.
pub(crate) async fn place(node: &Node, id: &str, schema_version: u32, payload: Value) -> u64 {
    let mut event = fixture::new_event("OrderPlaced", &payload);
    event.metadata.schema_version = schema_version;
    let part = fixture::part_of(id, ExpectedVersion::NoStream, [event]);
    node.appends().append(Proposal::single(part), None, info()).await.unwrap().appended.position.get()
}

pub(crate) async fn check(node: &Node, id: &str) -> Result<(), CommandFailure> {
    let request = CommandRequest {
        command_type: "CheckOrder".into(),
        aggregate_id: Some(fixture::stream_id(id)),
        payload: Json::empty_object(),
        expected: None,
        idempotent: None,
        info: info(),
    };
    node.commands().execute(request).await.map(drop)
}

/// The row of an order, once everything up to the head is in the rows.
pub(crate) async fn shown(node: &Node, id: &str) -> Option<String> {
    let consistent = ConsistentWith { position: node.head(), wait: Duration::from_secs(10) };
    let row = node.queries().get("orders", id.to_owned(), Some(consistent)).await.unwrap().0?;
    row.get("shown").and_then(Value::as_str).map(str::to_owned)
}

pub(crate) fn names() -> Steps {
    Steps::new().split("customer", " ", ["first", "last"]).default("last", "")
}

fn families() -> Steps {
    Steps::new().remove("first").rename("last", "family")
}

/// A log in which a node of the first version stored orders of these customers.
pub(crate) async fn placed_by_first(customers: &[&str]) -> Data {
    let data = Data::new();
    let node = first::serve(&data, Vec::new()).await.unwrap();
    for (number, customer) in (1..).zip(customers) {
        place(&node, &format!("order-{number}"), 1, json!({ "customer": customer })).await;
    }
    node.shutdown().await;
    data
}

/// The error of a start, after which the log is as it was.
async fn refused(data: &Data, started: Result<Node, StartError>) -> StartError {
    let Err(error) = started else { panic!("it started") };
    let recorded = data.events().await.into_iter().filter(|event| event.event_type.as_str() == "SchemaRegistered");
    assert!(recorded.filter(|event| is_version(event, 2)).count() == 0, "a version was recorded");
    error
}

fn is_version(event: &RecordedEvent, version: u32) -> bool {
    let payload = event.payload.to_value().unwrap();
    payload["name"] == "OrderPlaced" && payload["version"] == version
}

#[tokio::test]
async fn aggregates_and_projections_read_events_of_every_version() {
    let data = placed_by_first(&["Ann Lee"]).await;
    let node = second::serve(&data, vec![upcaster(1, names())]).await.unwrap();
    place(&node, "order-2", 2, json!({ "first": "Bo", "last": "Ek" })).await;
    node.shutdown().await;
    let before = data.events().await;

    let node = third::serve(&data, vec![upcaster(2, families()), upcaster(1, names())]).await.unwrap();
    place(&node, "order-3", 3, json!({ "family": "Fox" })).await;
    for (id, family) in [("order-1", "Lee"), ("order-2", "Ek"), ("order-3", "Fox")] {
        check(&node, id).await.unwrap();
        assert_eq!(shown(&node, id).await.as_deref(), Some(family));
    }
    assert_eq!(data.events().await[..before.len()], before[..]);
}

#[tokio::test]
async fn a_compatible_change_needs_no_upcaster() {
    let data = placed_by_first(&["Ann Lee"]).await;
    let node = wider::serve(&data, Vec::new()).await.unwrap();
    assert_eq!(shown(&node, "order-1").await.as_deref(), Some("Ann Lee"));
    assert!(data.events().await.iter().any(|event| is_version(event, 2)));
}

#[tokio::test]
async fn a_breaking_change_without_an_upcaster_does_not_start() {
    let data = placed_by_first(&["Ann Lee"]).await;
    let error = refused(&data, second::serve(&data, Vec::new()).await).await;
    assert!(matches!(&error, StartError::Declared { error: RegisterError::Incompatible { .. }, .. }), "{error}");
    assert!(error.does_not_fit());
    let text = error.to_string();
    assert!(text.contains("`OrderPlaced`") && text.contains("against version 1"), "{text}");
}

#[tokio::test]
async fn an_upcaster_is_proven_by_samples_even_when_nothing_is_stored() {
    let data = placed_by_first(&[]).await;
    let forgets = Steps::new().rename("customer", "last");
    let StartError::Unproven(proof) = refused(&data, second::serve(&data, vec![upcaster(1, forgets)]).await).await
    else {
        panic!("another error");
    };
    let failed = proof.failed_sample.as_ref().unwrap();
    assert_eq!((failed.sample.version, proof.events), (1, 0));
    assert!(proof.to_string().contains("the member \"first\" is missing"), "{proof}");
}

#[tokio::test]
async fn the_first_stored_event_that_fails_is_named_with_its_place() {
    let data = placed_by_first(&["Ann Lee", "Bo Ek", "Cher", "Di"]).await;
    let steps = names();
    let strict = move |payload: Value| match payload["customer"].as_str() {
        Some("Cher" | "Di") => Err("one name"),
        _ => Ok(steps.apply(payload).unwrap()),
    };
    let StartError::Unproven(proof) = refused(&data, second::serve(&data, vec![upcaster(1, strict)]).await).await
    else {
        panic!("another error");
    };
    assert_eq!((proof.failed, proof.events), (2, 4));
    let first = proof.first_failure.as_ref().unwrap();
    assert_eq!((first.stream.as_str(), first.version.get(), first.stored, first.wanted), ("order-3", 1, 1, 2));
    let place = data.events().await.into_iter().find(|event| event.aggregate_id.as_str() == "order-3").unwrap();
    assert_eq!(first.position, place.position);
    assert!(proof.to_string().starts_with("2 of 4 stored events fail; the first: "), "{proof}");
}

#[tokio::test]
async fn a_projection_stops_before_the_event_it_cannot_read_and_says_so() {
    let data = placed_by_first(&["Ann Lee"]).await;
    let steps = names();
    let picky = move |payload: Value| {
        assert!(payload["customer"] != "Cher", "who is that?");
        steps.apply(payload)
    };
    let node = second::serve(&data, vec![upcaster(1, picky)]).await.unwrap();
    place(&node, "order-2", 1, json!({ "customer": "Bo Ek" })).await;
    let unreadable = place(&node, "order-3", 1, json!({ "customer": "Cher" })).await;
    place(&node, "order-4", 1, json!({ "customer": "Di Fox" })).await;

    let running = node.queries().projection("orders").unwrap();
    assert!(running.reached(nexus_core::Position::new(unreadable - 1)).await);
    let mut tries = 0;
    while running.progress().last_error.is_none() {
        tries += 1;
        assert!(tries < 2000, "it says nothing");
        // waits: for the task of the projection to report
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let progress = running.progress();
    assert_eq!((progress.state, progress.checkpoint.get()), (ProjectionState::Stopped, unreadable - 1));
    let error = progress.last_error.unwrap();
    assert_eq!((error.position.unwrap().get(), error.attempts), (unreadable, 1));
    for part in ["`OrderPlaced`", "`order-3`", "schema version 1", "to 2", "who is that?"] {
        assert!(error.reason.contains(part), "{}", error.reason);
    }
    let rows = running.rows();
    assert!(rows.get("order-2").unwrap().is_some());
    assert_eq!((rows.get("order-3").unwrap(), rows.get("order-4").unwrap()), (None, None));

    // The aggregate decides nothing either; others go on.
    let failure = check(&node, "order-3").await.unwrap_err();
    let CommandFailure::Upcast(failure) = failure else { panic!("{failure}") };
    assert!(matches!(failure.fault, UpcastFault::Failed { from: 1, to: 2, .. }), "{failure}");
    check(&node, "order-4").await.unwrap();
    node.shutdown().await;
}

#[tokio::test]
async fn an_application_that_was_rolled_back_is_not_given_what_it_does_not_know() {
    let data = placed_by_first(&["Ann Lee"]).await;
    let node = second::serve(&data, vec![upcaster(1, names())]).await.unwrap();
    place(&node, "order-2", 2, json!({ "first": "Bo", "last": "Ek" })).await;
    node.shutdown().await;
    let node = first::serve(&data, Vec::new()).await.unwrap();
    check(&node, "order-1").await.unwrap();
    let failure = check(&node, "order-2").await.unwrap_err();
    let CommandFailure::Upcast(failure) = failure else { panic!("{failure}") };
    assert_eq!((failure.fault, failure.stored, failure.wanted), (UpcastFault::Newer, 2, 1));
}

/// A log of the first version whose rules take every change of `OrderPlaced`.
async fn without_rules(customers: &[&str]) -> Data {
    let data = placed_by_first(customers).await;
    let node = first::serve(&data, Vec::new()).await.unwrap();
    let mode = ChosenMode { mode: CompatibilityMode::None, reason: Some("a trial".into()), expires: None };
    let rules = SubjectRules { compatibility: Some(mode), ..SubjectRules::default() };
    let subject = Subject::new(SchemaKind::Event, "OrderPlaced");
    // A weaker mode ends some time after the moment of the request.
    let mut info = info();
    info.context.time = data.clock.now();
    node.schema_service().configure(Some(subject), rules, info).await.unwrap();
    node.shutdown().await;
    data
}

#[tokio::test]
async fn a_break_that_the_rules_take_goes_through_only_while_nothing_stored_is_affected() {
    let data = without_rules(&["Ann Lee"]).await;
    let error = refused(&data, second::serve(&data, Vec::new()).await).await;
    assert!(matches!(&error, StartError::Breaking { from: 1, to: 2, .. }), "{error}");
    assert!(error.to_string().contains("1 of 1 stored events fail; the first: "), "{error}");

    let data = without_rules(&[]).await;
    let node = second::serve(&data, Vec::new()).await.unwrap();
    place(&node, "order-1", 2, json!({ "first": "Bo", "last": "Ek" })).await;
    check(&node, "order-1").await.unwrap();
    // What comes later under the earlier version is not read as if it were of the newer.
    place(&node, "order-2", 1, json!({ "customer": "Ann Lee" })).await;
    let failure = check(&node, "order-2").await.unwrap_err();
    let CommandFailure::Upcast(failure) = failure else { panic!("{failure}") };
    assert_eq!(failure.fault, UpcastFault::Missing { from: 1 });
}

#[tokio::test]
async fn a_gap_in_the_chain_does_not_start() {
    let data = placed_by_first(&["Ann Lee"]).await;
    let error = refused(&data, third::serve(&data, vec![upcaster(2, families())]).await).await;
    assert!(matches!(error, StartError::Breaking { from: 1, to: 3, .. }), "{error}");
}

#[tokio::test]
async fn what_contradicts_itself_or_the_log_does_not_start() {
    let data = placed_by_first(&[]).await;
    let twice = vec![upcaster(1, names()), upcaster(1, families())];
    let error = second::serve(&data, twice).await.err().unwrap();
    assert!(error.to_string().contains("two upcasters of `OrderPlaced` begin at schema version 1"), "{error}");

    let mut foreign = upcaster(1, names());
    foreign.event_type = "OrderPlacd".to_owned();
    let error = first::serve(&data, vec![foreign]).await.err().unwrap();
    assert!(error.to_string().contains("`OrderPlacd`") && error.to_string().contains("OrderPlaced"), "{error}");

    let error = numbered::serve(&data, Vec::new()).await.err().unwrap();
    assert!(matches!(error, StartError::Numbering { declared: 7, registered: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_fresh_log_takes_the_number_that_the_application_gives() {
    let data = Data::new();
    let node = numbered::serve(&data, Vec::new()).await.unwrap();
    let newest = node.schemas().find(SchemaKind::Event, "OrderPlaced", None).unwrap();
    assert_eq!(newest.reference.version, 7);
    node.shutdown().await;
    numbered::serve(&data, Vec::new()).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_counts_what_would_fail_and_stores_nothing() {
    let data = placed_by_first(&["Ann Lee", "Cher", "Bo Ek"]).await;
    let (head, registry) = (data.store.head(), Arc::new(JsonSchemaRegistry::new()));
    let schema = json!({ "type": "object", "properties": { "last": { "type": "string" } }, "required": ["last"] });
    nexus_core::ports::SchemaRegistry::register_at(&*registry, SchemaKind::Event, "OrderPlaced", 2, &schema).unwrap();
    let run = async |steps: Steps, samples: Vec<Sample>| {
        let chain = Chain::to("OrderPlaced", 2).upcaster(upcaster(1, steps)).unwrap();
        let upcasters = Arc::new(Upcasters::new([chain], Upcasters::checked_by(registry.clone())));
        let event_type = EventType::new(Text::from("OrderPlaced")).unwrap();
        prove(&data.store, &upcasters, &event_type, samples).await.unwrap()
    };
    let holds = run(names().remove("first"), Vec::new()).await;
    assert!(holds.holds());
    assert_eq!(holds.to_string(), "0 of 3 stored events fail");
    let sample = Sample { version: 1, payload: json!({ "customer": "Di Fox" }) };
    let fails = run(Steps::new().split("customer", " ", ["first", "last"]).remove("first"), vec![sample]).await;
    assert_eq!((fails.failed, fails.events, fails.samples, fails.failed_sample.is_none()), (1, 3, 1, true));
    let first = fails.first_failure.unwrap();
    assert_eq!((first.stream.as_str(), first.pointer()), ("order-2", Some("")));
    assert!(first.to_string().ends_with("the member \"last\" is missing"), "{first}");
    assert_eq!(data.store.head(), head);
}
