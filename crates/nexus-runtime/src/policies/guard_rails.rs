//! What no bundle may change: a platform that cannot write its own records, or whose policy nobody can mend, would be
//! lost; and events stay what they are.

use nexus_core::{
    Actor, Json,
    ports::{PolicyEngine, PolicyEvent, PolicyInput, PolicyKind, PolicyResource, PolicySchema, RequestContext},
};

use super::PolicyFailure;

/// The question whether somebody may bring a bundle into force.
pub(crate) const PUSH: &str = "policies.push";
/// The type of what is acted on.
pub(crate) const POLICY: &str = "policy";

/// The platform's own records: stream, type of the aggregate, event type.
const RECORDS: [(&str, &str, &str); 9] = [
    ("$schemas", "SchemaRegistry", "SchemaRegistered"),
    ("$schemas", "SchemaRegistry", "SchemaConfigured"),
    ("$schemas", "SchemaRegistry", "SchemaDeleted"),
    ("$policies", "PolicySet", "PolicyActivated"),
    ("$policies", "PolicySet", "PolicyCombined"),
    ("$decisions", "DecisionLog", "DecisionRecorded"),
    ("$decisions", "DecisionLog", "DecisionsDropped"),
    ("$tokens", "ApiTokens", "ApiTokenCreated"),
    ("$tokens", "ApiTokens", "ApiTokenRevoked"),
];

/// The ways to ask for a change of what is stored.
const CHANGES: [(&str, &str); 6] = [
    ("events.update", "event"),
    ("events.delete", "event"),
    ("events.truncate", "stream"),
    ("update", "event"),
    ("delete", "stream"),
    ("truncate", "events"),
];

/// Checks a policy before it comes into force. `author` is who brings it; nobody locks themselves out.
///
/// # Errors
/// [`PolicyFailure::GuardRail`] with what would happen.
pub(crate) fn check(
    policy: &dyn PolicyEngine,
    author: &Actor,
    bundle: &str,
    request: &RequestContext,
) -> Result<(), PolicyFailure> {
    let refuse = |consequence: String| Err(PolicyFailure::GuardRail { consequence });
    let (system, payload) = (Actor::system(), Json::empty_object());
    let plain = |kind, action, resource, actor| PolicyInput {
        kind,
        action,
        resource,
        actor,
        payload: None,
        event: None,
        schema: None,
        request,
    };
    for (id, resource_type, event_type) in RECORDS {
        let input = PolicyInput {
            event: Some(PolicyEvent { event_type, payload: &payload }),
            schema: Some(PolicySchema { id: 1, version: 1, registered: true }),
            ..plain(PolicyKind::Append, event_type, PolicyResource { resource_type, id }, &system)
        };
        if !policy.decide(&input).allows() {
            return refuse(format!("the platform could not write `{event_type}` to its own stream `{id}`"));
        }
    }
    let everything = Actor::new("$nexus".into(), ["admin", "operator", "writer", "system"].map(Into::into).to_vec());
    for (action, resource_type) in CHANGES {
        let resource = PolicyResource { resource_type, id: "any" };
        if policy.decide(&plain(PolicyKind::Admin, action, resource, &everything)).allows() {
            return refuse(format!("events could be changed: `{action}` would be allowed"));
        }
    }
    let resource = PolicyResource { resource_type: POLICY, id: bundle };
    if !policy.decide(&plain(PolicyKind::Admin, PUSH, resource, author)).allows() {
        return refuse(format!("`{}`, who brings it, could not bring another one", author.id));
    }
    Ok(())
}
