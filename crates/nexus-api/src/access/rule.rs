use nexus_core::ports::PolicyKind;

use super::RateClass;

/// What is asked before a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: it says nothing that is anybody's, and works without credentials.
    Public,
    /// The policy, before the handler.
    Door(Door),
    /// The policy, by the runtime, which knows the payload. The guard establishes only who asks.
    Inside(PolicyKind),
}

/// The question for the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Door {
    /// `input.kind`.
    pub(crate) kind: PolicyKind,
    /// `input.action`.
    pub(crate) action: &'static str,
    /// `input.resource.type`, or the path parameter that holds it, in braces.
    pub(crate) resource_type: &'static str,
    /// The path parameter that holds `input.resource.id`, if one does.
    pub(crate) id: Option<&'static str>,
    /// Which limit the request counts against.
    pub(crate) limit: Option<RateClass>,
}

impl Access {
    /// Reading a read model, a stream or what the platform is configured with.
    pub(crate) const fn query(action: &'static str, resource_type: &'static str) -> Door {
        Door::new(PolicyKind::Query, action, resource_type)
    }

    /// Following something live.
    pub(crate) const fn subscribe(action: &'static str, resource_type: &'static str) -> Door {
        Door::new(PolicyKind::Subscribe, action, resource_type)
    }

    /// Reading what was, of states or of decisions. That it was read is recorded before it is answered.
    pub(crate) const fn temporal(action: &'static str, resource_type: &'static str) -> Door {
        Door::new(PolicyKind::Temporal, action, resource_type)
    }

    /// Operating the platform. When that is reading, it is recorded before it is answered.
    pub(crate) const fn admin(action: &'static str, resource_type: &'static str) -> Door {
        Door::new(PolicyKind::Admin, action, resource_type)
    }

    /// The kind of the question, when there is one.
    pub(crate) fn kind(&self) -> Option<PolicyKind> {
        match self {
            Self::Public => None,
            Self::Door(door) => Some(door.kind),
            Self::Inside(kind) => Some(*kind),
        }
    }
}

impl Door {
    const fn new(kind: PolicyKind, action: &'static str, resource_type: &'static str) -> Self {
        Self { kind, action, resource_type, id: None, limit: None }
    }

    /// The path parameter that names the one thing acted on.
    pub(crate) const fn on(self, parameter: &'static str) -> Self {
        Self { id: Some(parameter), ..self }
    }

    /// Counts requests against a limit of their client.
    pub(crate) const fn limited(self, class: RateClass) -> Self {
        Self { limit: Some(class), ..self }
    }
}

impl From<Door> for Access {
    fn from(door: Door) -> Self {
        Self::Door(door)
    }
}
