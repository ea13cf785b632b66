use super::{Needs, RuleDescription};
use crate::Level;

/// Makes the entry of a rule with the page that is named after it.
macro_rules! described {
    ($id:literal, $level:ident, $needs:ident, $tags:expr, $security:expr, $title:literal, $why:literal, $mend:literal) => {
        RuleDescription {
            id: $id,
            title: $title,
            why: $why,
            mend: $mend,
            level: Level::$level,
            needs: Needs::$needs,
            tags: $tags,
            security_severity: $security,
            page: include_str!(concat!("../../../../docs/rules/", $id, ".md")),
        }
    };
}

/// All rules, by id.
pub const RULES: &[RuleDescription] = &[
    described!(
        "NX-ARCH-001",
        Error,
        Files,
        &["architecture"],
        None,
        "Services talk to each other through events only",
        "A service that calls another is down when the other is down, and can only be released with it.",
        "Follow the events of the other service and keep what you need of them in a read model of your own."
    ),
    described!(
        "NX-ARCH-002",
        Error,
        Files,
        &["architecture"],
        None,
        "No context uses the tables or the code of another",
        "Who reads another context's tables or imports its code depends on what that context never promised.",
        "Publish what the other context needs as an event, and give each context its own tables and types."
    ),
    described!(
        "NX-ARCH-003",
        Warning,
        Files,
        &["architecture"],
        None,
        "Contexts do not wait for each other's events in a circle",
        "Contexts that follow each other in a circle cannot be understood, replayed or released one by one.",
        "Break the circle at the edge that carries least: move the decision to one side, or let a saga lead."
    ),
    described!(
        "NX-EVT-001",
        Error,
        Files,
        &["events"],
        None,
        "Recorded events are never changed or deleted",
        "An event that can change proves nothing, and everything that was derived from it is wrong afterwards.",
        "Append an event that corrects the earlier one; personal data belongs where it can be forgotten."
    ),
    described!(
        "NX-EVT-002",
        Error,
        Files,
        &["events", "schemas"],
        None,
        "Every published event type has a registered schema of that very version",
        "An event without a schema is whatever its producer happened to write that day.",
        "Add the schema file, state its version in the manifest, and renew the lock with `nexus schema check --lock`."
    ),
    described!(
        "NX-EVT-003",
        Error,
        Files,
        &["events"],
        None,
        "Every consumed event type has a producer and a version that fits",
        "A consumer of an event that nobody publishes waits for ever, and no test of its own shows it.",
        "Correct the name or the range of versions, or remove what is no longer consumed."
    ),
    described!(
        "NX-EVT-004",
        Warning,
        Files,
        &["events"],
        None,
        "Events are named in the past tense and have an owner and a description",
        "An event is a fact that others build on; they must be able to read what happened and whom to ask.",
        "Name what has happened, and say in the schema what it means and who answers for it."
    ),
    described!(
        "NX-SCH-001",
        Error,
        Base,
        &["schemas", "compatibility"],
        None,
        "A schema follows its earlier versions as its mode demands",
        "The log keeps every event for ever, so a schema that refuses one of them breaks its readers.",
        "Make the new member optional, keep the old one, widen instead of narrowing, or bring an upcaster."
    ),
    described!(
        "NX-SCH-002",
        Error,
        Base,
        &["schemas", "compatibility"],
        None,
        "A version says how much has changed, and a breaking one brings an upcaster",
        "Consumers choose versions by their number; a number that understates the change breaks them unannounced.",
        "Raise the version at least as far as the change asks, and add the upcaster to a breaking one."
    ),
    described!(
        "NX-SCH-003",
        Error,
        Files,
        &["schemas", "compatibility"],
        None,
        "The name of a removed field is reserved",
        "A name that comes back with another meaning turns old events into wrong data without any error.",
        "List the name under `x-nexus-reserved` of the schema, and give the new field a name of its own."
    ),
    described!(
        "NX-SCH-004",
        Note,
        Base,
        &["schemas"],
        None,
        "Who is affected by a change of a schema",
        "Whoever changes an event should know who reads it before they learn it from an outage.",
        "Nothing is to be mended; tell the owners that are named."
    ),
    described!(
        "NX-SCH-005",
        Warning,
        Files,
        &["schemas", "privacy", "security"],
        Some("5.0"),
        "Personal data is marked as such and has a key policy",
        "An event is never deleted; personal data in it can only be forgotten when it was marked and given a key.",
        "Mark the field with `x-nexus-pii` and say which key encrypts it, or rename a field that is none."
    ),
    described!(
        "NX-TMP-001",
        Error,
        Files,
        &["temporal", "security"],
        Some("6.5"),
        "Endpoints that ask the past limit their rate and their range",
        "One question about the past can read the whole log; without limits a single caller stops the service.",
        "State `rate-limit` and `max-range` at the endpoint, and enforce them."
    ),
    described!(
        "NX-TMP-002",
        Error,
        Files,
        &["temporal", "security"],
        Some("7.5"),
        "Replay without a bound asks for authorisation",
        "A replay hands out everything that ever happened, more than any single query would.",
        "State `authorization` at the endpoint, or bound what it can replay with `max-range`."
    ),
    described!(
        "NX-POL-001",
        Error,
        Files,
        &["policy"],
        None,
        "Policies load, are tested, and their denials say what to do",
        "A policy that does not load denies everything, an untested one denies what it should not.",
        "Mend what the message names; give each denial `id`, `message` and `remediation`, and each package a test."
    ),
    described!(
        "NX-POL-002",
        Error,
        BundleDigest,
        &["policy", "security"],
        Some("7.0"),
        "The policy in force is the policy that was checked",
        "What was tested protects nothing when something else is in force.",
        "Release the bundle that this gate has checked, or check the one that is released."
    ),
    described!(
        "NX-EXC-001",
        Error,
        Files,
        &["exceptions"],
        None,
        "Exceptions have an owner, a reason and an end, and are needed",
        "An exception that nobody answers for, or that outlives its cause, is a hole that nobody sees.",
        "Complete the exception, or delete it and mend what it hid."
    ),
];
