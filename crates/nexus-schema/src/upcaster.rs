//! Upcasters that are registered with a version: where one may stand, and what stays because of it.

use nexus_core::{
    ports::{
        CompatibilityDirection, CompatibilityReport, Deletion, RegisterError, RegisteredSchema, Registration,
        SchemaKind, SchemaUpcaster, Subject,
    },
    upcast::Steps,
};

use crate::state::State;

/// Whether an upcaster can make up for everything that stands against a schema: it brings earlier documents to the new
/// version, and no new one to an earlier.
pub(crate) fn stands_for(report: &CompatibilityReport) -> bool {
    report
        .breaches
        .iter()
        .all(|breach| breach.direction == CompatibilityDirection::Backward && breach.rule != crate::compat::UNUSABLE)
}

/// The upcaster a new version gets: it begins at the newest version that documents may be stored under.
///
/// # Errors
/// When nothing is stored under schemas of this kind, or there is no version to begin at.
pub(crate) fn led_here(state: &State, wanted: &Registration) -> Result<Option<SchemaUpcaster>, RegisterError> {
    let Some(steps) = wanted.upcaster.clone() else { return Ok(None) };
    let refuse = |reason: &str| {
        let reason = reason.to_owned();
        Err(RegisterError::Upcaster { subject: wanted.subject.clone(), reason })
    };
    if let Err(reason) = steps.check_bounded() {
        return refuse(&reason);
    }
    if wanted.subject.kind == SchemaKind::Command {
        return refuse("commands are not stored, so there is nothing to upcast; a new version takes what clients send");
    }
    if wanted.import.is_some() {
        return refuse("what is imported under a version of its own has no upcaster; register it as the next version");
    }
    let versions = state.of(&wanted.subject).map(|versions| versions.all.as_slice()).unwrap_or_default();
    let stored = versions.iter().rev().find(|entry| entry.known.deleted != Some(Deletion::Unused));
    match stored {
        Some(newest) => Ok(Some(SchemaUpcaster { from: newest.known.reference.version, steps })),
        None => refuse("it is the first version, so there is nothing to upcast from; leave `upcaster` out"),
    }
}

/// The upcaster of a version is part of it and does not change.
pub(crate) fn check_known(wanted: &Registration, known: &RegisteredSchema) -> Result<(), RegisterError> {
    let same = |steps: &Steps| known.upcaster.as_ref().is_some_and(|upcaster| upcaster.steps == *steps);
    if wanted.upcaster.as_ref().is_none_or(same) {
        return Ok(());
    }
    let has = if known.upcaster.is_some() { "another upcaster" } else { "no upcaster" };
    let reason = format!(
        "this schema is its version {} already, with {has}; what was registered does not change, so register a new \
         version that begins where this one ends",
        known.reference.version
    );
    Err(RegisterError::Upcaster { subject: wanted.subject.clone(), reason })
}

/// Refuses to forget one version through which upcasters lead to another.
pub(crate) fn check_not_led_through(state: &State, subject: &Subject, version: u32) -> Result<(), RegisterError> {
    match state.info(subject).and_then(|info| info.led_through(version)) {
        None => Ok(()),
        Some(to) => Err(RegisterError::LedThrough { subject: subject.clone(), version, to }),
    }
}
