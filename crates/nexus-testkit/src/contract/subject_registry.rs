//! The contract of [`SubjectRegistry`].

use std::sync::Arc;

use nexus_core::{
    Timestamp,
    ports::{
        ChosenMode, Clock as _, CompatibilityMode, Deletion, RegisterError, RegisteredSchema, Registration,
        RegistrationPlan, RegistryChange, SchemaKind, SchemaLink, SchemaUpcaster, Subject, SubjectRegistry,
        SubjectRules,
    },
    upcast::Steps,
};
use serde_json::{Value, json};

use crate::{
    contract::{Breach, Outcome, blocking_suite, check, check_eq},
    fakes::ManualClock,
    fixture::json_text,
};

/// A registry of subjects under test.
pub trait SubjectRegistryFixture: Sized + Send + 'static {
    /// A fresh registry without schemas.
    fn start() -> Self;

    /// The registry.
    fn registry(&self) -> Arc<dyn SubjectRegistry>;
}

blocking_suite! {
    /// One `#[test]` for every case of [`contract::subject_registry`](crate::contract::subject_registry), run against
    /// a type that implements [`SubjectRegistryFixture`](crate::contract::SubjectRegistryFixture). Invoke it in a
    /// module of its own.
    export $ subject_registry_contract, subject_registry: [
        a_plan_changes_nothing,
        ids_and_versions_are_dense_and_in_order,
        the_same_schema_again_is_known,
        applying_twice_is_applying_once,
        what_was_deleted_is_not_written_under_any_more,
        deleting_for_good_comes_after_deleting,
        an_id_is_never_given_twice,
        what_others_refer_to_is_not_deleted,
        references_lead_to_registered_versions,
        a_schema_is_found_by_id_and_by_digest,
        rules_are_those_set_last,
        a_weaker_mode_ends_by_itself,
        subjects_are_listed_in_order_page_by_page,
        changes_in_their_order_rebuild_the_registry,
        an_upcaster_is_kept_with_its_version,
        an_upcaster_needs_something_to_begin_at,
        a_version_that_upcasters_lead_through_stays,
        stored_documents_are_checked_under_deleted_versions_too,
    ]
}

/// A moment like any other.
fn now() -> Timestamp {
    ManualClock::default().now()
}

fn event(name: &str) -> Subject {
    Subject::new(SchemaKind::Event, name)
}

/// An object with these optional members; each longer list is compatible with the shorter ones.
fn object(members: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        members.iter().map(|member| ((*member).to_owned(), json!({ "type": "integer" }))).collect();
    json!({ "type": "object", "properties": properties })
}

fn planned(registry: &dyn SubjectRegistry, wanted: &Registration) -> Result<RegisteredSchema, Breach> {
    match registry.plan_registration(wanted, now())? {
        RegistrationPlan::New(new) => Ok(*new),
        RegistrationPlan::Known(known) => Err(Breach::new(format!("it is known: {known:?}"))),
    }
}

fn add(registry: &dyn SubjectRegistry, name: &str, schema: Value) -> Result<RegisteredSchema, Breach> {
    let new = planned(registry, &Registration::new(event(name), schema))?;
    registry.apply(RegistryChange::Registered(Box::new(new.clone())))?;
    Ok(new)
}

fn delete(registry: &dyn SubjectRegistry, name: &str, version: Option<u32>, for_good: bool) -> Outcome {
    let change = registry.plan_deletion(&event(name), version, for_good)?;
    registry.apply(change)?;
    Ok(())
}

/// What is planned is not known until it is applied.
pub fn a_plan_changes_nothing<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let wanted = Registration::new(event("Placed"), object(&["a"]));
    let first = planned(&*registry, &wanted)?;
    check_eq!(planned(&*registry, &wanted)?, first, "the same plan again");
    check!(registry.find(SchemaKind::Event, "Placed", None).is_none(), "a planned schema is found");
    check!(registry.by_id(first.reference.id).is_none(), "a planned schema is found by its id");
    registry.apply(RegistryChange::Registered(Box::new(first)))?;
    registry.plan_deletion(&event("Placed"), None, false)?;
    check!(registry.find(SchemaKind::Event, "Placed", None).is_some(), "a planned deletion is done");
    Ok(())
}

/// The next id is one more than the last over all subjects, the next version one more than the last of its subject.
pub fn ids_and_versions_are_dense_and_in_order<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let mut given = Vec::new();
    for (name, members) in [("A", &["a"][..]), ("B", &["a"]), ("A", &["a", "b"]), ("A", &["a", "b", "c"])] {
        let new = add(&*registry, name, object(members))?;
        given.push((new.reference.id, new.reference.version));
    }
    check_eq!(given, [(1, 1), (2, 1), (3, 2), (4, 3)], "ids and versions");
    Ok(())
}

/// A schema that is registered is answered with its place, not planned again.
pub fn the_same_schema_again_is_known<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let first = add(&*registry, "A", object(&["a"]))?;
    add(&*registry, "A", object(&["a", "b"]))?;
    let again = registry.plan_registration(&Registration::new(event("A"), object(&["a"])), now())?;
    let known = matches!(&again, RegistrationPlan::Known(known) if known.reference == first.reference);
    check!(known, "the first schema again: {again:?}");
    Ok(())
}

/// A change that is applied once more, as after a lost answer, changes nothing.
pub fn applying_twice_is_applying_once<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let new = add(&*registry, "A", object(&["a"]))?;
    add(&*registry, "A", object(&["a", "b"]))?;
    let deletion = registry.plan_deletion(&event("A"), Some(2), false)?;
    registry.apply(deletion.clone())?;
    let before = registry.subjects(None, 10);
    registry.apply(RegistryChange::Registered(Box::new(new)))?;
    registry.apply(deletion)?;
    check_eq!(registry.subjects(None, 10), before, "the subjects");
    Ok(())
}

/// A deleted version is not the newest, and not one that documents are checked against; it is still found.
pub fn what_was_deleted_is_not_written_under_any_more<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let first = add(&*registry, "A", object(&["a"]))?;
    let second = add(&*registry, "A", object(&["a", "b"]))?;
    delete(&*registry, "A", Some(2), false)?;
    let newest = registry.find(SchemaKind::Event, "A", None).map(|document| document.reference);
    check_eq!(newest, Some(first.reference), "the newest");
    let found = registry.by_id(second.reference.id).map(|known| known.deleted);
    check_eq!(found, Some(Some(Deletion::Unused)), "the deleted version by its id");
    check!(registry.find(SchemaKind::Event, "A", Some(2)).is_some(), "the deleted version by its number");
    let twice = registry.plan_deletion(&event("A"), Some(2), false);
    check!(matches!(twice, Err(RegisterError::AlreadyDeleted { .. })), "deleting it again: {twice:?}");
    delete(&*registry, "A", None, false)?;
    check!(registry.find(SchemaKind::Event, "A", None).is_none(), "a newest version of a deleted subject");
    Ok(())
}

/// Only what was deleted is deleted for good; then it is not found any more.
pub fn deleting_for_good_comes_after_deleting<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let first = add(&*registry, "A", object(&["a"]))?;
    for version in [None, Some(1)] {
        let early = registry.plan_deletion(&event("A"), version, true);
        check!(matches!(early, Err(RegisterError::NotDeletedBefore { .. })), "for good at once: {early:?}");
    }
    delete(&*registry, "A", None, false)?;
    delete(&*registry, "A", None, true)?;
    check!(registry.by_id(first.reference.id).is_none(), "it is found by its id");
    check!(registry.find(SchemaKind::Event, "A", Some(1)).is_none(), "it is found by its version");
    let again = registry.plan_deletion(&event("A"), None, true);
    check!(matches!(again, Err(RegisterError::UnknownSubject { .. })), "deleting what is gone: {again:?}");
    let never = registry.plan_deletion(&event("B"), None, false);
    check!(matches!(never, Err(RegisterError::UnknownSubject { .. })), "deleting what never was: {never:?}");
    Ok(())
}

/// Neither an id nor a version is given again after a deletion for good.
pub fn an_id_is_never_given_twice<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    add(&*registry, "A", object(&["a"]))?;
    delete(&*registry, "A", None, false)?;
    delete(&*registry, "A", None, true)?;
    let next = add(&*registry, "A", object(&["a"]))?;
    check_eq!((next.reference.id, next.reference.version), (2, 2), "what the same schema becomes");
    Ok(())
}

fn link(subject: &str, version: u32) -> SchemaLink {
    SchemaLink { name: "money.json".to_owned(), subject: event(subject), version }
}

fn linked(subject: &str) -> Registration {
    let schema = json!({ "type": "object", "properties": { "price": { "$ref": "money.json" } } });
    Registration { links: vec![link("Money", 1)], ..Registration::new(event(subject), schema) }
}

/// A version that another schema refers to stays until that is deleted.
pub fn what_others_refer_to_is_not_deleted<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let money = add(&*registry, "Money", object(&["cents"]))?;
    let order = planned(&*registry, &linked("Order"))?;
    registry.apply(RegistryChange::Registered(Box::new(order.clone())))?;
    let referrers: Vec<u32> = registry.referrers(money.reference.id).iter().map(|by| by.reference.id).collect();
    check_eq!(referrers, [order.reference.id], "who refers to it");
    let refused = registry.plan_deletion(&event("Money"), None, false);
    let named = matches!(&refused, Err(RegisterError::Referenced { by, .. }) if *by == event("Order"));
    check!(named, "deleting what is referred to: {refused:?}");
    delete(&*registry, "Order", None, false)?;
    delete(&*registry, "Money", None, false)?;
    let refused = registry.plan_deletion(&event("Money"), None, true);
    check!(matches!(refused, Err(RegisterError::Referenced { .. })), "for good, while it is found: {refused:?}");
    delete(&*registry, "Order", None, true)?;
    delete(&*registry, "Money", None, true)?;
    Ok(())
}

/// A reference names a version that is registered, and is part of what makes a schema itself.
pub fn references_lead_to_registered_versions<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let nowhere = registry.plan_registration(&linked("Order"), now());
    check!(matches!(nowhere, Err(RegisterError::Reference { .. })), "a reference to nothing: {nowhere:?}");
    add(&*registry, "Money", object(&["cents"]))?;
    add(&*registry, "Money", object(&["cents", "tax"]))?;
    let order = planned(&*registry, &linked("Order"))?;
    registry.apply(RegistryChange::Registered(Box::new(order.clone())))?;
    let other = Registration { links: vec![link("Money", 2)], ..linked("Order") };
    check_eq!(registry.same(&linked("Order"))?.map(|known| known.reference.id), Some(order.reference.id), "the same");
    check!(registry.same(&other)?.is_none(), "the same text with another reference is the same schema");
    Ok(())
}

/// A schema is found by its id, and all with one digest together.
pub fn a_schema_is_found_by_id_and_by_digest<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let first = add(&*registry, "A", object(&["a"]))?;
    let other = add(&*registry, "B", object(&["a"]))?;
    check_eq!(first.reference.digest, other.reference.digest, "the digest of one text under two names");
    let ids: Vec<u32> = registry.by_digest(first.reference.digest).iter().map(|known| known.reference.id).collect();
    check_eq!(ids, [1, 2], "the schemas with that digest");
    check_eq!(registry.by_id(2).map(|known| (*known).clone()), Some(other), "the schema with id 2");
    check!(registry.by_id(3).is_none(), "a schema nobody registered");
    Ok(())
}

fn chosen(mode: CompatibilityMode) -> SubjectRules {
    let compatibility = Some(ChosenMode { mode, reason: None, expires: None });
    SubjectRules { compatibility, access: None }
}

/// The rules of a subject are those set last, and apart from those for all.
pub fn rules_are_those_set_last<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    add(&*registry, "A", object(&["a"]))?;
    let set = |subject: Option<&str>, mode| {
        registry.apply(RegistryChange::Configured { subject: subject.map(event), rules: chosen(mode) })
    };
    set(Some("A"), CompatibilityMode::Full)?;
    set(Some("A"), CompatibilityMode::Forward)?;
    set(None, CompatibilityMode::FullTransitive)?;
    let info = registry.subject(&event("A")).ok_or_else(|| Breach::new("the subject is not found"))?;
    check_eq!(info.rules, chosen(CompatibilityMode::Forward), "the rules of the subject");
    check_eq!(registry.global_rules(), chosen(CompatibilityMode::FullTransitive), "the rules for all");
    let mode = |name: &str| registry.judge(&Registration::new(event(name), object(&["a"])), None, now());
    check_eq!(mode("A")?.mode, CompatibilityMode::Forward, "the mode of the subject");
    check_eq!(mode("B")?.mode, CompatibilityMode::FullTransitive, "the mode of one without rules");
    registry.apply(RegistryChange::Configured { subject: Some(event("A")), rules: SubjectRules::default() })?;
    check_eq!(mode("A")?.mode, CompatibilityMode::FullTransitive, "the mode once the rules are gone");
    Ok(())
}

/// Without rules the default of the kind holds, and so it does again when a choice has ended.
pub fn a_weaker_mode_ends_by_itself<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let wanted = Registration::new(event("A"), object(&["a"]));
    check_eq!(registry.judge(&wanted, None, now())?.mode, CompatibilityMode::BackwardTransitive, "the default");
    let choice = ChosenMode { mode: CompatibilityMode::None, reason: Some("a mistake".to_owned()), expires: None };
    let choice = choice.bounded(SchemaKind::Event, now());
    let end = choice.expires.ok_or_else(|| Breach::new("a weaker mode without an end"))?;
    let rules = SubjectRules { compatibility: Some(choice), access: None };
    registry.apply(RegistryChange::Configured { subject: Some(event("A")), rules })?;
    let before = end.saturating_add_micros(-1);
    check_eq!(registry.judge(&wanted, None, before)?.mode, CompatibilityMode::None, "before its end");
    check_eq!(registry.judge(&wanted, None, end)?.mode, CompatibilityMode::BackwardTransitive, "at its end");
    Ok(())
}

/// Subjects come by kind and name; the next page begins after the last one seen.
pub fn subjects_are_listed_in_order_page_by_page<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    for name in ["C", "A", "B"] {
        add(&*registry, name, object(&["a"]))?;
    }
    registry.register(SchemaKind::Command, "A", &object(&["a"]))?;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = registry.subjects(after.as_ref(), 2);
        check!(page.len() <= 2, "a page of {} subjects", page.len());
        let Some(last) = page.last() else { break };
        after = Some(last.subject.clone());
        seen.extend(page.into_iter().map(|info| info.subject));
    }
    check_eq!(seen, [event("A"), event("B"), event("C"), Subject::new(SchemaKind::Command, "A")], "the subjects");
    Ok(())
}

/// A registry that makes the same changes in the same order knows the same.
pub fn changes_in_their_order_rebuild_the_registry<F: SubjectRegistryFixture>() -> Outcome {
    let (fixture, twin) = (F::start(), F::start().registry().empty());
    let registry = fixture.registry();
    let mut changes = Vec::new();
    let mut make = |change: RegistryChange| {
        changes.push(change.clone());
        registry.apply(change)
    };
    for members in [&["a"][..], &["a", "b"], &["a", "b", "c"]] {
        let new = planned(&*registry, &Registration::new(event("A"), object(members)))?;
        make(RegistryChange::Registered(Box::new(new)))?;
    }
    make(RegistryChange::Configured { subject: Some(event("A")), rules: chosen(CompatibilityMode::Full) })?;
    for (version, for_good) in [(1, false), (1, true), (2, false)] {
        make(registry.plan_deletion(&event("A"), Some(version), for_good)?)?;
    }
    for change in changes {
        twin.apply(change)?;
    }
    check_eq!(twin.subjects(None, 10), registry.subjects(None, 10), "the subjects");
    let next = Registration::new(event("A"), object(&["a", "b", "c", "d"]));
    check_eq!(planned(&*twin, &next)?.reference, planned(&*registry, &next)?.reference, "the next version");
    let document = json_text(r#"{"a":1}"#);
    check_eq!(
        twin.check(SchemaKind::Event, "A", None, &document)?.version,
        registry.check(SchemaKind::Event, "A", None, &document)?.version,
        "the version of a document"
    );
    Ok(())
}

fn led(members: &[&str], steps: Steps) -> Registration {
    Registration { upcaster: Some(steps), ..Registration::new(event("A"), object(members)) }
}

fn add_led(registry: &dyn SubjectRegistry, members: &[&str], steps: Steps) -> Result<RegisteredSchema, Breach> {
    let new = planned(registry, &led(members, steps))?;
    registry.apply(RegistryChange::Registered(Box::new(new.clone())))?;
    Ok(new)
}

/// An upcaster begins at the newest version there was, is found with its own, and is not exchanged for another.
pub fn an_upcaster_is_kept_with_its_version<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    add(&*registry, "A", object(&["a"]))?;
    let steps = Steps::new().default("b", 1);
    let new = add_led(&*registry, &["a", "b"], steps.clone())?;
    let expected = Some(SchemaUpcaster { from: 1, steps: steps.clone() });
    check_eq!(new.upcaster, expected, "the planned upcaster");
    check_eq!(registry.by_id(2).and_then(|known| known.upcaster.clone()), expected, "the upcaster");
    for again in [led(&["a", "b"], steps), Registration::new(event("A"), object(&["a", "b"]))] {
        let plan = registry.plan_registration(&again, now())?;
        check!(matches!(plan, RegistrationPlan::Known(_)), "the same again, or without its upcaster: {plan:?}");
    }
    let other = registry.plan_registration(&led(&["a", "b"], Steps::new().default("b", 2)), now());
    check!(matches!(other, Err(RegisterError::Upcaster { .. })), "the same schema with another upcaster: {other:?}");
    Ok(())
}

/// A first version, and a command, have no upcaster.
pub fn an_upcaster_needs_something_to_begin_at<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    let first = registry.plan_registration(&led(&["a"], Steps::new()), now());
    check!(matches!(first, Err(RegisterError::Upcaster { .. })), "an upcaster of a first version: {first:?}");
    registry.register(SchemaKind::Command, "A", &object(&["a"]))?;
    let wanted = Registration { subject: Subject::new(SchemaKind::Command, "A"), ..led(&["a", "b"], Steps::new()) };
    let command = registry.plan_registration(&wanted, now());
    check!(matches!(command, Err(RegisterError::Upcaster { .. })), "an upcaster of a command: {command:?}");
    Ok(())
}

/// A version at which an upcaster begins, or to which one leads on the way further, goes with the whole subject only.
pub fn a_version_that_upcasters_lead_through_stays<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    add(&*registry, "A", object(&["a"]))?;
    add_led(&*registry, &["a", "b"], Steps::new().default("b", 1))?;
    add(&*registry, "A", object(&["a", "b", "c"]))?;
    for version in [1, 2] {
        delete(&*registry, "A", Some(version), false)?;
        let refused = registry.plan_deletion(&event("A"), Some(version), true);
        let named = matches!(&refused, Err(RegisterError::LedThrough { version: named, .. }) if *named == version);
        check!(named, "deleting version {version} for good: {refused:?}");
    }
    delete(&*registry, "A", None, false)?;
    delete(&*registry, "A", None, true)?;
    Ok(())
}

/// What is stored under a version can be checked against it after nothing is written under it any more.
pub fn stored_documents_are_checked_under_deleted_versions_too<F: SubjectRegistryFixture>() -> Outcome {
    let fixture = F::start();
    let registry = fixture.registry();
    add(&*registry, "A", object(&["a"]))?;
    add(&*registry, "A", object(&["a", "b"]))?;
    delete(&*registry, "A", Some(1), false)?;
    let checked = registry.check_stored(&event("A"), 1, &json_text(r#"{"a":1}"#));
    check!(checked.is_ok(), "a document of a deleted version: {checked:?}");
    Ok(())
}
