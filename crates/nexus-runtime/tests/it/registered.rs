//! Upcasters that come with a registration: proven before, kept with the version, and what readers are given then.

use std::time::Duration;

use nexus_core::{
    ExpectedVersion, Proposal,
    framework::Events as _,
    ports::{
        ChosenMode, Clock, CompatibilityMode, RegisterError, Registration, SchemaKind, SchemaUpcaster, Subject,
        SubjectRules,
    },
    upcast::{Steps, UpcastFault},
};
use nexus_runtime::{CommandFailure, Node, RegisteredNow, SchemaFailure, projector::ProjectionState};
use nexus_testkit::fixture;
use serde_json::{Value, json};

use crate::{
    domain::{Data, first, follower, old_follower, second},
    evolution::{check, info, names, place, placed_by_first, shown},
};

fn registration(name: &str, schema: Value, upcaster: Option<Steps>) -> Registration {
    Registration { upcaster, ..Registration::new(Subject::new(SchemaKind::Event, name), schema) }
}

async fn register(
    node: &Node,
    (name, schema): (&str, Value),
    upcaster: Option<Steps>,
) -> Result<RegisteredNow, SchemaFailure> {
    node.schema_service().register(registration(name, schema, upcaster), info()).await
}

/// The second version of `OrderPlaced`, which a customer of one name breaks.
fn split() -> (&'static str, Value) {
    ("OrderPlaced", second::OrderEvent::schema("OrderPlaced").unwrap())
}

fn object(member: &str) -> Value {
    json!({ "type": "object", "properties": { member: { "type": "integer" } }, "required": [member] })
}

fn paid(member: &str) -> (&'static str, Value) {
    ("OrderPaid", object(member))
}

fn renamed() -> Steps {
    Steps::new().rename("cents", "minor")
}

async fn pay(node: &Node, id: &str, schema_version: u32, payload: Value) -> u64 {
    let mut event = fixture::new_event("OrderPaid", &payload);
    event.metadata.schema_version = schema_version;
    let part = fixture::part_of(id, ExpectedVersion::NoStream, [event]);
    node.appends().append(Proposal::single(part), None, info()).await.unwrap().appended.position.get()
}

fn newer(failure: CommandFailure) -> UpcastFault {
    let CommandFailure::Upcast(failure) = failure else { panic!("{failure}") };
    failure.fault
}

#[tokio::test]
async fn a_major_version_goes_through_with_an_upcaster_that_holds_for_what_is_stored() {
    let data = placed_by_first(&["Ann Lee", "Cher"]).await;
    let node = first::serve(&data, Vec::new()).await.unwrap();
    let refused = register(&node, split(), None).await;
    assert!(matches!(refused, Err(SchemaFailure::Registry(RegisterError::Incompatible { .. }))), "{refused:?}");
    let registered = register(&node, split(), Some(names())).await.unwrap();
    assert!(registered.created);
    let upcaster = Some(SchemaUpcaster { from: 1, steps: names() });
    assert_eq!((registered.schema.reference.version, &registered.schema.upcaster), (2, &upcaster));
    assert_eq!(registered.schema.semantic.to_string(), "2.0.0");
    assert!(!register(&node, split(), Some(names())).await.unwrap().created);

    // Writers of the first version go on, and the running application reads what it declares.
    place(&node, "order-3", 1, json!({ "customer": "Bo Ek" })).await;
    place(&node, "order-4", 2, json!({ "first": "Di", "last": "Fox" })).await;
    for id in ["order-1", "order-3"] {
        check(&node, id).await.unwrap();
    }
    assert_eq!(newer(check(&node, "order-4").await.unwrap_err()), UpcastFault::Newer);
    node.shutdown().await;

    // An application of the second version needs no upcaster of its own.
    let node = second::serve(&data, Vec::new()).await.unwrap();
    for (id, last) in [("order-1", "Lee"), ("order-2", ""), ("order-3", "Ek"), ("order-4", "Fox")] {
        check(&node, id).await.unwrap();
        assert_eq!(shown(&node, id).await.as_deref(), Some(last), "{id}");
    }
    let stored = node.schemas().subject(&Subject::new(SchemaKind::Event, "OrderPlaced")).unwrap();
    assert_eq!(stored.version(2).unwrap().upcaster, upcaster);
}

#[tokio::test]
async fn an_upcaster_that_fails_on_what_is_stored_is_refused_with_the_first_event() {
    let data = placed_by_first(&["Ann Lee", "Bo Ek", "Cher", "Di"]).await;
    let node = first::serve(&data, Vec::new()).await.unwrap();
    let before = data.events().await.len();
    // The samples have one name too, so they would fail first: this one is refused for both reasons.
    let strict = Steps::new().split("customer", " ", ["first", "last"]);
    let refused = register(&node, split(), Some(strict)).await.unwrap_err();
    let SchemaFailure::Unproven { version: 2, proof, .. } = &refused else { panic!("{refused}") };
    assert_eq!(proof.failed_sample.as_ref().unwrap().sample.version, 1);

    // Samples say `text`; only the log knows of these.
    let mapped = serde_json::from_value::<Steps>(json!([
        { "op": "map", "path": "/customer", "values": { "Cher": 1, "Di": 2 }, "others": "keep" },
        { "op": "rename", "from": "/customer", "to": "/first" },
        { "op": "default", "path": "/last", "value": "" },
    ]));
    let refused = register(&node, split(), Some(mapped.unwrap())).await.unwrap_err();
    let SchemaFailure::Unproven { version: 2, proof, .. } = &refused else { panic!("{refused}") };
    assert_eq!((proof.failed, proof.events, &proof.failed_sample), (2, 4, &None));
    let first = proof.first_failure.as_ref().unwrap();
    assert_eq!((first.stream.as_str(), first.version.get(), first.pointer()), ("order-3", 1, Some("/first")));
    assert!(refused.to_string().contains("2 of 4 stored events fail; the first: "), "{refused}");
    assert_eq!(data.events().await.len(), before, "something was recorded");
    assert!(node.schemas().find(SchemaKind::Event, "OrderPlaced", Some(2)).is_none());
}

#[tokio::test]
async fn a_reader_of_what_nobody_declares_gets_the_newest_version_from_the_moment_it_is_registered() {
    let data = Data::new();
    let node = follower::serve(&data).await;
    register(&node, paid("cents"), None).await.unwrap();
    pay(&node, "order-1", 1, json!({ "cents": 1 })).await;
    assert_eq!(shown(&node, "order-1").await.as_deref(), Some("1 cents"));
    register(&node, paid("minor"), Some(renamed())).await.unwrap();
    pay(&node, "order-2", 1, json!({ "cents": 2 })).await;
    pay(&node, "order-3", 2, json!({ "minor": 3 })).await;
    assert_eq!(shown(&node, "order-2").await.as_deref(), Some("2 minor"));
    assert_eq!(shown(&node, "order-3").await.as_deref(), Some("3 minor"));
    node.shutdown().await;
    let node = follower::serve(&data).await;
    for (id, amount) in [("order-1", "1 minor"), ("order-2", "2 minor"), ("order-3", "3 minor")] {
        assert_eq!(shown(&node, id).await.as_deref(), Some(amount));
    }
}

#[tokio::test]
async fn a_deleted_version_is_still_read() {
    let data = Data::new();
    let node = follower::serve(&data).await;
    register(&node, paid("cents"), None).await.unwrap();
    pay(&node, "order-1", 1, json!({ "cents": 1 })).await;
    register(&node, paid("minor"), Some(renamed())).await.unwrap();
    let subject = Subject::new(SchemaKind::Event, "OrderPaid");
    node.schema_service().delete(subject, Some(2), false, info()).await.unwrap();
    node.shutdown().await;
    let node = follower::serve(&data).await;
    assert_eq!(shown(&node, "order-1").await.as_deref(), Some("1 minor"));
}

#[tokio::test]
async fn a_reader_that_names_its_version_is_not_given_a_newer_one() {
    let data = Data::new();
    let node = old_follower::serve(&data).await;
    register(&node, paid("cents"), None).await.unwrap();
    register(&node, paid("minor"), Some(renamed())).await.unwrap();
    pay(&node, "order-1", 1, json!({ "cents": 1 })).await;
    let unknown = pay(&node, "order-2", 2, json!({ "minor": 2 })).await;
    let running = node.queries().projection("orders").unwrap();
    assert!(running.reached(nexus_core::Position::new(unknown - 1)).await);
    let mut tries = 0;
    while running.progress().state != ProjectionState::Stopped {
        tries += 1;
        assert!(tries < 2000, "it does not stop");
        // waits: for the task of the projection to report
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(running.progress().checkpoint.get(), unknown - 1);
    assert_eq!(running.rows().get("order-1").unwrap().unwrap()["shown"], "1 cents");
}

#[tokio::test]
async fn a_break_that_the_rules_take_while_the_application_runs_is_not_folded_as_if_it_were_known() {
    let data = placed_by_first(&["Ann Lee"]).await;
    let node = first::serve(&data, Vec::new()).await.unwrap();
    let mode = ChosenMode { mode: CompatibilityMode::None, reason: Some("a trial".into()), expires: None };
    let mut wanted = registration("OrderPlaced", split().1, None);
    wanted.rules = Some(SubjectRules { compatibility: Some(mode), ..SubjectRules::default() });
    let mut info = info();
    info.context.time = data.clock.now();
    node.schema_service().register(wanted, info).await.unwrap();
    place(&node, "order-2", 2, json!({ "first": "Bo", "last": "Ek" })).await;
    assert_eq!(newer(check(&node, "order-2").await.unwrap_err()), UpcastFault::Newer);
    check(&node, "order-1").await.unwrap();
}

#[tokio::test]
async fn upcasters_registered_one_after_the_other_are_one_chain() {
    let data = Data::new();
    let node = follower::serve(&data).await;
    register(&node, paid("cents"), None).await.unwrap();
    pay(&node, "order-1", 1, json!({ "cents": 1 })).await;
    register(&node, paid("pence"), Some(Steps::new().rename("cents", "pence"))).await.unwrap();
    pay(&node, "order-2", 2, json!({ "pence": 2 })).await;
    // What leads from the second version alone is not enough for a payload of the first that nobody brought there.
    let wrong = register(&node, paid("minor"), Some(renamed())).await.unwrap_err();
    let SchemaFailure::Unproven { proof, .. } = &wrong else { panic!("{wrong}") };
    assert_eq!((proof.failed, proof.events), (2, 2));
    register(&node, paid("minor"), Some(Steps::new().rename("pence", "minor"))).await.unwrap();
    pay(&node, "order-3", 3, json!({ "minor": 3 })).await;
    assert_eq!(shown(&node, "order-3").await.as_deref(), Some("3 minor"));
    node.shutdown().await;
    let node = follower::serve(&data).await;
    for (id, amount) in [("order-1", "1 minor"), ("order-2", "2 minor"), ("order-3", "3 minor")] {
        assert_eq!(shown(&node, id).await.as_deref(), Some(amount));
    }
}

#[tokio::test]
async fn an_upcaster_does_not_stand_for_readers_of_the_earlier_version() {
    let data = Data::new();
    let node = follower::serve(&data).await;
    let mut wanted = registration("OrderPaid", object("cents"), None);
    let mode = ChosenMode { mode: CompatibilityMode::FullTransitive, reason: None, expires: None };
    wanted.rules = Some(SubjectRules { compatibility: Some(mode), ..SubjectRules::default() });
    node.schema_service().register(wanted, info()).await.unwrap();
    let refused = register(&node, paid("minor"), Some(renamed())).await.unwrap_err();
    assert!(matches!(refused, SchemaFailure::Registry(RegisterError::Incompatible { .. })), "{refused}");
}

#[tokio::test]
async fn what_is_not_bounded_is_not_registered() {
    let data = Data::new();
    let node = follower::serve(&data).await;
    register(&node, paid("cents"), None).await.unwrap();
    let deep: String = "/a".repeat(600);
    let many = (0..300).fold(Steps::new(), |steps, _| steps.remove("x"));
    for (steps, reason) in [(Steps::new().rename("cents", deep.as_str()), "600 levels"), (many, "300 steps")] {
        let refused = register(&node, paid("minor"), Some(steps)).await.unwrap_err();
        assert!(refused.to_string().contains(reason), "{refused}");
    }
    // Each round doubles the payload.
    let doubling = (0..40).fold(Steps::new().rename("cents", "a"), |steps, _| {
        steps.copy("a", "b").nest(["a", "b"], "c").rename("c", "a")
    });
    let refused = register(&node, paid("minor"), Some(doubling)).await.unwrap_err();
    assert!(refused.to_string().contains("more than 16 MiB"), "{refused}");
    pay(&node, "order-1", 1, json!({ "cents": 1 })).await;
    assert_eq!(shown(&node, "order-1").await.as_deref(), Some("1 cents"));
}
