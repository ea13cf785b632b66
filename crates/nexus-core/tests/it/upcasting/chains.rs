use nexus_core::upcast::{Chain, ChainError, DeclaredUpcaster, Steps, UpcastFault, Upcasters};
use serde_json::{Value, json};

use super::support::{read, stored, takes_all, up_to, upcaster, wants_marks};

/// An upcaster that adds the mark of the version it leads to.
fn marks(from: u32) -> DeclaredUpcaster {
    upcaster(from, Steps::new().set(format!("v{}", from + 1), true))
}

#[test]
fn a_payload_of_any_version_goes_through_every_upcaster_up_to_the_newest() {
    let upcasters = up_to(4, [marks(1), marks(2), marks(3)], wants_marks());
    assert_eq!(read(&upcasters, 1, &json!({})).unwrap(), json!({ "v2": true, "v3": true, "v4": true }));
    assert_eq!(read(&upcasters, 3, &json!({})).unwrap(), json!({ "v4": true }));
    assert_eq!(read(&upcasters, 4, &json!({})).unwrap(), json!({}));
}

#[test]
fn what_is_current_and_other_types_are_handed_on_as_stored() {
    let upcasters = up_to(2, [marks(1)], wants_marks());
    let current = stored(2, &json!({ "a": 1 }));
    assert!(upcasters.current(&current).unwrap().is_as_stored());
    let mut other = stored(1, &json!({ "a": 1 }));
    other.event_type = "OrderShipped".parse().unwrap();
    assert_eq!(*upcasters.current(&other).unwrap(), other);
    let old = stored(1, &json!({}));
    let brought = upcasters.current(&old).unwrap();
    assert_eq!((brought.is_as_stored(), brought.metadata.schema_version), (false, 2));
    assert_eq!(
        (brought.hash, brought.receipt.clone(), brought.position),
        (old.hash, old.receipt.clone(), old.position)
    );
    assert_eq!(old.payload.as_str(), "{}");
    assert!(Upcasters::none().current(&old).unwrap().is_as_stored());
}

#[test]
fn compatible_versions_between_are_passed_as_they_are() {
    let chain = Chain::to("OrderPlaced", 4).upcaster(marks(2)).unwrap().unchanged(1, 2).unwrap();
    let upcasters = Upcasters::new([chain.unchanged(3, 4).unwrap()], takes_all());
    assert_eq!(read(&upcasters, 1, &json!({})).unwrap(), json!({ "v3": true }));
    let event = stored(3, &json!({ "a": 1.50 }));
    assert!(upcasters.current(&event).unwrap().is_as_stored());
}

#[test]
fn every_failure_names_type_versions_stream_version_and_position() {
    let panicking = upcaster(2, |_: Value| -> Value { panic!("no such thing") });
    let failing = upcaster(3, |_: Value| Err::<Value, _>("not today"));
    let upcasters = up_to(5, [marks(1), panicking, failing, marks(4)], wants_marks());
    let fault = |version: u32| {
        let error = read(&upcasters, version, &json!({ "v3": true })).unwrap_err();
        let text = error.to_string();
        let place = format!(
            "`OrderPlaced` in stream `order-1` at version 2 (position 42) is stored with schema version {version} and cannot be brought to 5: "
        );
        text.strip_prefix(&place).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert_eq!(fault(2), "the upcaster from 2 to 3 failed: it panicked: no such thing");
    assert_eq!(fault(3), "the upcaster from 3 to 4 failed: not today");
    assert_eq!(fault(6), "a newer application stored it; run that one");
    assert_eq!(fault(0), "no upcaster leads on from 0; add one");
    let error = read(&up_to(5, [marks(1), marks(2), marks(4)], wants_marks()), 1, &json!({})).unwrap_err();
    assert_eq!(error.fault, UpcastFault::Missing { from: 3 });
}

#[test]
fn the_upcaster_whose_result_is_refused_is_named_with_the_place() {
    let forgets = upcaster(2, Steps::new());
    let upcasters = up_to(4, [marks(1), forgets, marks(3)], wants_marks());
    let event = stored(1, &json!({}));
    // What readers check is the result; here it is the step before that is to blame, and the result is right.
    assert!(upcasters.current(&event).is_ok());
    let error = upcasters.proven(&event).unwrap_err();
    assert_eq!(error.pointer(), Some("/v3"));
    let blamed = |error: &UpcastFault| match error {
        UpcastFault::Invalid { from, to, .. } => Some((*from, *to)),
        _ => None,
    };
    assert_eq!(blamed(&error.fault), Some((2, 3)));
    let wrong_end = up_to(3, [upcaster(1, Steps::new().set("x", 1)), upcaster(2, Steps::new())], wants_marks());
    let error = wrong_end.current(&event).unwrap_err();
    // Read and refused: the first step that is wrong is looked for.
    assert_eq!(blamed(&error.fault), Some((1, 2)));
    assert!(error.to_string().ends_with("/v2: is missing"), "{error}");
}

#[test]
fn stored_bytes_that_are_no_json_are_an_error() {
    let mut event = stored(1, &json!({}));
    event.payload = nexus_core::Json::from_stored("{".into());
    let error = up_to(2, [marks(1)], takes_all()).current(&event).unwrap_err();
    assert!(matches!(error.fault, UpcastFault::NotJson(_)), "{error}");
}

#[test]
fn an_upcaster_may_lead_past_versions_but_not_past_the_newest_in_the_middle() {
    let leap = DeclaredUpcaster { to: 4, ..marks(1) };
    let upcasters = up_to(4, [leap.clone(), marks(3)], takes_all());
    assert_eq!(read(&upcasters, 1, &json!({})).unwrap(), json!({ "v2": true }));
    let chain = Chain::to("OrderPlaced", 3).unchanged(1, 4).unwrap().upcaster(marks(2)).unwrap();
    let error = read(&Upcasters::new([chain], takes_all()), 1, &json!({})).unwrap_err();
    assert!(matches!(error.fault, UpcastFault::Overshoots { from: 1, to: 4 }), "{error}");
    assert!(matches!(Chain::to("OrderPlaced", 3).upcaster(leap), Err(ChainError::Past { to: 4, wanted: 3, .. })));
}

#[test]
fn duplicates_and_circles_are_refused_when_they_are_declared() {
    let chain = || Chain::to("OrderPlaced", 9).upcaster(marks(2)).unwrap();
    assert!(matches!(chain().upcaster(marks(2)), Err(ChainError::Duplicate { from: 2, .. })));
    assert!(matches!(chain().unchanged(2, 3), Err(ChainError::Duplicate { from: 2, .. })));
    for to in [0, 1, 5] {
        let back = DeclaredUpcaster { to, ..marks(5) };
        assert!(matches!(chain().upcaster(back), Err(ChainError::Cycle { from: 5, .. })), "{to}");
    }
    assert!(matches!(chain().upcaster(marks(0)), Err(ChainError::Zero { .. })));
    let text = chain().upcaster(marks(2)).unwrap_err().to_string();
    assert!(text.contains("`OrderPlaced`") && text.contains("version 2"), "{text}");
}

#[test]
fn newer_events_are_read_only_across_compatible_changes() {
    let compatible = Chain::to("OrderPlaced", 2).upcaster(marks(1)).unwrap().unchanged(2, 3).unwrap();
    let event = stored(3, &json!({}));
    let upcasters = Upcasters::new([compatible], takes_all());
    assert!(upcasters.current(&event).unwrap().is_as_stored());
    let newer = stored(4, &json!({}));
    assert_eq!(upcasters.current(&newer).unwrap_err().fault, UpcastFault::Newer);
    // Without upcasters of its own, an application that was rolled back is guarded as well.
    let guarded = Upcasters::new([Chain::to("OrderPlaced", 1).guarded()], takes_all());
    assert_eq!(guarded.current(&event).unwrap_err().fault, UpcastFault::Newer);
}
